import { isObject, need, optionsOf } from './argument.js';
import { encode, revive } from './codec.js';
import { Reader } from './reader.js';

/** How many records cross to the engine at a time, so that neither side holds the page's thread for long. */
const SLICE = 500;
const encoder = new TextEncoder();

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
    need(typeof id === 'string', `delete in table ${this.name} takes an id, a string, or a record that has one`, isObject(record) ? id : record);
    const { signal } = optionsOf('delete', options, ['signal']);
    await this.write(this.name, 'delete', JSON.stringify([{ id }]), false, signal);
  }

  /** Inserts or replaces many records in one transaction; of several with one id the last wins. */
  async bulkPut(records, options) {
    need(Array.isArray(records), `bulkPut in table ${this.name} takes an array of records`, records);
    const { signal, progress } = optionsOf('bulkPut', options, ['signal', 'progress']);
    let done = 0;
    let wrong;
    const slice = () => { // the engine asks for the next when it has taken the last
      try {
        if (done > 0) progress?.({ done, known: records.length });
        if (done >= records.length) return null;
        const texts = [];
        for (const end = Math.min(done + SLICE, records.length); done < end; done++) {
          texts.push(encode(records[done], () => `bulkPut in table ${this.name}, record ${done}`));
        }
        return encoder.encode(`[${texts.join()}]`);
      } catch (error) {
        wrong = { error };
        return false;
      }
    };
    try {
      await this.write(this.name, 'put', slice, false, signal);
    } catch (error) {
      throw wrong ? wrong.error : error;
    }
    return records.length;
  }

  async #one(action, record, options) {
    const text = encode(record, () => `${action} in table ${this.name}`);
    const { signal } = optionsOf(action, options, ['signal']);
    const stored = await this.write(this.name, action, `[${text}]`, true, signal);
    return revive(JSON.parse(stored)[0], this.dates);
  }
}
