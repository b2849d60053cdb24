import { encode, revive } from './codec.js';
import { failure } from './error.js';

/** Gives operations that came out of the engine their Dates, in place. */
export function reviveOperations(rows, database) {
  for (const row of rows) {
    const dates = database.dates(row.table);
    for (const part of ['record', 'base', 'server']) if (row[part]) revive(row[part], dates);
    revive(row, ['createdAt']);
  }
  return rows;
}

/** The outbox as the app sees it: what the server has not confirmed yet. */
export class Pending {
  #database;

  constructor(database) { this.#database = database; }

  /** The operations, oldest first. */
  async toArray() {
    return reviveOperations(JSON.parse(await this.#database.engine.pending()), this.#database);
  }

  async count() { return (await this.toArray()).length; }

  /** Calls fn with the operations now and after each change. Returns the function that stops it. */
  live(fn, onError) { return this.#database.watch('$outbox', () => this.toArray(), fn, onError); }

  /** Puts an operation from quarantine back into the queue. */
  async retry(id) { await this.#database.engine.retry(id); }

  /** Drops an operation and undoes its change: the record goes back to the server's, or away if it was inserted here. */
  async discard(id) { await this.#database.engine.discard(id); }

  /** Replaces the record of an operation, which then waits to be pushed anew. */
  async edit(id, record) {
    const row = (await this.toArray()).find((op) => op.id === id);
    if (!row) throw failure('not-found', `there is no operation ${id} in the outbox: it was settled`);
    const text = encode({ ...record, id: row.recordId }, 'edit');
    await this.#database.engine.write(row.table, 'put', `[${text}]`, false);
  }
}
