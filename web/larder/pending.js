import { isObject, need, optionsOf } from './argument.js';
import { encode, revive } from './codec.js';

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

  /** Puts an operation from quarantine back into the queue, with all of its atomic transaction. */
  async retry(id, options) { await this.#change('retry', id, options); }

  /** Drops an operation, with all of its atomic transaction, and undoes the changes: records go back to the server's, or away. */
  async discard(id, options) { await this.#change('discard', id, options); }

  /** Replaces the record of an operation, which then waits to be pushed anew. */
  async edit(id, record, options) {
    need(typeof id === 'string', 'edit takes the id of an operation, a string, as its first argument', id);
    need(isObject(record), 'edit takes a record, an object, as its second argument', record);
    await this.#database.ask('edit', optionsOf('edit', options, ['signal']), id, encode(record, () => `edit of operation ${id}`));
  }

  async #change(call, id, options) {
    need(typeof id === 'string', `${call} takes the id of an operation, a string`, id);
    await this.#database.ask(call, optionsOf(call, options, ['signal']), id);
  }

  async #rows(call, options) { return JSON.parse(await this.#database.ask('pending', optionsOf(call, options, ['signal']))); }
}
