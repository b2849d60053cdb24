import { isCanonicalDate, isExactNumber, isStorableText } from './codec.js';

/**
 * How single records of a table are written, as the engine has said it once: so that a usual insert or update need not ask
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
    if (!globalThis.crypto?.randomUUID || !this.#isUsual(Object.keys(row), row)) return undefined; // or the origin is not secure
    row.id = crypto.randomUUID();
    return this.#program(row, this.#operation(row, row.id));
  }

  /**
   * The program that merges columns into the record that was read. Its operation takes the place of the one that waits, if there
   * is one and it was never sent: see Outbox.Writes of package replica, which makes the program where this gives undefined.
   */
  update(columns, [[before], [operations] = [[]], [flight] = []]) {
    const names = Object.keys(columns).filter((name) => name !== 'id');
    if (!before || !globalThis.crypto?.randomUUID || !this.#isUsual(names, columns)) return undefined;
    const row = { ...before, ...columns };
    const operation = this.#operation(row, crypto.randomUUID());
    if (!operation) return this.#program(row);
    if (operations.length === 0) {
      return before.version ? this.#program(row, { ...operation, action: 'update', base: before }) : undefined;
    }
    const [waits] = operations, { base, action } = waits, { id, record } = operation;
    const sent = flight && waits.seq >= flight.from && waits.seq <= flight.to;
    if (sent || operations.length > 1 || !isLike(waits, operation) || action !== (base ? 'update' : 'insert')) return undefined;
    const back = base && names.every((name) => valueOf(base, name) === columns[name]); // then it may be as the server has it
    return back ? undefined : this.#program(row, { ...waits, id, record });
  }

  #isUsual(names, row) {
    return names.every((name) => row[name] === null ? this.#columns.has(name) : this.#columns.get(name)?.(row[name]));
  }

  /** The operation of an insert, with what is random in a UUID; undefined where there is no outbox. */
  #operation(row, uuid) {
    const [operation] = this.#steps[1]?.values ?? [];
    return operation && { ...operation, id: operationID(uuid), recordId: row.id, record: row, createdAt: new Date().toISOString() };
  }

  #program(row, operation) {
    const [put, journal] = this.#steps;
    const steps = [{ ...put, values: [row] }];
    const changes = [{ store: put.store, ids: [row.id] }];
    if (operation) {
      steps.unshift({ ...journal, values: [operation] }); // first, because a row that is stored has its keys in it
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

/** Whether an operation, as it is stored, is as a new one but for what is its own: nothing else has happened to it. */
const isLike = (stored, fresh) => Object.keys(stored).length === Object.keys(fresh).length + 1 // its number in the queue
  && Object.keys(fresh).every((name) => own.includes(name) || stored[name] === fresh[name]);

const own = ['id', 'recordId', 'record', 'base', 'action', 'createdAt'];

const valueOf = (row, name) => (Object.hasOwn(row, name) ? row[name] : null);

/** Keys with an id in the place of that of no record. */
const named = (key, id) => (Array.isArray(key) ? key.map((part) => named(part, id)) : key === '?' ? id : key);

/** Whether a column of a type is sure to hold a value as it is. */
const plain = {
  string: isStorableText, date: isCanonicalDate, integer: Number.isSafeInteger, number: isExactNumber, boolean: (v) => typeof v === 'boolean',
  json: () => false,
};

/** A UUID of version 7, with the randomness of one of version 4: to make another takes as long as a good part of a write. */
function operationID(uuid) {
  const time = Date.now().toString(16).padStart(12, '0');
  return `${time.slice(0, 8)}-${time.slice(8)}-7${uuid.slice(15)}`;
}
