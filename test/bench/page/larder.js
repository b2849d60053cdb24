import * as larder from '/larder.js';

class Larder {
  constructor(db) { this.use(db); }

  use(db) {
    this.db = db;
    this.table = db.table('todoitem');
  }

  put(records) { return this.table.bulkPut(records); }
  fill() { return this.pull(); } // its first pull
  insert(record) { return this.table.insert(record); }
  update(columns) { return this.table.update(columns); }
  get(id) { return this.table.get(id); }
  all() { return this.table.where().toArray(); }
  page(after, count) { return this.table.filter(`rank gt ${after}`).orderBy('rank').take(count).toArray(); }
  count() { return this.table.where().count(); }
  pull() { return this.db.pull('todoitem', { timeout: 600_000 }); }
  close() { return this.db.close(); }

  async export() {
    this.exported = 0;
    for await (const bytes of this.db.export()) this.exported += bytes.length;
  }

  async migrate() {
    await this.db.close();
    const { text, ...columns } = schema.columns;
    this.use(await larder.open(this.db.name, {
      version: 2,
      tables: { todoitem: { ...schema, columns: { ...columns, title: text } } },
      migrate: { 2: { todoitem: ({ text: title, ...row }) => ({ ...row, title }) } },
    }));
  }
}

const schema = {
  columns: { text: 'string', notes: 'string', complete: 'boolean', list: 'string', rank: 'integer' },
  indexes: ['list', 'rank'],
};

export async function open(name, sync) {
  return new Larder(await larder.open(name, {
    version: 1,
    tables: { todoitem: schema },
    sync: sync ? { url: location.origin } : undefined,
  }));
}

export const { destroy } = larder;
