import { open } from '/larder.js';

const connect = (url) => open('larder', {
  version: 1,
  tables: { todoitem: { columns: { text: 'string', notes: 'string', complete: 'boolean', list: 'string', rank: 'integer' }, indexes: ['list', 'rank'] } },
  sync: { url },
});

export async function first(url) {
  const db = await connect(url);
  await db.pull('todoitem', { timeout: 600_000 });
  return db.table('todoitem').where().count();
}

export async function queue(url, records) {
  const db = await connect(url);
  await db.table('todoitem').bulkPut(records);
  return async () => (await db.push({ timeout: 600_000 })).pushed;
}
