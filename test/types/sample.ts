// What an app writes, and what the types must refuse. It is compiled, never run.
import {
  open, destroy, LarderError, ExistsError, ForkError, ServerError,
  type Database, type Draft, type ErrorCode, type JSONValue, type Row, type Schema, type Source, type Table,
  type Verdict,
} from '../../web/larder.js';

/** Compiles only if A and B are the same type. */
function same<A, B>(..._: (<X>() => X extends A ? 1 : 2) extends (<X>() => X extends B ? 1 : 2) ? [] : [never]) {}

const db = await open('app', {
  version: 2,
  tables: {
    todoitem: {
      columns: { text: 'string', complete: 'boolean', due: 'date', rank: 'integer', extra: 'json' },
      indexes: ['complete', ['complete', 'due'], { columns: ['text', 'updatedAt'], unique: true }],
    },
    note: { columns: { body: 'string' }, indexes: ['anything'], dynamic: true },
  },
  sync: { url: 'https://api.example.com', token: async ({ fresh }) => (fresh ? 'new' : undefined), live: true },
  signal: AbortSignal.timeout(1000),
  timeout: 5000,
  onBlocked: ({ reason }) => console.log(reason),
});

// Sources
const own = await open('own', {
  version: 1,
  tables: { note: { columns: { body: 'string', due: 'date' } }, tag: {} },
  sync: {
    protocol: 'azure',
    tables: {
      tag: { getChanges: () => ({ changed: [{ id: '1' }], ids: ['1'] }) },
      note: {
        timeout: 5000,
        getLastSync: ({ stored }) => stored,
        async getChanges({ since, limit, signal }) {
          const url = `/api/note?modifiedSince=${since}&limit=${limit}`;
          const changed: { id: string; body: string; due: string; version: number }[] = await (await fetch(url, { signal })).json();
          return { changed, removed: ['2'], next: 'x', more: changed.length === limit };
        },
        applyChanges: (operations) => operations.map(({ id, action, record, base, changes }) => {
          same<NonNullable<typeof record>['due'], Date | null | undefined>();
          if (action === 'delete') return { id };
          if (changes.body === null) return { id, refused: 'a note has a body' };
          return base ? { id, conflict: null } : { id, record };
        }),
      },
    },
  },
});
own.table('note');
const readOnly: Source = { getChanges: () => ({}) };
// @ts-expect-error: a source can be asked what has changed
const writeOnly: Source = { applyChanges: () => [] };
// @ts-expect-error: no such table
await open('own', { version: 1, tables: { note: {} }, sync: { tables: { notes: readOnly } } });
// @ts-expect-error: not both
const both: Verdict = { id: '1', conflict: null, refused: 'no' };

interface Todo {
  id: string;
  text?: string | null;
  complete?: boolean | null;
  due?: Date | null;
  rank?: number | null;
  extra?: JSONValue;
  readonly createdAt?: Date | null;
  readonly updatedAt?: Date | null;
  readonly version?: string | null;
  readonly deleted?: boolean | null;
}

const t = db.table('todoitem');
const todo: Table<Todo> = t;
await todo.insert({ text: 'bread' });

// Rows
const row = await t.get('1');
same<NonNullable<typeof row>, Todo>();
// @ts-expect-error: it may not be there
row.text;
if (row) {
  same<typeof row.text, string | null | undefined>();
  same<typeof row.due, Date | null | undefined>();
  same<typeof row.rank, number | null | undefined>();
  same<typeof row.updatedAt, Date | null | undefined>();
  same<typeof row.id, string>();
  // @ts-expect-error: no such column
  row.txt;
  // @ts-expect-error: the server's own
  row.version = 'k3-1';
  row.text = "rye";
  await t.put({ ...row, complete: true });
  await t.delete(row);
}
const several = await t.getMany(['1', '2']);
several[0]?.due?.getTime();

// Writes
const stored = await t.insert({ text: 'milk', due: new Date(), extra: { shops: ['Bakery', null], price: { eur: 2 } } });
stored.due?.toISOString();
await t.insert({ id: '7', due: '2026-11-21T09:00:00Z', rank: null });
await t.update({ id: '7', complete: true, version: stored.version ?? null });
const count: number = await t.bulkPut([{ id: '1', text: 'a' }, { text: 'b' }]);
await t.delete('7');
const draft: Draft<Row<{ columns: { text: 'string' } }>> = { text: 'x' };
await t.insert(draft);
// @ts-expect-error: an update needs an id
await t.update({ complete: true });
// @ts-expect-error: text is a string
await t.insert({ text: 1 });
// @ts-expect-error: a date is a Date or a string
await t.insert({ due: 1_700_000_000 });
// @ts-expect-error: no such column
await t.insert({ txt: 'bread' });
// @ts-expect-error: a function cannot be stored
await t.insert({ extra: () => 1 });
// @ts-expect-error: an id is a string
await t.get(1);
// @ts-expect-error: no such table
db.table('todo');

// Signals and progress
const { signal } = new AbortController();
await t.get('1', { signal });
await t.getMany(['1'], { signal });
await t.put({ id: '1' }, { signal });
await t.delete('1', { signal });
await t.bulkPut([], { signal, progress: ({ done, known }) => console.log(done / known) });
// @ts-expect-error: a signal is an AbortSignal
await t.get('1', { signal: 'stop' });
// @ts-expect-error: an insert of one record has no progress
await t.insert({}, { progress: () => {} });

// A dynamic table takes other columns as well
const note = await db.table('note').insert({ body: 'hello', colour: 'red' });
same<typeof note.body, string | null | undefined>();
same<typeof note.colour, unknown>();

// Queries
const open50 = t.where({ complete: false, rank: [1, 2, null] }).orderBy('due', 'text desc').skip(0).take(50);
const rows = await open50.toArray();
rows[0]?.due?.getTime();
for await (const item of open50.filter("due ge datetime'2026-11-21T00:00:00Z'")) item.text?.toUpperCase();
await t.each(async (item) => { await t.update({ id: item.id, complete: true }); });
(await t.where({ due: new Date() }).first())?.text;
await t.count({ signal });
(await t.where({ rank: { ge: 1, lt: 5 }, text: { startswith: 'b', ne: 'bread' }, extra: { any: ['shop'] } }).toArray({ signal })).length;
await t.where({ due: { gt: new Date(), le: '2027-01-01' }, complete: { ne: null }, id: ['1', '2'] }).each(() => {}, { signal });
await t.where({ rank: { in: [1, null] } }).explain();
// @ts-expect-error: a number does not start with a text
t.where({ rank: { startswith: '1' } });
// @ts-expect-error: a rank has no elements
t.where({ rank: { any: 1 } });
// @ts-expect-error: there is no such condition
t.where({ text: { like: 'b%' } });
t.where({ extra: { any: 1 } }).where({ extra: { any: null } }).where({ extra: { any: { startswith: 'b', in: ['bread', 2], ne: true } } });
// @ts-expect-error: any within any
t.where({ extra: { any: { any: 1 } } });
// @ts-expect-error: an object cannot be compared with
t.where({ extra: { eq: { a: 1 } } });
// @ts-expect-error: what is ordered is a number, a text or a date
t.where({ rank: { gt: 'five' } });
// @ts-expect-error: no such comparison
t.where({ rank: { greater: 1 } });
// @ts-expect-error: rank is a number
t.where({ rank: { gt: '1' } });
const texts = await t.select('text', 'due').orderByDescending('rank').toArray();
same<typeof texts[number]['due'], Date | null | undefined>();
// @ts-expect-error: not selected
texts[0]?.complete;
(await t.select(['id', 'text']).first())?.id.length;
const stop: () => void = t.where().live((all, change) => {
  all[0]?.text;
  change.added[0]?.due?.getTime();
  change.removed[0]?.length;
}, (error) => error.code);
t.select('text').live((all) => all[0]?.id.length);
stop();
(await open50.explain()).length;
open50.toJSON().take?.toFixed();
// @ts-expect-error: no such column
t.where({ done: false });
// @ts-expect-error: complete is a boolean
t.where({ complete: 'no' });
// @ts-expect-error: no such column
t.orderBy('duedate');
// @ts-expect-error: no such direction
t.orderBy('due down');
// @ts-expect-error: no such column
t.select('title');
// @ts-expect-error: a filter is text; where takes an object
t.filter({ complete: true });

// Transactions
const moved: number = await db.transaction(['todoitem', 'note'], 'readwrite', async (tx) => {
  const first = await tx.table('todoitem').orderBy('due').first();
  if (first) await tx.table('note').put({ id: first.id, body: first.text ?? null });
  return first ? 1 : 0;
}, { signal: AbortSignal.timeout(100) });
await db.transaction(['note'], 'readonly', async (tx) => {
  await tx.table('note').count();
  // @ts-expect-error: a transaction that reads cannot write
  await tx.table('note').delete('1');
  // @ts-expect-error: the transaction does not include it
  tx.table('todoitem');
});
// @ts-expect-error: no such table
await db.transaction(['notes'], 'readwrite', () => {});
// @ts-expect-error: no such mode
await db.transaction(['note'], 'write', () => {});

// Sync
const result = await db.push({ timeout: 1000 });
result.pushed + result.requests;
await db.pull('todoitem', { progress: ({ table, done, known }) => console.log(table, done / (known ?? done)) });
await db.pull(['todoitem', 'note']);
(await db.sync()).quarantined[0]?.reason;
// @ts-expect-error: no such table
await db.pull('notes');
const compared = await db.verify('todoitem', { signal, query: t.where({ complete: false }) });
same<typeof compared.table, 'todoitem' | 'note'>();
compared.differing.length - compared.healed;
db.on('digest', ({ sampled, rows }) => (sampled ? rows.toFixed() : ''));
// @ts-expect-error: no such table
await db.verify('notes');
db.status.lastSync?.getTime();
// @ts-expect-error: the database's to change
db.status = { ...db.status };
const tables: ('todoitem' | 'note')[] = await db.pulled();

// Events
const off: () => void = db.on('conflict', async ({ table, id, local, server, base }) => {
  if (!server) return 'local';
  if (!local || !base) return 'server';
  if (table === 'note') return 'cancel';
  if (local.complete && server.rank) return { ...server, complete: true };
  if (id === '9') return undefined; // decided later
  return 'discard';
});
db.on('conflict', () => {});
db.on('conflict', ({ server }) => server ?? 'discard');
db.on('online', ({ reason }) => reason === 'server');
db.on('sync', (event) => {
  if (event.phase === 'start') return;
  if (event.error) event.error.code;
  else event.pulled.toFixed();
});
db.on('quarantine', ({ operations }) => operations?.[0]?.recordId);
db.on('status', ({ pending }) => pending.toFixed());
// @ts-expect-error: no such event
db.on('ofline', () => {});
// @ts-expect-error: no such choice
db.on('conflict', () => 'mine');
// @ts-expect-error: a record has an id
db.on('conflict', () => ({ text: 'both' }));

// The outbox
db.pending.live((operations) => {
  for (const op of operations) {
    if (op.table === 'todoitem') op.record?.due?.getTime();
    // @ts-expect-error: no such state
    if (op.state === 'failed') return;
    if (op.state === 'quarantined') void db.pending.retry(op.id);
  }
});
await db.pending.edit('op', { text: 'better' });
await db.pending.discard('op');
const waiting: number = await db.pending.count();

// A server with another past
db.on('epoch', async ({ reason, tables }) => {
  same<typeof tables[number], 'todoitem' | 'note'>();
  // @ts-expect-error: no such reason
  if (reason === 'lost') return 'keep';
  return reason === 'restored' ? 'offer' : undefined;
});
// @ts-expect-error: no such course
db.on('epoch', () => 'drop');

// Errors
try {
  await t.insert({ id: '1' });
} catch (error) {
  if (error instanceof ExistsError) {
    const code: 'exists' = error.code;
    void code;
  } else if (error instanceof ServerError) {
    // @ts-expect-error: not one of the server's
    if (error.code === 'quota') error.message;
  } else if (error instanceof ForkError) {
    const code: 'fork' = error.code;
    void code;
  } else if (error instanceof LarderError) {
    same<typeof error.code, ErrorCode>();
    // @ts-expect-error: no such code
    if (error.code === 'missing') error.cause;
  }
}

// Opening
// @ts-expect-error: a version is needed
await open('app', { tables: { a: { columns: {} } } });
// @ts-expect-error: no such type of column
await open('app', { version: 1, tables: { a: { columns: { due: 'dates' } } } });
// @ts-expect-error: the index names no column
await open('app', { version: 1, tables: { a: { columns: { due: 'date' }, indexes: ['duedate'] } } });
// @ts-expect-error: a server has an address
await open('app', { version: 1, tables: {}, sync: { live: true } });

// Azure's names of types
const azure = await open('azure', { version: 1, tables: { a: { columns: { at: 'datetime', from: 'time', n: 'float', ok: 'bool', o: 'object' } } } });
const old = await azure.table('a').first();
if (old) {
  same<typeof old.at, Date | null | undefined>();
  same<typeof old.from, Date | null | undefined>();
  same<typeof old.n, number | null | undefined>();
  same<typeof old.ok, boolean | null | undefined>();
  same<typeof old.o, JSONValue | undefined>();
}

// A schema of its own, and functions over any database
const schema = { item: { columns: { name: 'string' }, indexes: ['name'] } } satisfies Schema;
const other = await open('other', { version: 1, tables: schema });
(await other.table('item').first())?.name?.trim();
async function size(any: Database): Promise<number> { return (await any.pending.count()) + any.status.pending; }
async function texted<R extends { id: string; text?: string | null }>(table: Table<R>, id: string) { return (await table.get(id))?.text; }
await texted(t, '1');
const fixed = { item: { columns: { name: 'string', since: 'date' }, indexes: ['since', ['name', 'since']] } } as const;
(await (await open('fixed', { version: 1, tables: fixed })).table('item').orderBy('since desc').first())?.since?.getTime();
await destroy('other', { signal });
await db.close();

export { count, moved, off, size, tables, waiting };
