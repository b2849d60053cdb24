const NOTES = 'larder background'; // the Cache in which sw/push.js finds what it needs
const noteOf = (name) => `${globalThis.location.origin}/${encodeURIComponent(name)}`;

/**
 * Has the service worker push what waits when the network is back, with the page closed. The worker gets the schema and the last token
 * by a note in Cache Storage; the browser is asked for a sync event when something waits and the server cannot be reached, or the page
 * goes out of sight. Browsers without such events leave it to the next page.
 */
export class Background {
  #name;
  #schema;
  #waits;
  #token;
  #hidden = () => { if (document.visibilityState === 'hidden' && this.#waits()) this.ask(); };

  /** schema is what the engine reads of the options; waits() tells whether anything waits. */
  constructor(name, schema, waits) {
    this.#name = name;
    const { sync, ...rest } = JSON.parse(schema);
    const url = new URL(`${sync.url.replace(/\/$/, '')}/-`, globalThis.location).href.slice(0, -2); // the worker lives elsewhere
    this.#schema = JSON.stringify({ ...rest, sync: { ...sync, url } });
    this.#waits = waits;
    globalThis.document?.addEventListener('visibilitychange', this.#hidden);
  }

  /** Leaves the note, with the token that was used last: '' is none, and without one that of an earlier visit stays. */
  async remember(token) {
    if (!globalThis.caches || (token !== undefined && token === this.#token)) return;
    const cache = await caches.open(NOTES), url = noteOf(this.#name);
    this.#token = token ?? (await (await cache.match(url))?.json())?.token ?? '';
    await cache.put(url, new Response(JSON.stringify({ schema: this.#schema, token: this.#token })));
  }

  /** Asks for a sync event, as soon as the browser believes that it would help. */
  async ask() {
    try {
      const registration = await globalThis.navigator?.serviceWorker?.getRegistration();
      await registration?.sync?.register(`larder:${this.#name}`);
    } catch { // the user or the browser forbids it: the next page pushes
    }
  }

  stop() { globalThis.document?.removeEventListener('visibilitychange', this.#hidden); }
}

/** Takes back what the worker was told of a database. */
export async function forget(name) {
  const there = await globalThis.caches?.has(NOTES).catch(() => false); // a browser that forbids the question has kept nothing
  if (there) await (await caches.open(NOTES)).delete(noteOf(name));
}
