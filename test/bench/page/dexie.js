import { Dexie } from '/bench/dexie.mjs';

class Wrapped {
  constructor(db) { this.db = db; }

  put(records) { return this.db.todoitem.bulkPut(records); }

  async fill(records) {
    await this.put(records);
    await this.db.meta.put('/tables/todoitem?$deltatoken=page-0', 'cursor');
  }

  insert(record) { return this.db.todoitem.add({ id: crypto.randomUUID(), ...record }); }
  update({ id, ...columns }) { return this.db.todoitem.update(id, columns); }
  get(id) { return this.db.todoitem.get(id); }
  all() { return this.db.todoitem.toArray(); }
  page(after, count) { return this.db.todoitem.where('rank').above(after).limit(count).toArray(); }
  count() { return this.db.todoitem.count(); }

  async pull() {
    const page = await (await fetch(await this.db.meta.get('cursor'))).json();
    const puts = [];
    const removed = [];
    for (const change of page.value) {
      if (change['@removed']) removed.push(change.id);
      else puts.push(change);
    }
    await this.db.transaction('rw', this.db.todoitem, this.db.meta, async () => {
      await this.db.todoitem.bulkPut(puts);
      await this.db.todoitem.bulkDelete(removed);
      await this.db.meta.put(page['@odata.deltaLink'], 'cursor');
    });
  }

  async close() { this.db.close(); }
}

export async function open(name) {
  const db = new Dexie(name);
  db.version(1).stores({ todoitem: 'id, list, rank', meta: '' });
  return new Wrapped(await db.open());
}

export const destroy = (name) => Dexie.delete(name);
