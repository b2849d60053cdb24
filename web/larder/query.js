import { revive, reviveAll } from './codec.js';
import { asLarderError, invalid } from './error.js';

/**
 * A query, built by chaining. Every call returns a new query, so one can be kept and refined. It runs in the helper by
 * a plan that the engine made; only what no index can answer goes through the engine, record by record.
 */
export class Query {
  #source;
  #parts;

  constructor(source, parts = {}) {
    this.#source = source; // a table or a table within a transaction
    this.#parts = parts;
  }

  #with(change) { return new Query(this.#source, { ...this.#parts, ...change }); }

  /** Keeps records whose columns equal the given values. */
  where(values = {}) {
    if (values === null || typeof values !== 'object') throw invalid('where takes an object of columns and values; use filter for text');
    for (const [column, value] of Object.entries(values)) {
      if (value === undefined) throw invalid(`where: ${column} is undefined; null finds records that have none`);
    }
    return this.#with({ where: [...(this.#parts.where ?? []), values] });
  }

  /** Keeps records for which an OData expression holds. */
  filter(text) {
    if (typeof text !== 'string') throw invalid('filter takes an OData expression as text');
    return this.#with({ filter: [...(this.#parts.filter ?? []), text] });
  }

  orderBy(...columns) { return this.#with({ orderBy: [...(this.#parts.orderBy ?? []), ...columns] }); }

  orderByDescending(...columns) { return this.orderBy(...columns.map((c) => `${c} desc`)); }

  skip(n) { return this.#with({ skip: n }); }

  take(n) { return this.#with({ take: n }); }

  select(...columns) { return this.#with({ select: columns.flat() }); }

  async toArray() { return this.#run(this.#parts); }

  async first() { return (await this.#run({ ...this.#parts, take: Math.min(1, this.#parts.take ?? 1) }))[0]; }

  async count() {
    const { skip, take, select, orderBy, ...filter } = this.#parts;
    const plan = this.#plan(filter);
    if (!plan.residual) return this.#read({ ...plan.step, op: 'count' });
    return JSON.parse(this.#match(filter, await this.#read(plan.step))).length;
  }

  async each(fn) {
    for (const row of await this.toArray()) await fn(row);
  }

  async* [Symbol.asyncIterator]() { yield* await this.toArray(); }

  /** Says in words how the query will be answered. */
  async explain() { return this.#plan(this.#parts).explain; }

  /** Calls fn with the rows now, and again after each commit that changes them. Returns the function that stops it. */
  live(fn, onError) {
    const { select } = this.#parts;
    const query = select && !select.includes('id') ? this.select('id', ...select) : this; // rows are told apart by their ids
    return this.#source.watch(() => query.toArray(), fn, onError);
  }

  /** The query as the engine and the wire know it. */
  toJSON() { return this.#parts; }

  async #run(parts) {
    try {
      const plan = this.#plan(parts);
      let rows = await this.#read(plan.step);
      if (plan.residual) rows = JSON.parse(this.#match(parts, rows)).map((i) => rows[i]);
      if (plan.select) rows = rows.map((row) => pick(row, plan.select));
      return reviveAll(rows, this.#source.dates);
    } catch (error) {
      throw asLarderError(error);
    }
  }

  #plan(parts) { return JSON.parse(this.#source.plan(JSON.stringify(parts))); }

  #match(parts, rows) { return this.#source.match(JSON.stringify(parts), JSON.stringify(rows)); }

  async #read(step) { return this.#source.read(step); }
}

function pick(row, columns) {
  const out = {};
  for (const c of columns) if (c in row) out[c] = row[c];
  return out;
}

/** The reading half of a table, shared by a table and a table within a transaction. */
export class Reader {
  constructor(name, dates, source) {
    this.name = name;
    this.dates = dates;
    Object.assign(this, source); // plan, match, read, write
  }

  /** The record with the id, or undefined. */
  async get(id) {
    if (typeof id !== 'string') throw invalid(`get takes an id: a string, not ${typeof id}`);
    try {
      return revive((await this.read({ op: 'get', store: this.name, keys: [id] }))[0], this.dates);
    } catch (error) {
      throw asLarderError(error);
    }
  }

  /** The records with the ids, in their order, with undefined where there is none. */
  async getMany(ids) {
    if (!Array.isArray(ids)) throw invalid('getMany takes an array of ids');
    try {
      const rows = await this.read({ op: 'get', store: this.name, keys: ids });
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

  toArray() { return new Query(this).toArray(); }

  first() { return new Query(this).first(); }

  count() { return new Query(this).count(); }

  each(fn) { return new Query(this).each(fn); }

  live(fn, onError) { return new Query(this).live(fn, onError); }

  [Symbol.asyncIterator]() { return new Query(this)[Symbol.asyncIterator](); }
}
