/** Runs a contender: first() gives its first rows, fill(records) an earlier visit, ready() resolves when all can be done. */
export async function contend({ first, fill, ready = async () => {} }) {
  globalThis.fill = async (count) => fill(Array.from({ length: count }, (_, i) => ({
    id: `id-${String(i * 7919 % count).padStart(6, '0')}`,
    text: `bread, number ${i}`,
    notes: 'ask in the shop at the corner first; the other one is closed on Mondays, and dearer too. Ask what is new.',
    complete: i % 2 === 0,
    list: `list ${i % 20}`,
    rank: i * 104729 % 1000003,
  })));
  if (location.hash === '#fill') return;
  const rows = await first();
  const times = { Rows: performance.now() };
  const sorted = rows.every((row, i) => i === 0 || rows[i - 1].rank <= row.rank);
  if (rows.length !== 50 || !sorted) throw new Error(`${rows.length} rows, in order: ${sorted}`);
  globalThis.measured = async () => {
    await ready();
    return { ...times, Ready: times.Ready ?? performance.now() };
  };
  ready().then(() => { times.Ready = performance.now(); });
}
