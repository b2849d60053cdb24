// What waits in the outbox, pushed with no page open, when the browser's sync event says that the network is back.
//
// larder.js leaves a note for each database that was opened with background: true. The engine starts for that alone, never to answer a request.
// An app without Larder's data has no engine beside sw.js, and nothing to push.
'use strict';

const NOTES = 'larder background'; // the Cache with a note for each database: { schema, token }
const TAG = 'larder:'; // and the database's name
const ENGINE = ['wasm_exec.js', 'idb.js'];
const PATIENCE = 170000; // milliseconds: browsers end a sync event after three minutes

let engine;

// start runs the engine, which hands over its functions by calling larderReady, and then runs as long as the worker does.
async function start() {
  importScripts(...ENGINE);
  const url = new URL('larder.wasm', location).href, go = new Go();
  const program = await caches.match(url, { ignoreVary: true }) ?? await fetch(url);
  const { instance } = await WebAssembly.instantiate(await program.arrayBuffer(), go.importObject);
  return new Promise((resolve, reject) => {
    self.larderReady = resolve;
    go.run(instance).then(() => reject(new Error('the engine has stopped')), reject).finally(() => { engine = undefined; });
  });
}

// push sends what a database has waiting. What the server refuses waits for a page, as do conflicts and all that waits for another server than it was; if nothing could be sent the promise is
// rejected, and the browser tries again.
async function push(name) {
  const note = await caches.match(`${location.origin}/${encodeURIComponent(name)}`, { cacheName: NOTES });
  if (!note) return;
  const { schema, token } = await note.json();
  const tabs = new BroadcastChannel(`${TAG}${name}:changes`), nothing = () => {};
  const { open } = await (engine ??= start());
  const database = await open(name, schema, {
    timeout: PATIENCE,
    commit: (changes) => tabs.postMessage({ changes: JSON.parse(changes) }),
    conflict: () => '{"choice":"later"}',
    epoch: () => 'keep',
    token: () => token,
    event: nothing, versionchange: nothing, closed: nothing, reopened: nothing, failed: nothing, evicted: nothing,
  });
  try {
    await database.run('{"push":true,"tables":[]}', PATIENCE);
  } finally {
    await database.close();
    tabs.close();
  }
}

addEventListener('install', () => {
  try {
    importScripts(...ENGINE); // only what is imported before the end of the installation can be imported later
  } catch (cause) {
    if (cause.name !== 'NetworkError') throw cause; // not there: this app has no engine
  }
});

addEventListener('sync', (event) => {
  if (event.tag.startsWith(TAG)) event.waitUntil(push(event.tag.slice(TAG.length)));
});
