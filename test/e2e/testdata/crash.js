// Counts the steps from this page into IndexedDB, before anything else is loaded. At the one that its task names, the page
// above takes this one away: its connections are cut there and then, and what it was waiting for never comes.
'use strict';
(() => {
  const { last } = globalThis.task;
  let steps = 0;
  const step = (name) => {
    if (++steps === last) parent.end(name);
  };
  globalThis.steps = () => steps;
  const watched = [
    [IDBFactory, ['open']],
    [IDBDatabase, ['transaction', 'createObjectStore', 'deleteObjectStore']],
    [IDBTransaction, ['commit']],
    [IDBObjectStore, ['put', 'add', 'delete', 'get', 'getAll', 'getAllKeys', 'count', 'createIndex', 'deleteIndex']],
    [IDBIndex, ['get', 'getAll', 'getAllKeys', 'count']],
  ];
  for (const [type, methods] of watched) {
    for (const method of methods) {
      const original = type.prototype[method];
      type.prototype[method] = function watchedMethod(...args) {
        const result = original.apply(this, args);
        step(`${type.name}.${method}`); // the request is made, and its answer is awaited
        return result;
      };
    }
  }
})();
