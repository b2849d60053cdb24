import { open } from './larder.js';

const { name, run } = globalThis.task;
const { finished, failed, location } = parent; // which a frame that was taken away does not have any more
const tables = { item: { columns: { text: 'string', run: 'string' }, indexes: ['run'] } };
const sync = { url: location.origin };

async function upgrade() {
  await open(name, {
    version: 2, sync,
    tables: { item: { columns: { title: 'string', run: 'string' }, indexes: ['title', 'run'] }, more: { columns: { text: 'string' } } },
    migrate: { 2: { item: ({ text, ...row }) => ({ ...row, title: text }) } },
  });
}

async function write() {
  const db = await open(name, { version: 1, tables, sync });
  await db.transaction(['item'], 'readwrite', async (tx) => {
    const item = tx.table('item');
    await item.insert({ id: `${run}-1`, text: 'one', run });
    await item.insert({ id: `${run}-2`, text: 'two', run });
    await item.update({ id: `${run}-1`, text: 'first' });
  });
  await db.table('item').bulkPut([{ id: `${run}-3`, run }, { id: `${run}-4`, run }]);
}

// No await at the top: WebKit resumes such a module for ever, in a loop that nothing else gets a turn in, when its frame is gone.
(run === 'upgrade' ? upgrade() : write()).then(() => finished(globalThis.steps()), (error) => failed(String(error)));
