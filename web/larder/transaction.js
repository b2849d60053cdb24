import { until } from './argument.js';
import { readBy } from './connection.js';
import { asLarderError, failure } from './error.js';
import { Table } from './table.js';

/** The tables as they are inside one transaction. */
export class Transaction {
  #tables = new Map();
  #over = false;

  /** tables are [name, dates]; handle has the transaction's own IDBTransaction and write; way is the connection, which plans. */
  constructor(tables, handle, way) {
    for (const [name, dates] of tables) {
      this.#tables.set(name, new Table(name, dates, {
        plan: (parts) => way.plan(name, parts),
        describe: (parts) => way.describe(name, parts),
        read: (step) => this.#alive(async () => (handle.tx
          ? (await globalThis.larderIDB.run(handle.tx, [step]))[0] : readBy(handle, step))),
        write: (...args) => until(args[4], () => this.#alive(() => handle.write(...args))),
        watch: () => { throw failure('transaction', 'a query cannot be live inside a transaction'); },
      }));
    }
  }

  /** A table of the transaction. */
  table(name) {
    const table = this.#tables.get(name);
    if (table) return table;
    throw failure('transaction', `the transaction does not include table "${name}"`);
  }

  finish() { this.#over = true; }

  async #alive(fn) {
    if (this.#over) throw failure('transaction', 'the transaction is over: its function has returned');
    try {
      return await fn();
    } catch (error) {
      throw asLarderError(error);
    }
  }
}
