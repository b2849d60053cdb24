// IndexedDB by hand, as someone would who knows it: one transaction a call, all requests at once, commit().

const completed = (tx) => new Promise((resolve, reject) => {
  tx.oncomplete = () => resolve();
  tx.onabort = () => reject(tx.error);
});

const answered = (request) => new Promise((resolve, reject) => {
  request.onsuccess = () => resolve(request.result);
  request.onerror = () => reject(request.error);
});

class Raw {
  constructor(db) { this.db = db; }

  put(records) {
    this.keys = records.map(({ id }) => id);
    const tx = this.db.transaction('todoitem', 'readwrite');
    const store = tx.objectStore('todoitem');
    for (const record of records) store.put(record);
    tx.commit();
    return completed(tx);
  }

  async fill(records) {
    await this.put(records);
    const tx = this.db.transaction('meta', 'readwrite');
    tx.objectStore('meta').put('/tables/todoitem?$deltatoken=page-0', 'cursor');
    await completed(tx);
  }

  insert(record) {
    record.id = crypto.randomUUID();
    const tx = this.db.transaction('todoitem', 'readwrite');
    tx.objectStore('todoitem').put(record);
    tx.commit();
    return completed(tx);
  }

  update(columns) {
    const tx = this.db.transaction('todoitem', 'readwrite');
    const store = tx.objectStore('todoitem');
    const request = store.get(columns.id);
    request.onsuccess = () => {
      store.put(Object.assign(request.result, columns));
      tx.commit();
    };
    return completed(tx);
  }

  get(id) { return answered(this.db.transaction('todoitem').objectStore('todoitem').get(id)); }
  all() { return answered(this.db.transaction('todoitem').objectStore('todoitem').getAll()); }
  count() { return answered(this.db.transaction('todoitem').objectStore('todoitem').count()); }

  range(lower, upper) {
    return answered(this.db.transaction('todoitem').objectStore('todoitem').index('rank').getAll(IDBKeyRange.bound(lower, upper)));
  }

  page(after, count) {
    return answered(this.db.transaction('todoitem').objectStore('todoitem').index('rank').getAll(IDBKeyRange.lowerBound(after, true), count));
  }

  modify(n) {
    const tx = this.db.transaction('todoitem', 'readwrite');
    const store = tx.objectStore('todoitem');
    let left = n;
    for (const id of this.keys.slice(0, n)) {
      const request = store.get(id);
      request.onsuccess = () => {
        const row = request.result;
        row.rank++;
        store.put(row);
        if (--left === 0) tx.commit();
      };
    }
    return completed(tx);
  }

  cursor() {
    const request = this.db.transaction('todoitem').objectStore('todoitem').openCursor();
    let n = 0, total = 0;
    return new Promise((resolve, reject) => {
      request.onerror = () => reject(request.error);
      request.onsuccess = () => {
        const cursor = request.result;
        if (!cursor) return resolve([n, total]);
        n++;
        total += cursor.value.rank;
        return cursor.continue();
      };
    });
  }

  async pull() {
    const link = await answered(this.db.transaction('meta').objectStore('meta').get('cursor'));
    const page = await (await fetch(link)).json();
    const tx = this.db.transaction(['todoitem', 'meta'], 'readwrite');
    const store = tx.objectStore('todoitem');
    for (const change of page.value) {
      if (change['@removed']) store.delete(change.id);
      else store.put(change);
    }
    tx.objectStore('meta').put(page['@odata.deltaLink'], 'cursor');
    tx.commit();
    await completed(tx);
  }

  async close() { this.db.close(); }
}

export async function open(name) {
  const request = indexedDB.open(name, 1);
  request.onupgradeneeded = () => {
    const store = request.result.createObjectStore('todoitem', { keyPath: 'id' });
    store.createIndex('list', 'list');
    store.createIndex('rank', 'rank');
    request.result.createObjectStore('meta');
  };
  return new Raw(await answered(request));
}

export const destroy = (name) => answered(indexedDB.deleteDatabase(name));
