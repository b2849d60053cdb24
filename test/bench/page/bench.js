// A contender is a module that exports open(name, sync), which gives a database with put(records), fill(records),
// get(id), all(), count(), range(lower, upper) by rank, modify(n), cursor(), pull() and close(); and destroy(name). Not all
// can do all. One that is no JavaScript does the gets itself, and gives [count, sum of ranks] where others give rows. The runner calls the steps below one by one, and turns
// from one contender to the next itself. Only the step's own work is timed; a step whose result is wrong throws.
const contenders = {};
const open = new Map(); // contender's name -> {local, sync}
let records; // what bulk put puts, in order of id
let ids; // what the gets ask for, in an order of its own

function check(what, got, want) {
  if (got !== want) throw new Error(`${what}: ${got} instead of ${want}`);
}

const sum = (rows) => rows.reduce((n, row) => n + row.rank, 0);
const tally = (rows) => [rows.length, sum(rows)];
const tallied = (result) => (typeof result[0] === 'number' ? result : tally(result));

async function timed(work) {
  const start = performance.now();
  const result = await work();
  return { ms: performance.now() - start, result };
}

globalThis.bench = {
  async load(names) {
    ({ records, ids } = await (await fetch('/bench/work.json')).json());
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

  // fresh gives the contender a new, empty database.
  async fresh(name) {
    const contender = contenders[name];
    const databases = open.get(name);
    await databases.local?.close();
    await contender.destroy(`${name}-local`);
    databases.local = await contender.open(`${name}-local`, false);
    check('rows in an empty database', await databases.local.count(), 0);
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

  // range reads some 500 rows in order of their ranks, ten times in turn: from a twentieth of the way on, then from another
  // tenth on, and so forth. One alone is over too soon to be measured.
  async range(name) {
    const { local } = open.get(name);
    const ranks = records.map(({ rank }) => rank).sort((a, b) => a - b);
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
