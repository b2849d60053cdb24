import { open } from './larder.js';

const { name, run } = globalThis.task;
const tables = { item: { columns: { text: 'string', run: 'string' }, indexes: ['run'] } };
const sync = { url: parent.location.origin };

try {
  if (run === 'upgrade') {
    await open(name, {
      version: 2, sync,
      tables: { item: { columns: { title: 'string', run: 'string' }, indexes: ['title', 'run'] }, more: { columns: { text: 'string' } } },
      migrate: { 2: { item: ({ text, ...row }) => ({ ...row, title: text }) } },
    });
  } else {
    const db = await open(name, { version: 1, tables, sync });
    await db.transaction(['item'], 'readwrite', async (tx) => {
      const item = tx.table('item');
      await item.insert({ id: `${run}-1`, text: 'one', run });
      await item.insert({ id: `${run}-2`, text: 'two', run });
      await item.update({ id: `${run}-1`, text: 'first' });
    });
    await db.table('item').bulkPut([{ id: `${run}-3`, run }, { id: `${run}-4`, run }]);
  }
  parent.finished(globalThis.steps());
} catch (error) {
  parent.failed(String(error));
}
