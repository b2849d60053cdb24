import '../idb.js';
import { asLarderError, failure } from './error.js';

/**
 * The engine is a Go program. It is started once a page, when the first database is opened, and hands over its
 * functions by calling `globalThis.larderReady`. Functions that answer at once return `{ value }` or `{ error }`;
 * those that wait return Promises, rejected with `{ code, message }`.
 */
let starting;
let home;

/** Tells where larder.wasm and wasm_exec.js are. */
export function locate(folder) { home = folder; }

export function engine() {
  starting ??= start().catch((error) => {
    starting = undefined; // the next open may find the network back
    throw failure('engine', `Larder's engine could not start: ${error.message}`, error);
  });
  return starting;
}

async function start() {
  if (!globalThis.Go) await import(new URL('wasm_exec.js', home));
  const go = new globalThis.Go();
  const instance = await instantiate(new URL('larder.wasm', home), go.importObject);
  const calls = new Calls();
  return new Promise((resolve, reject) => {
    globalThis.larderReady = (functions) => { // called from within go.run, before that returns
      delete globalThis.larderReady;
      resolve(guard(functions, calls));
    };
    go.run(instance).then(() => new Error('the engine has stopped'), (error) => error).then((cause) => {
      starting = undefined;
      calls.end(cause);
      reject(calls.over());
    });
  });
}

/** The calls that wait for the engine: all of them fail when it stops. */
class Calls {
  #waiting = new Set();
  #cause;

  /** Settles as the engine's promise does, or fails when the engine stops before. */
  wait(promise, done) {
    return new Promise((resolve, reject) => {
      this.#waiting.add(reject);
      promise.then(
        (value) => { this.#waiting.delete(reject); resolve(done(value)); },
        (error) => { this.#waiting.delete(reject); reject(asLarderError(error)); });
    });
  }

  end(cause) {
    this.#cause = cause;
    for (const reject of this.#waiting) reject(this.over());
    this.#waiting.clear();
  }

  get ended() { return this.#cause !== undefined; }

  over() { return failure('engine', 'Larder\'s engine has stopped: reload the page', this.#cause); }
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
function guard(functions, calls) {
  const wrapped = {};
  for (const [name, value] of Object.entries(functions)) {
    wrapped[name] = typeof value !== 'function' ? value : (...args) => {
      if (calls.ended) throw calls.over();
      const result = value(...args);
      if (result instanceof Promise) return calls.wait(result, (v) => (v?.isHandle ? guard(v, calls) : v));
      if (result?.error) throw asLarderError(result.error);
      return result?.value;
    };
  }
  return wrapped;
}
