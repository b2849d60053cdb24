import { need } from './argument.js';
import { Channel } from './channel.js';
import { asLarderError } from './error.js';

/** The least time between two runs of one query, in milliseconds: of a burst of commits people see one change a frame. */
const PAUSE = 16;

/** The least time between two messages to the other tabs, in milliseconds: what a message costs, the commits of a burst share. */
const TELLING = 50;

/** How many changed records of a store are named in one message, at most. */
const MANY = 200;

/**
 * Live queries of one database: after a commit, here or in another tab, those that the commit can touch run again, and
 * their callbacks hear what was added, changed and removed. Runs of one query never overlap, and changes that come
 * while one runs are seen by the next.
 */
export class Live {
  #watches = new Set();
  #channel;
  #untold = new Map(); // store -> ids, or undefined where they are many: what the other tabs have not been told yet
  #timer; // runs after they were told
  #tell = () => {
    const changes = Array.from(this.#untold, ([store, ids]) => ({ store, ids }));
    this.#untold.clear();
    if (changes.length > 0) this.#channel.post({ changes });
  };
  #look;

  /**
   * look(store, ids) gives rows by id, and touched(store, parts, rows) says whether they can change what a query answers;
   * onRemote(stores) hears of other tabs.
   */
  constructor(name, { look, touched, onRemote }) {
    this.#look = { look, touched };
    this.#channel = new Channel(`larder:${name}:changes`, (data) => {
      if (!Array.isArray(data?.changes)) return;
      this.#notify(data.changes);
      onRemote(data.changes.map((change) => change.store));
    });
    globalThis.addEventListener?.('pagehide', this.#tell);
  }

  /**
   * Tells this tab's queries what a commit has changed: [{ store, ids }], without ids where they are many. The other tabs hear
   * of it at once, and of the commits that follow soon after by one message: a message costs as much as half a commit.
   */
  committed(changes) {
    this.#notify(changes);
    for (const { store, ids } of changes) {
      const before = this.#untold.has(store) ? this.#untold.get(store) : [];
      this.#untold.set(store, ids && before && before.length + ids.length <= MANY ? [...before, ...ids] : undefined);
    }
    if (this.#timer && !globalThis.document?.hidden) return; // a hidden page's timers are late
    this.#tell();
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#tell();
    }, TELLING);
  }

  /**
   * Runs a query now and after each change that can touch it; returns the function that stops it. read() gives rows that
   * are kept here, and dress(row) makes of one what the app gets. Without parts, every change of the store touches it.
   */
  watch({ store, parts, read, dress, fn, onError }) {
    need(typeof fn === 'function', 'live takes a function', fn);
    if (onError !== undefined) need(typeof onError === 'function', 'live takes a function for errors', onError);
    const watch = new Watch({ store, parts, read, dress, fn, onError });
    this.#watches.add(watch);
    watch.wake();
    return () => {
      watch.stop();
      this.#watches.delete(watch);
    };
  }

  close() {
    for (const watch of this.#watches) watch.stop();
    this.#watches.clear();
    clearTimeout(this.#timer);
    this.#tell();
    globalThis.removeEventListener?.('pagehide', this.#tell);
    this.#channel.close();
  }

  #notify(changes) {
    for (const { store, ids } of changes) {
      const asked = [];
      for (const watch of this.#watches) {
        if (watch.store !== store) continue;
        if (watch.needs(ids)) watch.wake();
        else asked.push(watch);
      }
      if (asked.length) this.#ask(store, ids, asked);
    }
  }

  /** Wakes those queries that changed rows, which they do not hold, may belong to. */
  async #ask(store, ids, watches) {
    let touched = () => true;
    try {
      const rows = JSON.stringify((await this.#look.look(store, ids)).filter(Boolean));
      touched = (watch) => this.#look.touched(store, watch.parts, rows);
    } catch { // what cannot be looked at is run again, and tells by itself what is wrong
    }
    for (const watch of watches) {
      if (watch.stopped) continue;
      try {
        if (touched(watch)) watch.wake();
      } catch {
        watch.wake(); // the same
      }
    }
  }
}

/** One live query. */
class Watch {
  #read;
  #dress;
  #fn;
  #onError;
  #rows; // as they were last told, by id; undefined before the first time
  #dirty = false;
  #running = false; // from a run to the end of the pause after it
  #reading = false;
  stopped = false;

  constructor({ store, parts, read, dress, fn, onError }) {
    this.store = store;
    this.parts = parts;
    this.#read = read;
    this.#dress = dress;
    this.#fn = fn;
    this.#onError = onError;
  }

  /** Whether a change must run the query, as far as that can be told without its filter. */
  needs(ids) {
    if (!ids || !this.#rows || this.#reading || !(this.parts?.where || this.parts?.filter)) return true;
    return ids.some((id) => this.#rows.has(id));
  }

  stop() { this.stopped = true; }

  /** Runs the query, now or when the run that goes on is over. */
  wake() {
    this.#dirty = true;
    if (!this.#running) this.#run();
  }

  async #run() {
    this.#running = true;
    while (this.#dirty && !this.stopped) {
      this.#dirty = false;
      try {
        this.#reading = true;
        const rows = await this.#read();
        this.#reading = false;
        if (!this.stopped) this.#tell(rows);
      } catch (error) {
        this.#reading = false;
        this.#fail(error);
      }
      await new Promise((resolve) => { setTimeout(resolve, PAUSE); });
    }
    this.#running = false;
  }

  #fail(cause) {
    if (this.stopped) return;
    const error = asLarderError(cause);
    if (error.code === 'invalid' || error.code === 'query') this.stopped = true; // the next run would not be better
    if (this.#onError) call(() => this.#onError(error));
    else reportError(error); // nobody listens: let the page's own handlers see it
  }

  /** Compares all rows, not only those that commits have named: a read may see a commit before the word of it arrives. */
  #tell(rows) {
    const now = new Map();
    const change = { added: [], changed: [], removed: [] };
    const told = rows.map((row) => {
      now.set(row.id, row);
      const shown = this.#dress(row);
      const before = this.#rows?.get(row.id);
      if (!before) change.added.push(shown);
      else if (!same(before, row)) change.changed.push(shown);
      return shown;
    });
    for (const id of this.#rows?.keys() ?? []) if (!now.has(id)) change.removed.push(id);
    const first = !this.#rows;
    this.#rows = now;
    if (first || change.added.length || change.changed.length || change.removed.length) call(() => this.#fn(told, change));
  }
}

/** Calls the app; its own failures are the app's to see. */
function call(fn) {
  try {
    fn();
  } catch (error) {
    reportError(error);
  }
}

/** Whether two values, as JSON has them, are the same. */
function same(a, b) {
  if (a === b) return true;
  if (a === null || b === null || typeof a !== 'object' || typeof b !== 'object') return false;
  const keys = Object.keys(a);
  return keys.length === Object.keys(b).length && keys.every((key) => Object.hasOwn(b, key) && same(a[key], b[key]));
}
