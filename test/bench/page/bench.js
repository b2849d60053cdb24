// A contender is a module that exports open(name, sync), which gives a database with put(records), insert(record without id), update(columns),
// fill(records), get(id), all(), count(), page(after, count) and range(lower, upper) by rank, modify(n), cursor(), pull() and
// close(); and destroy(name). Not all can do all. A database with sync keeps an outbox, if its maker has one. One that is no JavaScript does the gets itself, and gives [count, sum of ranks] where others give rows. The runner calls the steps below one by one, and turns
// from one contender to the next itself. Only the step's own work is timed; a step whose result is wrong throws.
const contenders = {};
const open = new Map(); // contender's name -> {local, sync, singles}
let records; // what bulk put puts, in order of id
let singles; // what is put one by one
let ids; // what the gets ask for, in an order of its own

function check(what, got, want) {
  if (got !== want) throw new Error(`${what}: ${got} instead of ${want}`);
}

const sum = (rows) => rows.reduce((n, row) => n + row.rank, 0);
const tally = (rows) => [rows.length, sum(rows)];
const tallied = (result) => (typeof result[0] === 'number' ? result : tally(result));

export async function timed(work) {
  const start = performance.now();
  const result = await work();
  return { ms: performance.now() - start, result };
}

const sortedRanks = () => records.map(({ rank }) => rank).sort((a, b) => a - b);

async function readPages(name, starts, count) {
  const { local } = open.get(name);
  const got = [];
  const { ms } = await timed(async () => {
    for (const after of starts) got.push(await local.page(after, count));
  });
  const ranks = sortedRanks();
  starts.forEach((after, i) => {
    const found = typeof got[i][0] === 'number' ? got[i] : got[i].map(({ rank }) => rank);
    check('ranks of the page', String(found), String(ranks.filter((rank) => rank > after).slice(0, count)));
  });
  return ms;
}

/** The n-th of any number of rows. */
export function record(n) {
  const random = Math.imul(n ^ 0x5bd1e995, 0x9e3779b1) >>> 0;
  return {
    id: `${random.toString(16).padStart(8, '0')}-${n}-4e63-a5d0-1f2d9b0c7e55`,
    text: `a letter to the town hall, number ${n}`,
    notes: 'ask in the shop at the corner first; the other one is closed on Mondays, and dearer too. Ask what is new.',
    complete: n % 2 === 0,
    list: `list ${random % 20}`,
    rank: random % 1_000_003,
  };
}

// watchThread runs a task again and again and returns the function that ends it and gives the longest time between two runs.
function watchThread() {
  const { port1, port2 } = new MessageChannel();
  let last = performance.now(), longest = 0;
  const look = () => {
    const now = performance.now();
    longest = Math.max(longest, now - last);
    last = now;
  };
  port1.onmessage = () => {
    look();
    port2.postMessage(0);
  };
  port2.postMessage(0);
  return () => {
    look();
    port1.close();
    return longest;
  };
}

// held runs a step on a new database, with many rows for it, and gives what watched(work) gives: the longest time that work held
// the page's thread.
async function held(name, count, step) {
  const contender = contenders[name], file = `${name}-smooth`;
  await contender.destroy(file);
  const db = await contender.open(file, false);
  const rows = Array.from({ length: count }, (_, i) => record(i));
  const ms = await step(db, rows, async (work) => {
    await new Promise((resolve) => setTimeout(resolve, 100)); // what was before has held it too
    const longest = watchThread();
    await work();
    return longest();
  });
  check('rows there', await db.count(), count);
  await db.close();
  await contender.destroy(file);
  return ms;
}

globalThis.bench = {
  async load(names) {
    ({ records, singles, ids } = await (await fetch('/bench/work.json')).json());
    for (const name of names) contenders[name] = await import(`./${name}.js`);
  },

  // fill opens the database that pulls, with all the rows in it that the server starts from.
  async fill(name) {
    const contender = contenders[name];
    await contender.destroy(`${name}-sync`);
    const sync = await contender.open(`${name}-sync`, true);
    await sync.fill(records);
    check('rows before the first page', await sync.count(), records.length);
    open.set(name, { sync });
  },

  // fresh gives the contender new, empty databases.
  async fresh(name) {
    if (!open.has(name)) open.set(name, {});
    const contender = contenders[name], databases = open.get(name);
    for (const kind of ['local', 'singles']) {
      await databases[kind]?.close();
      await contender.destroy(`${name}-${kind}`);
      databases[kind] = await contender.open(`${name}-${kind}`, kind === 'singles');
      check('rows in an empty database', await databases[kind].count(), 0);
    }
  },

  // single puts new rows one by one, each awaited before the next. Their ids are made as the contender makes them.
  async single(name) {
    const { singles: db } = open.get(name);
    const copies = singles.map(({ id, ...rest }) => rest);
    const { ms } = await timed(async () => {
      for (const record of copies) await db.insert(record);
    });
    check('rows put one by one', await db.count(), singles.length);
    return ms;
  },

  // update changes one column of as many rows, each awaited before the next; they are put first.
  async update(name) {
    const { singles: db } = open.get(name);
    const changes = singles.map(({ id, rank }) => ({ id, rank: rank + 1 }));
    await db.put(structuredClone(singles));
    const { ms } = await timed(async () => {
      for (const change of changes) await db.update(change);
    });
    for (const { id, text, rank } of singles) {
      const row = await db.get(id);
      check(`text and rank of ${id}`, `${row?.text} ${row?.rank}`, `${text} ${rank + 1}`);
    }
    return ms;
  },

  async put(name) {
    const { local } = open.get(name);
    const copies = structuredClone(records); // what a contender does to its argument is its own affair
    const { ms } = await timed(() => local.put(copies));
    check('rows put', await local.count(), records.length);
    return ms;
  },

  async gets(name) {
    const { local } = open.get(name);
    const got = [];
    if (local.gets) return (await timed(() => local.gets())).ms; // and checks them itself
    const { ms } = await timed(async () => {
      for (const { id } of ids) got.push(await local.get(id));
    });
    ids.forEach(({ id, text }, i) => check(`text of ${id}`, got[i]?.text, text));
    return ms;
  },

  async all(name) {
    const { local } = open.get(name);
    const { ms, result } = await timed(() => local.all());
    check('rows read', String(tallied(result)), String(tally(records)));
    return ms;
  },

  // page reads the first rows in order of their ranks, ten times; deep reads some from ten places. One alone is over too soon
  // to be measured.
  async page(name) { return readPages(name, Array(10).fill(-1), 500); },

  async deep(name) {
    const ranks = sortedRanks();
    return readPages(name, Array.from({ length: 10 }, (_, i) => ranks[Math.floor(((i + 0.5) / 10) * ranks.length)]), 50);
  },

  // range reads some 500 rows in order of their ranks, ten times in turn: from a twentieth of the way on, then from another
  // tenth on, and so forth. One alone is over too soon to be measured.
  async range(name) {
    const { local } = open.get(name);
    const ranks = sortedRanks();
    const ranges = Array.from({ length: 10 }, (_, i) => {
      const from = Math.floor(((i + 0.5) / 10) * ranks.length);
      return [ranks[from], ranks[Math.min(from + 499, ranks.length - 1)]];
    });
    const found = [];
    const { ms } = await timed(async () => {
      for (const [lower, upper] of ranges) found.push(await local.range(lower, upper));
    });
    ranges.forEach(([lower, upper], i) => {
      check('rows in the range', String(tallied(found[i])), String(tally(records.filter(({ rank }) => lower <= rank && rank <= upper))));
    });
    return ms;
  },

  // modify raises the ranks of as many rows as the gets ask for.
  async modify(name) {
    const { local } = open.get(name);
    const { ms } = await timed(() => local.modify(ids.length));
    check('rows after the change', String(tallied(await local.all())), String([records.length, sum(records) + ids.length]));
    return ms;
  },

  // cursor visits all rows one by one, after modify.
  async cursor(name) {
    const { local } = open.get(name);
    const { ms, result } = await timed(() => local.cursor());
    check('rows visited', String(result), String([records.length, sum(records) + ids.length]));
    return ms;
  },

  // smooth gives the longest time, while many rows are put at once, that the page's thread was held and could not have answered;
  // smooth-export that while they are written out, and smooth-migrate while a new version of the schema changes them all.
  async smooth(name, count) { return held(name, count, (db, rows, watched) => watched(() => db.put(rows))); },

  async 'smooth-export'(name, count) {
    return held(name, count, async (db, rows, watched) => {
      await db.put(rows);
      const ms = await watched(() => db.export());
      check('bytes exported for each row', db.exported / count > 200, true);
      return ms;
    });
  },

  async 'smooth-migrate'(name, count) {
    return held(name, count, async (db, rows, watched) => {
      await db.put(rows);
      const { id, text } = rows[count - 1];
      const ms = await watched(() => db.migrate());
      check('the last row after the migration', (await db.get(id)).title, text);
      return ms;
    });
  },

  // pull brings the next page, after which the database must hold what the server says.
  async pull(name, want) {
    const { sync } = open.get(name);
    const { ms } = await timed(() => sync.pull());
    check('rows after the page', await sync.count(), want.rows);
    check('text of a changed row', (await sync.get(want.changed.id))?.text, want.changed.text);
    check('text of a new row', (await sync.get(want.added.id))?.text, want.added.text);
    check('a removed row', await sync.get(want.removed), undefined);
    return ms;
  },
};
