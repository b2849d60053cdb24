import { isObject, need, optionsOf } from './argument.js';
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
  async toArray(options) { return reviveOperations(await this.#rows('toArray', options), this.#database); }

  async count(options) { return (await this.#rows('count', options)).length; }

  /** Calls fn with the operations now and after each change. Returns the function that stops it. */
  live(fn, onError) {
    const dress = (row) => reviveOperations([structuredClone(row)], this.#database)[0];
    return this.#database.watch({ store: '$outbox', read: () => this.#rows('live'), dress, fn, onError });
  }

  /** Puts an operation from quarantine back into the queue. */
  async retry(id, options) { await this.#change('retry', id, options); }

  /** Drops an operation and undoes its change: the record goes back to the server's, or away if it was inserted here. */
  async discard(id, options) { await this.#change('discard', id, options); }

  /** Replaces the record of an operation, which then waits to be pushed anew. */
  async edit(id, record, options) {
    need(typeof id === 'string', 'edit takes the id of an operation, a string, as its first argument', id);
    need(isObject(record), 'edit takes a record, an object, as its second argument', record);
    const row = (await this.#rows('edit', options)).find((op) => op.id === id);
    if (!row) throw failure('not-found', `there is no operation ${id} in the outbox: it was settled`);
    const text = encode({ ...record, id: row.recordId }, () => `edit of an operation in table ${row.table}`);
    await this.#database.ask('write', options ?? {}, row.table, 'put', `[${text}]`, false, options?.signal);
  }

  async #change(call, id, options) {
    need(typeof id === 'string', `${call} takes the id of an operation, a string`, id);
    await this.#database.ask(call, optionsOf(call, options, ['signal']), id);
  }

  async #rows(call, options) { return JSON.parse(await this.#database.ask('pending', optionsOf(call, options, ['signal']))); }
}
