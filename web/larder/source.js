import { isObject, need } from './argument.js';
import { revive } from './codec.js';
import { failure, invalid } from './error.js';

const TIMEOUT = 30_000; // for a source that says nothing else, in milliseconds
const FUNCTIONS = ['getLastSync', 'getChanges', 'applyChanges'];

/** Checks the sources of open's options; gives what the engine is told of them: how long it waits for each. */
export function timeouts(sources, tables) {
  const all = {};
  for (const [table, source] of Object.entries(sources)) {
    const at = `open: options.sync.tables.${table}`;
    need(Object.hasOwn(tables, table), `${at} is a source of one of options.tables`, source);
    need(isObject(source) && typeof source.getChanges === 'function', `${at} is an object with a function getChanges`, source);
    for (const name of FUNCTIONS) {
      need(source[name] === undefined || typeof source[name] === 'function', `${at}.${name} is a function`, source[name]);
    }
    const { timeout = TIMEOUT } = source;
    need(timeout > 0 && timeout <= 2 ** 31, `${at}.timeout is a number of milliseconds`, timeout);
    all[table] = timeout;
  }
  return all;
}

/** What fetch is rejected with without a network: a TypeError, as are many of an app's mistakes. So its text must tell. */
const offline = /failed to fetch|networkerror|load failed/i;

/**
 * Calls a source's function for the engine: what it is asked and what it answers are JSON text. It gets Dates where the schema
 * has dates. An error with retryAfter, in seconds, wants to be asked again then.
 */
export async function ask(source, dates, method, json, signal) {
  const request = JSON.parse(json);
  try {
    return text(await call(source, dates, method, request, signal));
  } catch (error) {
    if (typeof error?.retryAfter === 'number') return JSON.stringify({ later: error.retryAfter });
    if (error instanceof TypeError && offline.test(error.message)) throw failure('network', 'the source cannot be reached', error);
    throw error;
  }
}

function call(source, dates, method, request, signal) {
  if (method !== 'applyChanges') {
    if (!source[method]) return request.stored; // where the last page that was stored has ended
    return source[method]({ ...request, signal });
  }
  if (!source.applyChanges) return request.map(({ id }) => ({ id, refused: 'its source takes no changes' }));
  for (const { record, base, changes } of request) for (const row of [record, base, changes]) revive(row, dates);
  return source.applyChanges(request, { signal });
}

function text(answer) {
  try {
    return JSON.stringify(answer) ?? 'null';
  } catch (cause) {
    throw invalid('the source gave what JSON cannot hold', cause);
  }
}

/** Without a server of its own a database knows of the network what the browser says. */
export async function hinted() {
  const online = globalThis.navigator?.onLine !== false;
  return { online, reason: online ? 'ok' : 'network' };
}
