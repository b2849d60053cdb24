import { asLarderError } from './error.js';

/**
 * Live queries of one database: after a commit, here or in another tab, those that the commit can touch run again, and
 * their callbacks hear what was added, changed and removed. Runs of one query never overlap, and changes that come
 * while one runs are seen by the next.
 */
export class Live {
  #watches = new Set();
  #channel;

  constructor(name, onRemote) {
    if (globalThis.BroadcastChannel) {
      this.#channel = new BroadcastChannel(`larder:${name}`);
      this.#channel.onmessage = ({ data }) => {
        if (!Array.isArray(data?.stores)) return;
        this.#notify(data.stores);
        onRemote(data.stores);
      };
    }
  }

  /** Tells this tab's queries and the other tabs which object stores a commit has changed. */
  committed(stores) {
    this.#notify(stores);
    this.#channel?.postMessage({ stores });
  }

  /** Runs read now and after each change of the store; returns the function that stops it. */
  watch(store, read, fn, onError) {
    const watch = { store, read, fn, onError, rows: new Map(), first: true, dirty: true, running: false, stopped: false };
    this.#watches.add(watch);
    this.#run(watch);
    return () => {
      watch.stopped = true;
      this.#watches.delete(watch);
    };
  }

  close() {
    for (const watch of this.#watches) watch.stopped = true;
    this.#watches.clear();
    this.#channel?.close();
  }

  #notify(stores) {
    for (const watch of this.#watches) {
      if (!stores.includes(watch.store)) continue;
      watch.dirty = true;
      this.#run(watch);
    }
  }

  async #run(watch) {
    if (watch.running) return;
    watch.running = true;
    try {
      while (watch.dirty && !watch.stopped) {
        watch.dirty = false;
        const rows = await watch.read();
        if (!watch.stopped) this.#tell(watch, rows);
      }
    } catch (error) {
      if (watch.stopped) return;
      if (!watch.onError) throw asLarderError(error); // nobody listens: let the page's own handlers see it
      watch.onError(asLarderError(error));
    } finally {
      watch.running = false;
    }
  }

  #tell(watch, rows) {
    const change = { added: [], changed: [], removed: [] };
    const now = new Map();
    for (const row of rows) {
      const text = JSON.stringify(row);
      now.set(row.id, text);
      const before = watch.rows.get(row.id);
      if (before === undefined) change.added.push(row);
      else if (before !== text) change.changed.push(row);
    }
    for (const id of watch.rows.keys()) if (!now.has(id)) change.removed.push(id);
    const same = !change.added.length && !change.changed.length && !change.removed.length;
    watch.rows = now;
    if (same && !watch.first) return;
    watch.first = false;
    watch.fn(rows, change);
  }
}
