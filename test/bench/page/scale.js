// The same contenders with many more rows: what a row costs when a million are there.
import { record, timed } from './bench.js';

let db;

globalThis.scale = {
  async open(name) {
    const contender = await import(`./${name}.js`);
    await contender.destroy(`${name}-scale`);
    db = await contender.open(`${name}-scale`, false);
  },

  // load puts rows from..to, some thousand at a time, and gives the milliseconds that the puts took.
  async load(from, to) {
    let total = 0;
    for (let at = from; at < to; at += 10_000) {
      const rows = Array.from({ length: Math.min(10_000, to - at) }, (_, i) => record(at + i));
      const { ms } = await timed(() => db.put(rows));
      total += ms;
    }
    return total;
  },

  // insert gives the milliseconds of a new row, on average of some that are awaited one by one.
  async insert(count) {
    const rows = Array.from({ length: count }, (_, i) => record(-1 - i)).map(({ id, ...rest }) => rest);
    const { ms } = await timed(async () => {
      for (const row of rows) await db.insert(row);
    });
    return ms / count;
  },

  // page gives the milliseconds of 50 rows in order of an index, from within it, on average of some places.
  async page(places) {
    const { ms, result } = await timed(async () => {
      const pages = [];
      for (let i = 0; i < places; i++) pages.push(await db.page(((i + 0.5) / places) * 1_000_000, 50));
      return pages;
    });
    for (const rows of result) {
      const inOrder = rows.every(({ rank }, i) => i === 0 || rows[i - 1].rank <= rank);
      if (rows.length !== 50 || !inOrder) throw new Error(`a page of ${rows.length} rows, in order: ${inOrder}`);
    }
    return ms / places;
  },

  async count() { return db.count(); },

  async close(name) {
    await db.close();
    await (await import(`./${name}.js`)).destroy(`${name}-scale`);
  },
};
