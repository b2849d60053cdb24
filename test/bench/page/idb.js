// Package idb in a Go program of its own, which has the rows as Go structs: what is asked for is done in Go, from the first
// row to the last, and only counts and sums come back.
import '/idb.js';
import '/wasm_exec.js';

const go = new Go();
const { instance } = await WebAssembly.instantiateStreaming(fetch('/bench/idb.wasm'), go.importObject);
go.run(instance);
await benchIDB.load(await (await fetch('/bench/work.json')).text());

export async function open(name) {
  const db = await benchIDB.open(name);
  return { ...db, fill: () => db.put() };
}

export const destroy = (name) => new Promise((resolve, reject) => {
  const request = indexedDB.deleteDatabase(name);
  request.onsuccess = () => resolve();
  request.onerror = () => reject(request.error);
});
