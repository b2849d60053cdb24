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

  /** Keeps the token that was used last; '' is none. */
  async remember(token) {
    if (token === this.#token || !globalThis.caches) return;
    this.#token = token;
    const note = new Response(JSON.stringify({ schema: this.#schema, token }));
    await (await caches.open(NOTES)).put(noteOf(this.#name), note);
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
  if (await globalThis.caches?.has(NOTES)) await (await caches.open(NOTES)).delete(noteOf(name));
}
