import { isCanonicalDate, isExactNumber, isStorableText } from './codec.js';

/**
 * How single records of a table are written, as the engine has said it once: so that an insert of a usual record need not ask
 * it each time, which would take longer than the storage does. What is unusual in any way is left to the engine: it alone
 * says what is wrong, and changes what is not canonical.
 */
export class Pattern {
  #columns;
  #steps; // of the insert of an empty record: its own, and the outbox's where there is one
  #reads;

  constructor({ columns, steps, ...reads }) {
    this.#columns = new Map(Object.entries(columns).map(([name, type]) => [name, plain[type]]));
    this.#steps = steps;
    this.#reads = reads;
  }

  /** The program that inserts a row, which it takes over and gives an id; undefined where the engine has to make it. */
  insert(row) {
    if (!globalThis.crypto?.randomUUID) return undefined; // the page is not from a secure origin
    for (const name in row) {
      const holds = this.#columns.get(name);
      if (!holds || (row[name] !== null && !holds(row[name]))) return undefined;
    }
    row.id = crypto.randomUUID();
    const [put, journal] = this.#steps;
    const steps = [{ ...put, values: [row] }];
    const changes = [{ store: put.store, ids: [row.id] }];
    if (journal) {
      const operation = { ...journal.values[0], id: operationID(), recordId: row.id, record: { ...row }, createdAt: new Date().toISOString() };
      steps.push({ ...journal, values: [operation] });
      changes.push({ store: journal.store });
    }
    return { stores: changes.map(({ store }) => store), steps, changes };
  }

  /** What has to be read before a record with that id is written: { stores, reads }. Undefined where nothing has to. */
  reads(action, id) {
    const known = typeof id === 'string' ? this.#reads[action] : undefined;
    return known && { ...known, reads: known.reads.map((step) => ({ ...step, keys: named(step.keys, id) })) };
  }
}

/** Keys with an id in the place of that of no record. */
const named = (key, id) => (Array.isArray(key) ? key.map((part) => named(part, id)) : key === '?' ? id : key);

/** Whether a column of a type is sure to hold a value as it is. */
const plain = {
  string: isStorableText, date: isCanonicalDate, integer: Number.isSafeInteger, number: isExactNumber, boolean: (v) => typeof v === 'boolean',
  json: () => false,
};

/** A UUID of version 7. */
function operationID() {
  const time = Date.now().toString(16).padStart(12, '0');
  return `${time.slice(0, 8)}-${time.slice(8)}-7${crypto.randomUUID().slice(15)}`;
}
