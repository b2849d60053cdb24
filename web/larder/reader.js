import { need, optionsOf, until } from './argument.js';
import { revive } from './codec.js';
import { asLarderError } from './error.js';
import { Query } from './query.js';

/** The reading half of a table, shared by a table and a table within a transaction. */
export class Reader {
  /** source has plan(parts), describe(parts), read(step), write(…) and watch(…), each in its way for a table or within a transaction. */
  constructor(name, dates, source) {
    this.name = name;
    this.dates = dates;
    Object.assign(this, source);
  }

  /** The record with the id, or undefined. */
  async get(id, options) {
    need(typeof id === 'string', `get in table ${this.name} takes an id: a string`, id);
    return (await this.#records([id], optionsOf('get', options, ['signal'])))[0];
  }

  /** The records with the ids, in their order, with undefined where there is none. */
  async getMany(ids, options) {
    need(Array.isArray(ids), `getMany in table ${this.name} takes an array of ids`, ids);
    for (const id of ids) need(typeof id === 'string', `getMany in table ${this.name} takes ids: strings`, id);
    return this.#records(ids, optionsOf('getMany', options, ['signal']));
  }

  async #records(keys, { signal }) {
    try {
      const rows = await until(signal, () => this.read({ op: 'get', store: this.name, keys }));
      return Array.from(rows, (row) => revive(row, this.dates));
    } catch (error) {
      throw asLarderError(error);
    }
  }

  where(values) { return new Query(this).where(values); }

  filter(text) { return new Query(this).filter(text); }

  orderBy(...columns) { return new Query(this).orderBy(...columns); }

  orderByDescending(...columns) { return new Query(this).orderByDescending(...columns); }

  skip(n) { return new Query(this).skip(n); }

  take(n) { return new Query(this).take(n); }

  select(...columns) { return new Query(this).select(...columns); }

  toArray(options) { return new Query(this).toArray(options); }

  first(options) { return new Query(this).first(options); }

  count(options) { return new Query(this).count(options); }

  each(fn, options) { return new Query(this).each(fn, options); }

  explain(options) { return new Query(this).explain(options); }

  live(fn, onError) { return new Query(this).live(fn, onError); }

  [Symbol.asyncIterator]() { return new Query(this)[Symbol.asyncIterator](); }
}
