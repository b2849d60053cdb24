import { describe, isObject, need } from './argument.js';
import { LarderError, invalid } from './error.js';

/**
 * Records cross to the engine as JSON text. Dates are ISO strings there and in the store, and Dates for the app in the
 * columns that the schema declares as dates. What JSON would drop or change silently is refused here by name; where()
 * says of which call and table.
 */
export function encode(record, where) {
  if (!isObject(record)) need(false, `${where()}: a record is an object`, record);
  const within = [record];
  try {
    for (const key in record) check(record[key], where, key, within);
    return JSON.stringify(record);
  } catch (error) {
    if (error instanceof LarderError) throw error;
    throw invalid(`${where()}: the record cannot be read`, error); // by a getter of its own
  }
}

const FRACTIONAL = 1e21; // whole numbers from there on are written with an exponent, as those with a fraction may be
const deepest = 60; // levels: the engine, which counts exactly, allows about as many

function check(v, where, path, within) {
  switch (typeof v) {
    case 'string':
      if (unstorable(v)) throw invalid(`${where()}: column ${path} holds ${unstorable(v)}, which cannot be stored`);
      return;
    case 'boolean': case 'undefined': return;
    case 'number':
      if (!Number.isFinite(v)) throw invalid(`${where()}: column ${path} is ${v}: numbers are finite`);
      if (!Number.isInteger(v) || Number.isSafeInteger(v) || Math.abs(v) >= FRACTIONAL) return;
      throw invalid(`${where()}: column ${path} is ${v}: whole numbers beyond ±${Number.MAX_SAFE_INTEGER} are not exact`);
    case 'object':
      if (v === null) return;
      if (v instanceof Date) {
        if (Number.isNaN(v.getTime())) throw invalid(`${where()}: column ${path} is an invalid Date`);
        return;
      }
      if (within.includes(v)) throw invalid(`${where()}: column ${path} holds itself`);
      if (within.length > deepest) throw invalid(`${where()}: column ${path.slice(0, 40)}… is nested too deep`);
      if (Array.isArray(v)) {
        within.push(v);
        for (let i = 0; i < v.length; i++) {
          if (v[i] === undefined) throw invalid(`${where()}: column ${path}.${i} is undefined, which an array cannot hold`);
          check(v[i], where, `${path}.${i}`, within);
        }
        within.pop();
        return;
      }
      if (isPlain(v)) {
        within.push(v);
        for (const key in v) {
          if (unstorable(key)) throw invalid(`${where()}: column ${path} has a name that holds ${unstorable(key)}`);
          check(v[key], where, `${path}.${key}`, within);
        }
        within.pop();
        return;
      }
    // falls through
    default:
      throw invalid(`${where()}: column ${path} is ${describe(v)}, which cannot be stored`);
  }
}

/** What a text holds that cannot be stored; undefined for nothing. */
export function unstorable(text) {
  if (text.includes('\0')) return 'U+0000';
  return text.isWellFormed && !text.isWellFormed() ? 'half a surrogate pair' : undefined;
}

function isPlain(v) {
  const proto = Object.getPrototypeOf(v);
  return proto === null || proto === Object.prototype || Object.getPrototypeOf(proto) === null;
}

/** Whether a value is one that the engine is sure to take as it is: text, a date in the form that records keep, a number. */
export const isStorableText = (v) => typeof v === 'string' && !/[\0\p{Surrogate}]/u.test(v);
export const isCanonicalDate = (v) => typeof v === 'string' && v.length === 24 && new Date(v).toJSON() === v;
export const isExactNumber = (v) => typeof v === 'number' && Math.abs(v) <= Number.MAX_SAFE_INTEGER;

/** The names that the engine knows for the type date, Azure's among them. */
const dateTypes = ['date', 'datetime', 'time', 'date/time'];

/** The names of the columns that hold dates, the system's own among them. */
export function dateColumns(columns = {}) {
  const names = ['createdAt', 'updatedAt'];
  for (const [name, type] of Object.entries(columns)) {
    if (typeof type === 'string' && dateTypes.includes(type.toLowerCase())) names.push(name);
  }
  return names;
}

/** Turns the date columns of a row that came out of the store into Dates, in place. */
export function revive(row, dates) {
  if (!row) return row ?? undefined;
  for (const name of dates) {
    if (typeof row[name] === 'string') row[name] = new Date(row[name]);
  }
  return row;
}

export function reviveAll(rows, dates) {
  for (const row of rows) revive(row, dates);
  return rows;
}

/** A copy of a row that the app may change: what it is compared with later stays. */
export function copy(row) {
  const own = { ...row };
  for (const name in own) if (own[name] !== null && typeof own[name] === 'object') own[name] = structuredClone(own[name]);
  return own;
}
