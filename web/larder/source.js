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
 * Calls a source's function for the engine: what it is asked and what it answers are JSON text, the latter in a form that is as
 * it must be. The source gets Dates where the schema has dates. An error with retryAfter, in seconds, wants to be asked again
 * then.
 */
export async function ask(table, source, dates, method, json, signal) {
  try {
    return text(await calls[method](new Answers(table), source, JSON.parse(json), signal, dates));
  } catch (error) {
    if (typeof error?.retryAfter === 'number') return JSON.stringify({ later: error.retryAfter });
    const cut = error instanceof TypeError && offline.test(error.message);
    throw cut ? failure('network', `the source of ${table} cannot be reached`, error) : error;
  }
}

const calls = {
  async getLastSync(answers, source, { at: stored, filter }, signal) { // stored: where the last page that was stored has ended
    const since = source.getLastSync ? await source.getLastSync({ stored, filter, signal }) : stored;
    answers.must(typeof since === 'string', 'a position that is not text');
    return { since };
  },
  async getChanges(answers, source, { at: since, filter, limit }, signal) {
    const page = await source.getChanges({ since, limit, filter, signal });
    answers.must(isObject(page), 'a page that is not an object');
    const { changed = [], removed = [], ids, next = '', more = false } = page;
    const lists = Array.isArray(changed) && isTexts(removed) && isTexts(ids ?? []);
    answers.must(lists && typeof next === 'string' && typeof more === 'boolean',
      'a page that is not { changed: [record], removed: [id], ids: [id], next: text, more: true or false }');
    return { changed: changed.map(plain), removed, ids, next, more };
  },
  async applyChanges(answers, source, rows, signal, dates) {
    if (!source.applyChanges) return rows.map(({ id }) => ({ id, refused: 'its source takes no changes' }));
    const operations = rows.map(({ id, table, action, recordId, record, base, changes }) => {
      for (const row of [record, base, changes]) revive(row, dates);
      return { id, table, action, recordId, record, base, changes };
    });
    const verdicts = await source.applyChanges(operations, { signal });
    const form = 'verdicts that are not [{ id }, with a record, or conflict: record or null, or refused: text]';
    answers.must(Array.isArray(verdicts), form);
    return verdicts.map((verdict) => {
      const { id, record = null, conflict, refused } = verdict ?? {};
      const now = conflict === undefined ? record : conflict;
      answers.must(typeof id === 'string' && (now === null || isObject(now)), form);
      answers.must(refused === undefined || (typeof refused === 'string' && refused !== ''), form);
      return { id, record: plain(now), conflict: conflict !== undefined, refused };
    });
  },
};

/** What a source has answered, and may be told that it must not. */
class Answers {
  constructor(table) { this.table = table; }

  must(is, what) { if (!is) throw failure('server', `the source of ${this.table} gave ${what}`); }
}

const isTexts = (list) => Array.isArray(list) && list.every((item) => typeof item === 'string');

/** A record whose version is text, as backends that count have it. */
const plain = (row) => (typeof row?.version === 'number' ? { ...row, version: String(row.version) } : row);

function text(answer) {
  try {
    return JSON.stringify(answer);
  } catch (cause) {
    throw invalid('the source gave what JSON cannot hold', cause);
  }
}

/** Without a server of its own a database knows of the network what the browser says. */
export async function hinted() {
  const online = globalThis.navigator?.onLine !== false;
  return { online, reason: online ? 'ok' : 'network' };
}
