import { isObject, need, optionsOf } from './argument.js';
import { encode, revive } from './codec.js';
import { Reader } from './reader.js';
import { Slices } from './slices.js';

/** A table: reads answered by the helper, writes checked and journaled by the engine in one transaction each. */
export class Table extends Reader {
  /** Adds a record and returns it as stored. An id that is there already is `exists`; without one it is given one. */
  async insert(record, options) { return this.#one('insert', record, options); }

  /** Merges the given columns into the record with the same id and returns it. An id that is not there is `not-found`. */
  async update(changes, options) { return this.#one('update', changes, options); }

  /** Inserts or replaces a whole record and returns it. */
  async put(record, options) { return this.#one('put', record, options); }

  /** Deletes a record, given its id or the record. One that is not there is no error. */
  async delete(record, options) {
    const id = isObject(record) ? record.id : record;
    need(typeof id === 'string', `delete in table ${this.name} takes an id, a string, or a record that has one`, id);
    const { signal } = optionsOf('delete', options, ['signal']);
    await this.write(this.name, 'delete', JSON.stringify([{ id }]), false, signal);
  }

  /** Inserts or replaces many records in one transaction; of several with one id the last wins. */
  async bulkPut(records, options) {
    need(Array.isArray(records), `bulkPut in table ${this.name} takes an array of records`, records);
    const { signal, progress } = optionsOf('bulkPut', options, ['signal', 'progress']);
    const text = (record, i) => encode(record, () => `bulkPut in table ${this.name}, record ${i}`);
    const slices = new Slices(records, text, progress);
    try {
      await this.write(this.name, 'put', () => slices.next(), false, signal);
    } catch (error) {
      throw slices.failure ?? error;
    }
    return records.length;
  }

  async #one(action, record, options) {
    const text = encode(record, () => `${action} in table ${this.name}`);
    const { signal } = optionsOf(action, options, ['signal']);
    const stored = await this.write(this.name, action, `[${text}]`, true, signal);
    return revive((typeof stored === 'string' ? JSON.parse(stored) : stored)[0], this.dates); // text is the engine's
  }
}
