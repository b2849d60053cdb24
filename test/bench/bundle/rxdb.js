// RxDB with its Dexie storage, the fastest of those that are free.
import { createRxDatabase } from 'rxdb/plugins/core';
import { getRxStorageDexie } from 'rxdb/plugins/storage-dexie';

const text = { type: 'string' };
const schema = {
  version: 0,
  type: 'object',
  primaryKey: 'id',
  properties: {
    id: { type: 'string', maxLength: 40 },
    text,
    notes: text,
    complete: { type: 'boolean' },
    list: { type: 'string', maxLength: 20 },
    rank: { type: 'integer', minimum: 0, maximum: 1_000_000, multipleOf: 1 },
  },
  required: ['id', 'text', 'notes', 'complete', 'list', 'rank'],
  indexes: ['list', 'rank'],
};

const makers = new Map(); // open databases by name

class Collection {
  constructor(name, collection) {
    this.name = name;
    this.rows = collection;
  }

  async put(records) {
    const { error } = await this.rows.bulkInsert(records);
    if (error.length) throw new Error(`${error.length} rows were not inserted`);
  }

  insert(record) { return this.rows.insert({ id: crypto.randomUUID(), ...record }); }
  get(id) { return this.rows.findOne(id).exec(); }
  all() { return this.rows.find().exec(); }
  page(after, count) { return this.rows.find({ selector: { rank: { $gt: after } }, sort: [{ rank: 'asc' }], limit: count }).exec(); }
  count() { return this.rows.count().exec(); }

  close() {
    const db = makers.get(this.name);
    makers.delete(this.name);
    return db.remove(); // its name could not be used again soon otherwise
  }
}

export async function open(name) {
  const db = await createRxDatabase({ name, storage: getRxStorageDexie(), multiInstance: false });
  makers.set(name, db);
  const { todoitem } = await db.addCollections({ todoitem: { schema } });
  return new Collection(name, todoitem);
}

export async function destroy(name) { await makers.get(name)?.remove(); }
