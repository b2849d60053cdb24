import { isObject, need } from './argument.js';
import { dateColumns, encode } from './codec.js';
import { failure } from './error.js';

/** The form in which the store keeps dates. */
const stored = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;

/**
 * The app's migrations as the engine asks for them: which there are, as JSON text, and the function that runs one over a
 * batch of rows. A row has Dates in the columns that are dates now; whatever else it has is as it was stored.
 */
export function migrations(migrate, tables) {
  if (migrate === undefined) return {};
  need(isObject(migrate), 'open: options.migrate is an object of versions', migrate);
  const names = {};
  for (const [version, byTable] of Object.entries(migrate)) {
    need(isObject(byTable), `open: options.migrate[${version}] is an object of functions by table`, byTable);
    for (const [table, fn] of Object.entries(byTable)) {
      need(typeof fn === 'function', `open: options.migrate[${version}].${table} is a function`, fn);
    }
    names[version] = Object.keys(byTable);
  }
  return {
    migrations: JSON.stringify(names),
    migrate: (version, table, text) => {
      const dates = dateColumns(tables[table]?.columns);
      const rows = JSON.parse(text).map((row) => one(migrate[version][table], row, dates, `migrate[${version}].${table}`));
      return `[${rows.join()}]`;
    },
  };
}

function one(fn, row, dates, name) {
  const { id } = row;
  for (const column of dates) if (stored.test(row[column])) row[column] = new Date(row[column]);
  try {
    const next = fn(row);
    if (next === null) return 'null';
    need(!(next instanceof Promise), `${name} gives a record or null`, next);
    return encode(next, () => name);
  } catch (error) {
    throw failure('migration', `${name}, record ${id}: ${error?.message ?? error}`, error);
  }
}
