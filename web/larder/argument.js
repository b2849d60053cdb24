import { aborted, invalid } from './error.js';

/** Says in a few words what was given, for a message about a wrong argument. */
export function describe(v) {
  switch (typeof v) {
    case 'string': return `the text ${JSON.stringify(v.length > 40 ? `${v.slice(0, 40)}…` : v)}`;
    case 'number': case 'boolean': case 'undefined': return String(v);
    case 'bigint': return `the bigint ${v}`;
    case 'symbol': return 'a symbol';
    case 'function': return 'a function';
    default:
  }
  if (v === null) return 'null';
  if (Array.isArray(v)) return 'an array';
  if (v instanceof Date && Number.isNaN(v.getTime())) return 'an invalid Date';
  const name = kind(v);
  if (name !== 'Object') return `${/^[AEIO]/.test(name) ? 'an' : 'a'} ${name}`;
  return v.constructor?.name && v.constructor !== Object ? `an object of class ${v.constructor.name}` : 'an object';
}

/** Checks that an argument is what `is` finds it to be; what says which argument and what it must be. */
export function need(is, what, given) {
  if (!is) throw invalid(`${what}, not ${describe(given)}`);
}

/** The events of a database. */
export const events = [
  'online', 'offline', 'sync', 'conflict', 'quarantine', 'digest', 'status', 'blocked', 'versionchange', 'storage', 'auth',
  'epoch', 'fork',
];

/** What the language calls an object: Object, Date, Promise, HTMLBodyElement. */
const kind = (v) => Object.prototype.toString.call(v).slice(8, -1);

/** Whether a value is an object of names and values: no array, Date, Map, Promise or node, whose own names say little. */
export const isObject = (v) => v !== null && typeof v === 'object' && ['Object', 'Module'].includes(kind(v));
export const isCount = (v) => Number.isSafeInteger(v) && v >= 0;

/** Checks the options object of a call and returns it: it may have the known names only, and a signal that is one. */
export function optionsOf(call, options, known) {
  if (options === undefined) return {};
  need(isObject(options), `${call}: the options are an object`, options);
  for (const name of Object.keys(options)) {
    if (!known.includes(name)) throw invalid(`${call}: there is no option ${name}, but ${known.join(', ')}`);
  }
  const { signal, timeout, progress } = options;
  if (signal !== undefined && signal !== null) {
    need(typeof signal === 'object' && typeof signal.aborted === 'boolean', `${call}: options.signal is an AbortSignal`, signal);
  }
  const isTime = timeout === undefined || (typeof timeout === 'number' && timeout >= 0);
  need(isTime, `${call}: options.timeout is a number of milliseconds`, timeout);
  need(progress === undefined || typeof progress === 'function', `${call}: options.progress is a function`, progress);
  return options;
}

/** Gives what work gives, but ends the waiting with `aborted` when the signal does. What was begun then goes on unheard. */
export function until(signal, work) {
  if (!signal) return work();
  if (signal.aborted) return Promise.reject(aborted(signal));
  return new Promise((resolve, reject) => {
    const end = () => reject(aborted(signal));
    signal.addEventListener('abort', end, { once: true });
    work().then(resolve, reject).finally(() => signal.removeEventListener('abort', end));
  });
}
