const SILENCE = 45_000; // three of the server's heartbeats, in milliseconds: a connection that is quiet for longer leads nowhere
const FIRST = 1000, LAST = 60_000; // between attempts
const NEVER = 600_000; // between attempts at a server that has no streams

/**
 * Listens to a server for news of tables: one connection for a database, whichever of its tabs holds it, which comes back
 * whenever it ends. What the server sends is no more than a hint: who hears of news pulls. So nothing is lost with a
 * connection, and nothing is stored out of order.
 */
export class Stream {
  #name;
  #url;
  #hooks;
  #tables = ''; // that are listened to
  #last = ''; // the id of the last event: the server goes on from there
  #flowing = false;
  #failures = 0;
  #fresh = false; // the last token was refused
  #steal = seen();
  #ended = false;
  #interrupt = () => {}; // ends what is waited for, or the connection

  /** hooks are token({ fresh }), tables(), which gives the names of the tables to listen to, and news(). */
  constructor(name, url, hooks) {
    this.#name = `larder:${name}:live`;
    this.#url = `${url?.replace(/\/$/, '')}/tables/$live?tables=`; // without one there are no tables to listen to
    this.#hooks = hooks;
    this.#run();
  }

  /** Whether the server tells this tab, or another one, what is new. */
  async flows() {
    if (this.#flowing) return true;
    const { held = [] } = await globalThis.navigator?.locks?.query() ?? {};
    return held.some(({ name }) => name === this.#name);
  }

  /** Listens to the tables as they are now. */
  async check() {
    if ((await this.#hooks.tables()).join() !== this.#tables) this.#interrupt();
  }

  /**
   * Tries again at once, for the network is back or the page is seen. A tab that people see takes over from one that they do
   * not, which the browser may have put to sleep.
   */
  wake() {
    if (this.#flowing) return;
    this.#steal = seen();
    this.#interrupt();
  }

  stop() {
    this.#ended = true;
    this.#interrupt();
  }

  async #run() {
    while (!this.#ended) {
      const controller = new AbortController();
      this.#interrupt = () => controller.abort();
      const pause = await this.#turn(controller);
      if (!controller.signal.aborted) await sleep(pause, controller.signal);
    }
  }

  /** Waits for its turn among the tabs and listens. Gives how long to wait before the next turn. */
  async #turn(controller) {
    const { locks } = globalThis.navigator ?? {};
    const { signal } = controller;
    const steal = this.#steal;
    this.#steal = false;
    let pause = FIRST;
    const listen = async () => { if (!signal.aborted) pause = await this.#listen(signal); }; // one that steals waits too
    try {
      if (locks) await locks.request(this.#name, steal ? { steal } : { signal }, listen);
      else await listen();
    } catch { // aborted, or another tab has taken over
      controller.abort();
    }
    this.#flowing = false;
    return pause;
  }

  /** One connection, until it ends. Gives how long to wait before the next one. */
  async #listen(signal) {
    const end = new AbortController();
    const abort = () => end.abort();
    signal.addEventListener('abort', abort);
    let silence;
    const heard = () => {
      clearTimeout(silence);
      silence = setTimeout(abort, SILENCE);
    };
    try {
      const tables = (await this.#hooks.tables()).join();
      if (tables !== this.#tables) this.#last = '';
      this.#tables = tables;
      if (!tables) return NEVER; // check() wakes it
      heard();
      const response = await this.#connect(end.signal);
      if (response.status === 401 && !this.#fresh) {
        this.#fresh = true;
        return 0;
      }
      const { headers, status, body } = response;
      if (!headers.get('content-type')?.startsWith('text/event-stream')) {
        abort(); // whatever that is, it need not be read to its end
        if (![401, 403, 408, 429].includes(status) && status < 500) return NEVER;
        return Math.max(this.#backoff(), (Number(headers.get('retry-after')) || 0) * 1000);
      }
      const resumed = this.#last !== '';
      const events = new Events((id, data) => {
        this.#last = id;
        if (data) this.#hooks.news();
      });
      for await (const part of parts(body, end.signal)) {
        heard();
        events.read(part);
        if (this.#flowing) continue;
        this.#flowing = true;
        this.#fresh = false;
        this.#failures = 0;
        if (!resumed) this.#hooks.news(); // of what happened before it listened
      }
      return events.retry;
    } catch { // no connection, a broken one, or a token that could not be had: the sync that polls meanwhile tells the app
      return this.#backoff();
    } finally {
      clearTimeout(silence);
      signal.removeEventListener('abort', abort);
      this.#flowing = false;
    }
  }

  async #connect(signal) {
    const headers = { accept: 'text/event-stream', 'zumo-api-version': '3.0.0' };
    const token = await this.#hooks.token(this.#fresh);
    if (token) headers.authorization = `Bearer ${token}`;
    if (this.#last) headers['last-event-id'] = this.#last;
    return fetch(this.#url + encodeURIComponent(this.#tables), { headers, cache: 'no-store', signal });
  }

  #backoff() {
    const most = Math.min(FIRST * 2 ** this.#failures++, LAST);
    return most * (0.5 + Math.random() / 2); // all others have lost the same server
  }
}

const seen = () => globalThis.document?.visibilityState === 'visible';

/** The parts of a stream as they come, until its end or the signal's. */
async function* parts(body, signal) {
  const reader = body.getReader();
  signal.addEventListener('abort', () => reader.cancel().catch(() => {})); // it had broken off
  try {
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      yield value;
    }
  } finally {
    reader.cancel().catch(() => {});
  }
}

/** Reads server-sent events; calls fn(id, data) for each, and for an id without data too. */
class Events {
  #decoder = new TextDecoder();
  #rest = '';
  #fn;
  #id;
  #data = '';
  retry = FIRST; // how long the server wants to be left alone after the end, which it spreads itself

  constructor(fn) { this.#fn = fn; }

  read(part) {
    const lines = (this.#rest + this.#decoder.decode(part, { stream: true })).split(/\r?\n/);
    this.#rest = lines.pop();
    for (const line of lines) this.#line(line);
  }

  #line(line) {
    const [, field, value] = /^([^:]*):? ?(.*)$/.exec(line);
    if (line === '') {
      if (this.#id !== undefined) this.#fn(this.#id, this.#data);
      this.#id = undefined;
      this.#data = '';
    } else if (field === 'id') this.#id = value;
    else if (field === 'data') this.#data += value;
    else if (field === 'retry') this.retry = Number(value) || FIRST;
  }
}

function sleep(ms, signal) {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener('abort', () => {
      clearTimeout(timer);
      resolve();
    });
  });
}
