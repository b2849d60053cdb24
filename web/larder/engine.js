import '../idb.js';
import { asLarderError, failure } from './error.js';

/**
 * The engine is a Go program. It is started once a page, when the first database is opened, and hands over its
 * functions by calling `globalThis.larderReady`. Functions that answer at once return `{ value }` or `{ error }`;
 * those that wait return Promises, rejected with `{ code, message }`.
 */
let starting;

export function engine() {
  starting ??= start().catch((error) => {
    starting = undefined; // the next open may find the network back
    throw failure('engine', `Larder's engine could not start: ${error.message}`, error);
  });
  return starting;
}

async function start() {
  if (!globalThis.indexedDB || !globalThis.IDBRequest) throw new Error('this browser has no IndexedDB here');
  if (!globalThis.Go) await import('../wasm_exec.js');
  const go = new globalThis.Go();
  const url = new URL('../larder.wasm', import.meta.url);
  const instance = await instantiate(url, go.importObject);
  return new Promise((resolve, reject) => {
    let running = true;
    let stop;
    const stopped = new Promise((_, fail) => { stop = fail; });
    globalThis.larderReady = (functions) => { // called from within go.run, before that returns
      delete globalThis.larderReady;
      resolve(guard(functions, stopped, () => running));
    };
    go.run(instance).then(() => new Error('the engine has stopped'), (error) => error).then((error) => {
      running = false;
      starting = undefined;
      const e = failure('engine', 'Larder\'s engine has stopped: reload the page', error);
      reject(e);
      stop(e);
    });
    stopped.catch(() => {}); // those who wait on it see it; nobody need
  });
}

async function instantiate(url, imports) {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${url} answered ${response.status}`);
  if (response.headers.get('content-type') === 'application/wasm') {
    return (await WebAssembly.instantiateStreaming(response, imports)).instance;
  }
  return (await WebAssembly.instantiate(await response.arrayBuffer(), imports)).instance;
}

/** Wraps the engine's functions so that their failures are LarderErrors, also when the engine stops under a call. */
function guard(functions, stopped, running) {
  const wrapped = {};
  for (const [name, value] of Object.entries(functions)) {
    if (typeof value !== 'function') {
      wrapped[name] = value;
      continue;
    }
    wrapped[name] = (...args) => {
      if (!running()) throw failure('engine', 'Larder\'s engine has stopped: reload the page');
      const result = value(...args);
      if (result instanceof Promise) {
        return Promise.race([result, stopped]).then(
          (v) => (v?.isHandle ? guard(v, stopped, running) : v),
          (error) => { throw asLarderError(error); });
      }
      if (result?.error) throw asLarderError(result.error);
      return result?.value;
    };
  }
  return wrapped;
}
