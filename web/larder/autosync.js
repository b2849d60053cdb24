import { Stream } from './stream.js';

const SOON = 250; // of many writes in a row, in milliseconds
const NEWS = 20; // of many events in a row
const POLL = 30_000;
const SAMPLES = 1 / 50; // of the pulls, unless told

/**
 * Keeps a database in sync by itself, for `sync.live`: pushes soon after a write, and pulls what was pulled before when the
 * server tells of news. Where it cannot tell, it is asked every half minute while the page is seen. What failed is tried
 * again until it is done.
 */
export class AutoSync {
  #database;
  #stream;
  #timer;
  #running = false;
  #push = true;
  #pull = true;
  #off = [];
  #samples;

  #silent; // whether there are tables of which no server tells

  /**
   * token(fresh) gives the token; sources are the tables that are not the server's; samples is in how many of its pulls a part is
   * verified, from 0 to 1.
   */
  constructor(database, url, token, sources, samples = SAMPLES) {
    this.#database = database;
    this.#silent = sources.length > 0;
    this.#samples = samples;
    this.#stream = new Stream(database.name, url, {
      token,
      tables: async () => (await database.pulled()).filter((name) => !sources.includes(name)),
      news: () => {
        this.#pull = true;
        this.#soon(NEWS);
      },
    });
    this.#off.push(database.on('online', () => this.#back()));
    this.#off.push(database.on('sync', ({ phase }) => { // the app may have pulled another table
      if (phase === 'end') this.#stream.check().catch(() => {}); // closed
    }));
    const seen = () => { if (visible()) this.#back(); };
    globalThis.document?.addEventListener('visibilitychange', seen);
    this.#off.push(() => globalThis.document?.removeEventListener('visibilitychange', seen));
    const poll = setInterval(() => this.#poll(), POLL);
    this.#off.push(() => clearInterval(poll), () => this.#stream.stop());
    this.#soon(0);
  }

  /** Hears of a local write: many in a row are pushed together. */
  written() {
    this.#push = true;
    this.#soon(SOON);
  }

  stop() {
    this.#push = this.#pull = false;
    clearTimeout(this.#timer);
    for (const off of this.#off) off();
  }

  /** The page is seen again, or the server can be reached again. */
  #back() {
    this.#stream.wake();
    this.#push = this.#pull = true;
    this.#soon(0);
  }

  async #poll() {
    const { pending, quarantined } = this.#database.status;
    if (pending > quarantined) this.#push = true;
    if (visible() && (this.#silent || !await this.#stream.flows())) this.#pull = true;
    this.#soon(0);
  }

  #soon(ms) {
    if (!this.#running) this.#timer ??= setTimeout(() => this.#run(), ms);
  }

  /** One run at a time; what comes meanwhile is part of it. */
  async #run() {
    this.#timer = undefined;
    if (!this.#database.status.online) return; // until it is
    this.#running = true;
    try {
      while (this.#push || this.#pull) {
        if (this.#push) {
          this.#push = false;
          if (this.#database.status.pending) await this.#database.push();
        } else await this.#renew();
      }
    } catch (error) {
      if (!error.code) reportError(error); // the others were told by the sync event
    } finally {
      this.#running = false;
    }
  }

  async #renew() {
    this.#pull = false;
    try {
      await (Math.random() < this.#samples ? this.#database.sample() : this.#database.pullAgain());
    } catch (error) {
      this.#pull = true; // the news is still to be had
      throw error;
    }
  }
}

const visible = () => globalThis.document?.visibilityState !== 'hidden';
