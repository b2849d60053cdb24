import { encode, revive } from './codec.js';
import { invalid } from './error.js';
import { Reader } from './query.js';

/** A table: reads answered by the helper, writes checked and journaled by the engine in one transaction each. */
export class Table extends Reader {
  /** Adds a record and returns it as stored. An id that is there already is `exists`; without one it is given one. */
  async insert(record) { return this.#one('insert', record); }

  /** Merges the given columns into the record with the same id and returns it. An id that is not there is `not-found`. */
  async update(changes) { return this.#one('update', changes); }

  /** Inserts or replaces a whole record and returns it. */
  async put(record) { return this.#one('put', record); }

  /** Deletes a record, given its id or the record. One that is not there is no error. */
  async delete(id) {
    if (id !== null && typeof id === 'object') id = id.id;
    if (typeof id !== 'string') throw invalid(`delete takes an id or a record, not ${typeof id}`);
    await this.write(this.name, 'delete', JSON.stringify([{ id }]), false);
  }

  /** Inserts or replaces many records in one transaction; of several with one id the last wins. */
  async bulkPut(records) {
    if (!Array.isArray(records)) throw invalid('bulkPut takes an array of records');
    const text = records.map((record, i) => encode(record, `bulkPut, record ${i}`));
    await this.write(this.name, 'put', `[${text.join()}]`, false);
    return records.length;
  }

  async #one(action, record) {
    const stored = await this.write(this.name, action, `[${encode(record, action)}]`, true);
    return revive(JSON.parse(stored)[0], this.dates);
  }
}
