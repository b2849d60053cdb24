// IndexedDB by hand, as someone would who knows it.
import { contend } from './clock.js';

const answered = (request) => new Promise((resolve, reject) => {
  request.onsuccess = () => resolve(request.result);
  request.onerror = () => reject(request.error);
});

async function open() {
  const request = indexedDB.open('first-raw', 1);
  request.onupgradeneeded = () => {
    const store = request.result.createObjectStore('todoitem', { keyPath: 'id' });
    store.createIndex('list', 'list');
    store.createIndex('rank', 'rank');
  };
  return answered(request);
}

contend({
  first: async () => answered((await open()).transaction('todoitem').objectStore('todoitem').index('rank').getAll(null, 50)),
  fill: async (records) => {
    const tx = (await open()).transaction('todoitem', 'readwrite');
    for (const record of records) tx.objectStore('todoitem').put(record);
    await new Promise((resolve) => { tx.oncomplete = resolve; });
  },
});
