// PouchDB with its indexeddb adapter, the newer one, and the plugin for indexes.
import PouchDB from 'pouchdb-core';
import indexeddb from 'pouchdb-adapter-indexeddb';
import find from 'pouchdb-find';

PouchDB.plugin(indexeddb).plugin(find);

class Documents {
  constructor(db) { this.db = db; }

  async put(records) {
    for (const record of records) record._id = record.id;
    const failed = (await this.db.bulkDocs(records)).filter(({ error }) => error);
    if (failed.length) throw new Error(`${failed.length} rows were not put`);
  }

  insert(record) { return this.db.put({ _id: crypto.randomUUID(), ...record }); }
  get(id) { return this.db.get(id); }
  async all() { return (await this.rows({ include_docs: true })).map(({ doc }) => doc); }
  async page(after, count) { return (await this.db.find({ selector: { rank: { $gt: after } }, sort: ['rank'], limit: count })).docs; }
  async count() { return (await this.rows()).length; }
  async rows(options = {}) { return (await this.db.allDocs(options)).rows.filter(({ id }) => !id.startsWith('_')); } // not its indexes
  close() { return this.db.close(); }
}

const connect = (name) => new PouchDB(name, { adapter: 'indexeddb' });

export async function open(name) {
  const db = connect(name);
  for (const field of ['list', 'rank']) await db.createIndex({ index: { fields: [field] } });
  return new Documents(db);
}

export const destroy = (name) => connect(name).destroy();
