// PouchDB with its indexeddb adapter, the newer one, and its replication to pouchdb-server.
import PouchDB from 'pouchdb-core';
import http from 'pouchdb-adapter-http';
import indexeddb from 'pouchdb-adapter-indexeddb';
import replication from 'pouchdb-replication';

PouchDB.plugin(indexeddb).plugin(http).plugin(replication);

const options = { batch_size: 1000, batches_limit: 10 }; // its own 100 make it slower
const open = () => new PouchDB('pouchdb', { adapter: 'indexeddb' });

export async function first(url) {
  const db = open();
  await db.replicate.from(`${url}/todoitem`, options);
  return (await db.info()).doc_count;
}

export async function queue(url, records) {
  const db = open();
  await db.bulkDocs(records.map(({ id, ...record }) => ({ _id: id, ...record })));
  return async () => (await db.replicate.to(`${url}/pushed`, options)).docs_written;
}
