// What the command calls in a page that holds one contender. A contender is a module with first(url), which brings a whole
// table in and resolves with its number of rows, and queue(url, records), which stores records on this device alone and
// resolves with a function that sends them.
performance.setResourceTimingBufferSize(1e5);

const requests = () => performance.getEntriesByType('resource').filter(({ initiatorType }) => /fetch|xmlhttprequest/.test(initiatorType)).length;

async function timed(work) {
  const before = requests();
  const start = performance.now();
  const value = await work();
  return { ms: performance.now() - start, value, requests: requests() - before };
}

globalThis.sync = {
  async load(name) { this.contender = await import(`./${name}.js`); },
  first(url) { return timed(() => this.contender.first(url)); },
  async push(url, count) {
    const records = Array.from({ length: count }, (_, i) => ({
      id: crypto.randomUUID(), text: `number ${i}`, notes: 'ask in the shop at the corner first; the other one is closed on Mondays, and dearer too. Ask what is new.',
      complete: i % 2 === 0, list: `list ${i % 20}`, rank: i * 7919 % 1_000_000,
    }));
    const queued = await timed(() => this.contender.queue(url, records));
    return { queued: queued.ms, ...await timed(queued.value) };
  },
};
