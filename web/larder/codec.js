import { invalid } from './error.js';

/**
 * Records cross to the engine as JSON text. Dates are ISO strings there and in the store, and Dates for the app in the
 * columns that the schema declares as dates. What JSON would drop or change silently is refused here by name.
 */
export function encode(record, where) {
  if (record === null || typeof record !== 'object' || Array.isArray(record)) {
    throw invalid(`${where} takes a record: an object, not ${describe(record)}`);
  }
  check(record, where, '', 0);
  return JSON.stringify(record);
}

function check(value, where, path, depth) {
  if (depth > 60) throw invalid(`${where}: ${path} is nested too deep, or holds itself`);
  for (const key in value) {
    const v = value[key];
    switch (typeof v) {
      case 'string': case 'boolean': case 'undefined': continue;
      case 'number':
        if (Number.isFinite(v)) continue;
        throw invalid(`${where}: ${path}${key} is ${v}: numbers must be finite`);
      case 'object':
        if (v === null) continue;
        if (v instanceof Date) {
          if (Number.isNaN(v.getTime())) throw invalid(`${where}: ${path}${key} is an invalid Date`);
          continue;
        }
        if (Array.isArray(v) || isPlain(v)) {
          check(v, where, `${path}${key}.`, depth + 1);
          continue;
        }
      // falls through
      default:
        throw invalid(`${where}: ${path}${key} is ${describe(v)}, which cannot be stored`);
    }
  }
}

function isPlain(v) {
  const proto = Object.getPrototypeOf(v);
  return proto === null || proto === Object.prototype || Object.getPrototypeOf(proto) === null;
}

function describe(v) {
  if (v === null || v === undefined) return String(v);
  if (Array.isArray(v)) return 'an array';
  return typeof v === 'object' ? `a ${v.constructor?.name ?? 'strange object'}` : `a ${typeof v}`;
}

/** The names of the columns that hold dates, the system's own among them. */
export function dateColumns(schema) {
  const names = ['createdAt', 'updatedAt'];
  for (const [name, type] of Object.entries(schema.columns ?? {})) {
    if (type === 'date' || type === 'datetime') names.push(name);
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
