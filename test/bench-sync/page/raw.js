// The floor: fetch, JSON.parse, and the puts of each page by hand, with its cursor in the same transaction; and for a push
// batches of the wire's greatest size, whose answers are stored.
const headers = { 'ZUMO-API-VERSION': '2.0.0', 'content-type': 'application/json' };

const completed = (tx) => new Promise((resolve, reject) => {
  tx.oncomplete = () => resolve();
  tx.onabort = () => reject(tx.error);
});

const answered = (request) => new Promise((resolve, reject) => {
  request.onsuccess = () => resolve(request.result);
  request.onerror = () => reject(request.error);
});

function open() {
  const request = indexedDB.open('raw', 1);
  request.onupgradeneeded = () => {
    const store = request.result.createObjectStore('todoitem', { keyPath: 'id' });
    for (const name of ['list', 'rank']) store.createIndex(name, name);
    request.result.createObjectStore('meta');
  };
  return answered(request);
}

export async function first(url) {
  const db = await open();
  let next = `${url}/tables/todoitem?$deltatoken=&$top=1000`;
  while (next) {
    const page = await (await fetch(next, { headers })).json();
    const tx = db.transaction(['todoitem', 'meta'], 'readwrite');
    for (const row of page.value) tx.objectStore('todoitem').put(row);
    tx.objectStore('meta').put(page['@odata.nextLink'] ?? page['@odata.deltaLink'], 'cursor');
    tx.commit();
    await completed(tx);
    next = page['@odata.nextLink'] && new URL(page['@odata.nextLink'], url);
  }
  return answered(db.transaction('todoitem').objectStore('todoitem').count());
}

export async function queue(url, records) {
  const db = await open();
  const put = (rows) => {
    const tx = db.transaction('todoitem', 'readwrite');
    for (const row of rows) tx.objectStore('todoitem').put(row);
    tx.commit();
    return completed(tx);
  };
  await put(records);
  return async () => {
    for (let i = 0; i < records.length; i += 1000) {
      const requests = records.slice(i, i + 1000).map((body, n) => ({
        id: String(n), method: 'POST', url: 'todoitem', body, headers: { 'content-type': 'application/json' },
      }));
      const answer = await (await fetch(`${url}/tables/$batch`, { method: 'POST', headers, body: JSON.stringify({ requests }) })).json();
      await put(answer.responses.map(({ status, body }) => {
        if (status !== 201) throw new Error(JSON.stringify(body));
        return body;
      }));
    }
    return records.length;
  };
}
