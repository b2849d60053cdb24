import { describe, isCount, isObject, need, optionsOf, until } from './argument.js';
import { revive, reviveAll, unstorable } from './codec.js';
import { asLarderError, invalid } from './error.js';

/** How many rows an iteration reads at a time: enough to be quick, few enough to hold the page's thread for a moment only. */
const SLICE = 500;

/**
 * A query, built by chaining. Every call returns a new query, so one can be kept and refined. A wrong argument does not
 * throw there: the query remembers it, and is rejected with it when it is run.
 */
export class Query {
  #source;
  #parts;
  #wrong;

  constructor(source, parts = {}, wrong = undefined) {
    this.#source = source; // a table or a table within a transaction
    this.#parts = parts;
    this.#wrong = wrong; // the error of the first wrong argument
  }

  #with(check, change) {
    let wrong = this.#wrong;
    try {
      check();
    } catch (error) {
      wrong ??= error;
    }
    return new Query(this.#source, wrong ? this.#parts : { ...this.#parts, ...change() }, wrong);
  }

  #text(call, list) {
    need(list.length > 0, `${call} takes the names of columns`, undefined);
    for (const item of list) need(typeof item === 'string', `${call} takes the names of columns`, item);
  }

  /** Keeps records whose columns equal the given values. */
  where(values = {}) {
    return this.#with(() => {
      need(isObject(values), 'where takes an object of columns and values; filter takes text', values);
      for (const [column, value] of Object.entries(values)) comparable(column, value, 0);
    }, () => ({ where: [...(this.#parts.where ?? []), plainValues(values)] }));
  }

  /** Keeps records for which an OData expression holds. */
  filter(text) {
    return this.#with(() => need(typeof text === 'string', 'filter takes an OData expression as text', text),
      () => ({ filter: [...(this.#parts.filter ?? []), text] }));
  }

  orderBy(...columns) {
    return this.#with(() => this.#text('orderBy', columns), () => ({ orderBy: [...(this.#parts.orderBy ?? []), ...columns] }));
  }

  orderByDescending(...columns) {
    return this.#with(() => this.#text('orderByDescending', columns),
      () => ({ orderBy: [...(this.#parts.orderBy ?? []), ...columns.map((c) => `${c} desc`)] }));
  }

  skip(n) { return this.#with(() => need(isCount(n), 'skip takes a whole number from 0 on', n), () => ({ skip: n })); }

  take(n) { return this.#with(() => need(isCount(n), 'take takes a whole number from 0 on', n), () => ({ take: n })); }

  select(...columns) {
    const names = columns.flat();
    return this.#with(() => this.#text('select', names), () => ({ select: names }));
  }

  async toArray(options) {
    const { signal } = optionsOf('toArray', options, ['signal']);
    return this.#run(this.#parts, signal);
  }

  async first(options) {
    const { signal } = optionsOf('first', options, ['signal']);
    return (await this.#run({ ...this.#parts, take: Math.min(1, this.#parts.take ?? 1) }, signal))[0];
  }

  async count(options) {
    const { signal } = optionsOf('count', options, ['signal']);
    const { skip, take, select, orderBy, ...filter } = this.#parts;
    return this.#asked(signal, async () => {
      const { step } = await this.#source.plan(filter);
      return this.#source.read({ ...step, op: 'count' });
    });
  }

  /** Calls fn for one record after another, and waits for what it returns. */
  async each(fn, options) {
    need(typeof fn === 'function', 'each takes a function', fn);
    const { signal } = optionsOf('each', options, ['signal']);
    for await (const row of this.#walk(signal)) await fn(row);
  }

  [Symbol.asyncIterator]() { return this.#walk(undefined); }

  /** Says in words how the query will be answered. */
  async explain(options) {
    const { signal } = optionsOf('explain', options, ['signal']);
    return this.#asked(signal, () => this.#source.describe(this.#parts));
  }

  /** Calls fn with the rows now, and again after each commit that changes them. Returns the function that stops it. */
  live(fn, onError) {
    const { select } = this.#parts;
    const query = select && !select.includes('id') ? this.select('id', ...select) : this; // rows are told apart by their ids
    return this.#source.watch({ read: () => query.#raw(query.#parts), parts: query.#parts, fn, onError });
  }

  /** The query as the engine and the wire know it. */
  toJSON() {
    if (this.#wrong) throw this.#wrong;
    return this.#parts;
  }

  /**
   * Reads slice after slice, each from the last row of the one before: what is written behind it meanwhile is seen. Rows
   * that must be sorted are read at once, or each slice would be sorted out of all.
   */
  async* #walk(signal) {
    const { select, skip, take = Infinity, ...parts } = this.#parts;
    const { step } = await this.#asked(signal, async () => this.#source.plan(parts));
    const most = step.order ? Infinity : SLICE;
    const keys = [...(parts.orderBy ?? []).flatMap((list) => list.split(',')).map((key) => key.trim().split(/\s+/)[0]), 'id'];
    for (let slice = { ...parts, skip }, left = take; left > 0;) {
      const wanted = Math.min(most, left);
      const rows = await this.#raw(wanted === Infinity ? slice : { ...slice, take: wanted }, signal);
      if (rows.length > 0) slice = { ...parts, after: picked(rows[rows.length - 1], keys) }; // before its dates become Dates
      left = rows.length < wanted ? 0 : left - rows.length;
      for (const row of reviveAll(rows, this.#source.dates)) yield select ? picked(row, select) : row;
    }
  }

  #run(parts, signal) {
    const { dates } = this.#source;
    return this.#raw(parts, signal, (row) => revive(row, dates));
  }

  /** The rows as they are stored, or as each(row) makes them, which the storage calls slice by slice. */
  #raw(parts, signal, each) {
    return this.#asked(signal, async () => this.#source.read({ ...(await this.#source.plan(parts)).step, each }));
  }

  async #asked(signal, work) {
    if (this.#wrong) throw this.#wrong;
    try {
      return await until(signal, work);
    } catch (error) {
      throw asLarderError(error);
    }
  }
}

/** Checks a value of where: what a column can equal, an array of that, or conditions by their names. */
function comparable(column, value, depth) {
  if (value === undefined) throw invalid(`where: ${column} is undefined; null finds records that have none`);
  if (value instanceof Date ? !Number.isNaN(value.getTime()) : value === null || Number.isFinite(value)) return;
  if (typeof value === 'string' && unstorable(value)) throw invalid(`where: ${column} holds ${unstorable(value)}, which cannot be stored`);
  if (typeof value === 'string' || typeof value === 'boolean') return;
  const nested = Array.isArray(value) || (typeof value === 'object' && Object.getPrototypeOf(value) === Object.prototype);
  if (!nested || depth > 3) throw invalid(`where: ${column} is ${describe(value)}, which no column can be compared with`);
  for (const [name, part] of Object.entries(value)) comparable(`${column}.${name}`, part, depth + 1);
}

/** A copy of where's values, which the app may change later, in their own names only. */
const plainValues = (values) => JSON.parse(JSON.stringify(values));

function picked(row, columns) {
  const out = {};
  for (const c of columns) if (c in row) out[c] = row[c];
  return out;
}
