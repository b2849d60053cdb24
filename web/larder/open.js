import { isObject, need, optionsOf, until } from './argument.js';
import { forget } from './background.js';
import { Database } from './database.js';
import { engine } from './engine.js';
import { asLarderError, invalid } from './error.js';
import { allNames, forgetAll, ownName, recall, remember, subject } from './principals.js';
import { timeouts } from './source.js';
import { within } from './storage.js';

/** How long a token is waited for that says who opens the database, in milliseconds; then it is the last one's. */
const PATIENCE = 500;

const known = ['version', 'tables', 'migrate', 'sync', 'storage', 'signal', 'timeout', 'onBlocked', 'onVersionChange'];

/** Opens a database, creating or upgrading it. See larder.d.ts for the options. */
export async function open(name, options) {
  need(typeof name === 'string' && name !== '', 'open takes the database\'s name, a string, as its first argument', name);
  need(!name.includes('#'), 'open: the name has no #, which names the databases of further users', name);
  need(isObject(options), 'open takes the options, an object, as its second argument', options);
  const { version, tables, sync, storage, signal } = optionsOf('open', options, known);
  need(Number.isSafeInteger(version) && version >= 1, 'open: options.version is a whole number from 1 on', version);
  need(isObject(tables), 'open: options.tables is an object of tables', tables);
  for (const [table, schema] of Object.entries(tables)) {
    need(isObject(schema), `open: options.tables.${table} is an object`, schema);
    const { columns = {} } = schema;
    need(isObject(columns), `open: options.tables.${table}.columns is an object`, columns);
  }
  need(storage === undefined || storage === 'memory', 'open: options.storage is "memory", or left out', storage);
  const server = sync === undefined ? undefined : serverOf(sync, tables);
  for (const hook of ['onBlocked', 'onVersionChange']) {
    const fn = options[hook];
    need(fn === undefined || typeof fn === 'function', `open: options.${hook} is a function`, fn);
  }
  const schema = schemaText({ version, tables, sync: server });
  const token = storage === 'memory' ? '' : await until(signal, () => tokenOf(sync));
  const sub = subject(token), { last, names } = recall(name);
  let db = await opened(sub ? names[sub] ?? name : last, schema, options, token);
  if (sub && !names[sub] && ![undefined, sub].includes(await db.owner())) { // somebody else was the first
    await db.close();
    db = await opened(ownName(name, sub), schema, options, token);
  }
  if (sub) {
    remember(name, sub, db.name);
    for (const other of Object.values(names)) if (other !== db.name) await forget(other); // the worker has no token of theirs any more
  }
  return db;
}

async function opened(name, schema, options, token) {
  const db = new Database(name, schema, options, token);
  try {
    await db.start(options.signal);
  } catch (error) {
    await db.close();
    throw asLarderError(error);
  }
  return db;
}

/** The token of who opens the database, '' where there is none so soon. */
async function tokenOf(sync) {
  if (!sync?.token) return '';
  const token = await within(PATIENCE, (async () => sync.token({ fresh: false }))());
  return typeof token === 'string' ? token : '';
}

/** What the engine is told of options.sync. */
function serverOf(sync, tables) {
  need(isObject(sync), 'open: options.sync is an object', sync);
  const { url, protocol, verify, tables: sources = {} } = sync;
  need(verify === undefined || (verify >= 0 && verify <= 1), 'open: options.sync.verify is a number from 0 to 1', verify);
  need(isObject(sources), 'open: options.sync.tables is an object of sources', sources);
  const alone = sync.tables && Object.keys(tables).every((name) => Object.hasOwn(sources, name));
  need(typeof url === 'string' || (url === undefined && alone),
    `open: options.sync.url is the address of the server, a string${alone ? ', or left out' : ''}`, url);
  need([undefined, 'larder', 'azure'].includes(protocol), 'open: options.sync.protocol is "larder", "azure" or left out', protocol);
  return { url, protocol, sources: timeouts(sources, tables) };
}

/** Deletes a database with all that is in it, what was never pushed included; those of all users. */
export async function destroy(name, options) {
  need(typeof name === 'string' && name !== '', 'destroy takes the database\'s name, a string', name);
  const { signal } = optionsOf('destroy', options, ['signal']);
  await until(signal, async () => {
    const functions = await engine();
    for (const each of await allNames(name)) {
      await functions.destroy(each);
      await forget(each);
    }
    forgetAll(name);
  });
}

/** The schema as the engine reads it, and as it is recognised again. */
function schemaText(schema) {
  try {
    return JSON.stringify(schema);
  } catch (cause) {
    throw invalid('open: options.tables is data that JSON can hold', cause);
  }
}
