// The app of a device in TestChaos: the body of an async function, whose arguments are the database's name and by how many
// milliseconds this page's clock is wrong. It leaves window.chaos.
const [name, skew] = arguments;
const RealDate = Date;
globalThis.Date = class extends RealDate {
  constructor(...parts) {
    if (parts.length) super(...parts);
    else super(RealDate.now() + skew);
  }

  static now() { return RealDate.now() + skew; }
};

const { open } = await import('/larder.js');
const db = await open(name, {
  version: 1,
  tables: {
    log: { columns: { counter: 'string' }, indexes: ['counter'] },
    counter: { columns: { n: 'number', by: 'string' } },
    item: { columns: { text: 'string', rank: 'number' }, indexes: ['rank'] },
  },
  sync: { url: location.origin, live: true },
  timeout: 60_000, // a page that has crashed may leave the storage busy for long where many browsers share a machine
});
await db.pulled(); // which waits for the engine: without a network it could not be loaded
const any = (...of) => of[Math.floor(Math.random() * of.length)];
const told = [];
for (const event of ['storage', 'epoch', 'fork', 'auth']) db.on(event, ({ reason }) => told.push(`${event}: ${reason}`));

// A counter's sum is what both sides added. As its column `by` never changes alike on both, each meeting is a conflict. Of an
// item anything may become, and sometimes the app cannot say.
db.on('conflict', ({ table, id, local, server, base }) => {
  if (table === 'counter') return { id, n: server.n + local.n - base.n, by: local.by };
  if (Math.random() < 0.1) throw new Error('the app cannot decide');
  return any('local', 'server', 'discard', ...(local && server ? [{ ...server, text: local.text }] : []));
});

const count = (marker, id, atomic) => db.transaction(['log', 'counter'], 'readwrite', async (tx) => {
  const { n } = await tx.table('counter').get(id);
  await tx.table('counter').update({ id, n: n + 1, by: marker });
  await tx.table('log').insert({ id: marker, counter: id });
}, { atomic });

const items = db.table('item');
const both = (rows) => db.transaction(['item'], 'readwrite', (tx) => tx.table('item').bulkPut(rows), { atomic: true });
const missing = (error) => { if (error.code !== 'not-found') throw error; };
const change = (marker) => {
  const id = `i${Math.floor(Math.random() * 20)}`;
  return any(
    () => items.put({ id, text: marker, rank: Math.floor(Math.random() * 5) }),
    () => items.update({ id, text: marker }).catch(missing),
    () => items.update({ id, rank: Math.floor(Math.random() * 5) }).catch(missing),
    () => items.delete(id),
    () => both([{ id, text: marker }, { id: `${id}-2`, text: marker }]),
  )();
};

const rows = async (table) => (await db.table(table).toArray()).sort((a, b) => (a.id < b.id ? -1 : 1));

window.chaos = {
  first: () => db.pull(['log', 'counter', 'item'], { timeout: 30_000 }),
  count,
  change,
  many: (markers) => db.table('log').bulkPut(markers.map((id) => ({ id }))),
  told,
  /** Brings everything that waits to its end. Gives what still waits, for people to read. */
  rest: async () => {
    for (const { id, state } of await db.pending.toArray()) {
      if (state === 'quarantined') await db.pending.retry(id).catch(missing);
    }
    await db.sync({ timeout: 60_000 });
    return (await db.pending.toArray()).map((op) => `${op.action} ${op.table}/${op.recordId} ${op.state} ${op.reason ?? ''}`);
  },
  rows: async () => ({ log: await rows('log'), counter: await rows('counter'), item: await rows('item') }),
};
