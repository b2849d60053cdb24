/**
 * Keeps a database in sync by itself, for `sync.live`: pushes soon after a write, pulls the tables that were pulled
 * before when the page starts, comes back into view or comes back online, and every half minute while it is seen.
 */
export class AutoSync {
  #database;
  #timers = new Set();
  #running;
  #again = false;
  #off = [];

  constructor(database) {
    this.#database = database;
    this.#off.push(database.on('online', () => this.#sync()));
    const seen = () => { if (globalThis.document?.visibilityState !== 'hidden') this.#sync(); };
    globalThis.document?.addEventListener('visibilitychange', seen);
    this.#off.push(() => globalThis.document?.removeEventListener('visibilitychange', seen));
    const poll = setInterval(seen, 30_000);
    this.#off.push(() => clearInterval(poll));
    this.#sync();
  }

  /** Hears of a local write: many in a row are pushed together. */
  written() {
    if (this.#timers.size) return;
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      this.#push();
    }, 250);
    this.#timers.add(timer);
  }

  stop() {
    for (const off of this.#off) off();
    for (const timer of this.#timers) clearTimeout(timer);
  }

  #push() { return this.#once(() => (this.#database.status.pending ? this.#database.push() : null)); }

  #sync() {
    return this.#once(async () => {
      if (this.#database.status.pending) await this.#database.push();
      await this.#database.pullAgain();
    });
  }

  /** One run at a time; what comes meanwhile makes one more. Failures were told by the database's own events. */
  async #once(work) {
    if (this.#running) {
      this.#again = true;
      return;
    }
    this.#running = true;
    try {
      if (this.#database.status.online) await work();
    } catch (error) {
      if (!error.code) reportError(error); // the others were told by the sync event
    } finally {
      this.#running = false;
      if (this.#again) {
        this.#again = false;
        this.written();
      }
    }
  }
}
