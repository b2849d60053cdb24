import { asLarderError, isLoss } from './error.js';
import { Pattern } from './pattern.js';

/**
 * Writes single records, each by a transaction that is run here: a fraction of the time that the engine's own way to the
 * storage takes. What is in it is the engine's to say, once for all by a pattern, or of each when it is asked.
 */
export class Writer {
  #handle;
  #committed;
  #patterns = new Map();

  /** handle are the engine's functions for the database; committed(changes) hears of each commit. */
  constructor(handle, committed) {
    this.#handle = handle;
    this.#committed = committed;
  }

  /**
   * Writes a record, the only one of a JSON array. Resolves with a list of what is stored; with undefined where nothing was
   * written and the engine has to do it.
   */
  async write(db, table, action, text) {
    const [record] = JSON.parse(text);
    const prepare = (answers) => this.#handle.prepare(table, action, text, answers && JSON.stringify(answers));
    const pattern = this.#pattern(table);
    let program = action === 'insert' ? pattern.insert(record) : undefined;
    const make = (answers) => program || (action === 'update' && pattern.update(record, answers)) || JSON.parse(prepare(answers));
    const asked = program ? undefined : pattern.reads(action, record.id);
    if (!program && !asked) {
      const prepared = prepare();
      if (!prepared) return undefined;
      program = JSON.parse(prepared);
    }
    const { stores, reads } = asked ?? program;
    try {
      program = await transact(db, stores, reads, make);
    } catch (error) {
      if (isLoss(error)) return undefined; // nothing was kept, and the engine opens the database again
      if (action === 'delete' && error.name === 'QuotaExceededError') return undefined; // the engine has room in reserve
      throw asLarderError(error);
    }
    this.#committed(program.changes);
    const rows = program.steps.flatMap(({ op, store, values }) => (op === 'put' && store === table ? values : []));
    for (const row of rows) delete row.$; // which the storage has put there
    return rows;
  }

  #pattern(table) {
    let pattern = this.#patterns.get(table);
    if (!pattern) this.#patterns.set(table, pattern = new Pattern(JSON.parse(this.#handle.pattern(table))));
    return pattern;
  }
}

/**
 * Runs a transaction of what make gives for the answers to what is read: puts and deletes of a few rows. Resolves with that when
 * it is committed, and rejects when it is not. Nothing listens to the single requests: their events are dear, and how they end
 * the transaction tells.
 */
function transact(db, stores, reads, make) {
  const { begin, marked, run, go } = globalThis.larderIDB;
  return new Promise((resolve, reject) => {
    const tx = begin(db, stores);
    let program;
    tx.oncomplete = () => resolve(program);
    tx.onabort = () => reject(tx.error ?? new DOMException('the transaction was aborted', 'AbortError'));
    const end = (answers) => {
      program = make(answers);
      for (const { op, store, values = [], keys = [], encode } of program.steps) {
        const target = tx.objectStore(store);
        for (const row of values) target[op](marked(row, encode));
        for (const key of keys) target.delete(key);
      }
      go.commit(tx);
    };
    const fail = (error) => { reject(error); go.abort(tx); };
    if (reads) run(tx, reads).then(end).catch(fail);
    else {
      try {
        end();
      } catch (error) {
        fail(error);
      }
    }
  });
}
