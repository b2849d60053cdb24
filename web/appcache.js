// window.applicationCache, as it was: a page that names a manifest and loads this script works with the network gone.
//
//   <html manifest="cache.manifest"> … <script src="appcache.js"></script>
//
// The work is done by sw.js, which lies beside the manifest: this script registers it, passes on what the page asks for, and fires what it reports.
// New here are applicationCache.ready and check(), the error event's reason, url, status, message, expected and got, and the event unrecoverable, with
// the same: the browser has deleted a file of this page's version, and the server has another one. Where workers are missing (file:, http: but for
// localhost, some webviews) nothing breaks: status stays UNCACHED and one error event tells why.
(() => {
  'use strict';
  const STATUS = ['UNCACHED', 'IDLE', 'CHECKING', 'DOWNLOADING', 'UPDATEREADY', 'OBSOLETE'];
  const EVENTS = ['checking', 'error', 'noupdate', 'downloading', 'progress', 'updateready', 'cached', 'obsolete', 'unrecoverable'];
  const ENDS = ['noupdate', 'updateready', 'cached', 'obsolete', 'error']; // of an update
  const [UNCACHED, IDLE, , DOWNLOADING, UPDATEREADY, OBSOLETE] = STATUS.keys();

  const page = location.href.split('#')[0]; // as it was loaded: the history API may change it later
  const handlers = new Map();
  let status = UNCACHED, registration = null, settle;

  const ask = (message, ports = []) => registration?.active?.postMessage(message, ports);
  const refusal = (text) => new DOMException(text, 'InvalidStateError');

  class ApplicationCache extends EventTarget {
    // ready tells, once, whether this page has a complete version. It is fulfilled with false if it could not get one, and never rejected.
    ready = new Promise((resolve) => { settle = resolve; });

    get status() { return status; }

    // update looks for a new version. The events tell what comes of it.
    update() {
      if (status === UNCACHED || status === OBSOLETE) throw refusal('there is no version to update');
      ask({ larder: 'update' });
    }

    // check is update for new code. It is fulfilled with whether there is a newer version than this page's, and rejected with what the error event says.
    async check() {
      this.update();
      const { type, reason, message, url, status: code, expected, got } = await new Promise((resolve) => {
        for (const end of ENDS) this.addEventListener(end, resolve, { once: true });
      });
      if (type === 'error') throw Object.assign(new Error(message), { reason, url, status: code, expected, got });
      if (type === 'obsolete') throw Object.assign(new Error('the app has been withdrawn: its manifest is gone'), { reason: 'obsolete' });
      return status === UPDATEREADY;
    }

    // abort ends an update that is running, with an error event. The version in use stays.
    abort() { ask({ larder: 'abort' }); }

    // swapCache lets what this page loads come from the new version, and reloads nothing. It throws at once where there is none, as AppCache's did;
    // the promise is fulfilled when the new version is in effect.
    swapCache() {
      if (status !== UPDATEREADY && status !== OBSOLETE) throw refusal('there is no newer version to swap to');
      const obsolete = status === OBSOLETE;
      status = obsolete ? UNCACHED : IDLE;
      if (obsolete) return Promise.resolve();
      const { port1, port2 } = new MessageChannel();
      ask({ larder: 'swap' }, [port2]);
      return new Promise((resolve) => { port1.onmessage = () => resolve(); });
    }
  }

  const constants = Object.fromEntries(STATUS.map((name, value) => [name, { value, enumerable: true }]));
  Object.defineProperties(ApplicationCache, constants);
  Object.defineProperties(ApplicationCache.prototype, constants);
  for (const type of EVENTS) {
    Object.defineProperty(ApplicationCache.prototype, `on${type}`, {
      enumerable: true,
      get: () => handlers.get(type) ?? null,
      set: (handler) => { handlers.set(type, typeof handler === 'function' ? handler : null); },
    });
  }

  const cache = new ApplicationCache();
  for (const type of EVENTS) cache.addEventListener(type, (event) => handlers.get(type)?.call(cache, event));
  Object.defineProperty(window, 'applicationCache', { value: cache, enumerable: true, configurable: true });

  // Events wait for the end of the load event, so that no page misses one; of the progress that waits only the newest counts.
  let waiting = [];
  const loaded = new Promise((resolve) => {
    if (document.readyState === 'complete') resolve();
    else addEventListener('load', () => setTimeout(resolve));
  });
  loaded.then(() => {
    const due = waiting;
    waiting = null;
    due.forEach(fire);
  });

  function fire({ type, detail }) {
    const { loaded: done, total, ...rest } = detail;
    const event = type === 'progress'
      ? new ProgressEvent(type, { cancelable: true, lengthComputable: true, loaded: done, total })
      : new Event(type, { cancelable: true });
    cache.dispatchEvent(Object.assign(event, type === 'progress' ? {} : rest));
  }

  function report(type, detail) {
    if (type === 'obsolete') status = OBSOLETE;
    if (!waiting) return fire({ type, detail });
    if (type === 'progress') waiting = waiting.filter((event) => event.type !== type);
    waiting.push({ type, detail });
  }

  function fail(reason, message, url = '') {
    settle(false);
    report('error', { reason, message, url, status: 0 });
  }

  function hear({ data }) {
    if (!data?.larder) return;
    const { larder: type, host, ...detail } = data;
    status = host;
    if (type === 'error' || type === 'obsolete') settle(status !== UNCACHED);
    else if (['cached', 'noupdate', 'updateready'].includes(type)) settle(true);
    else if (type === 'host' && status !== UNCACHED && status !== DOWNLOADING) settle(true); // loaded from a version
    if (type !== 'host') report(type, detail);
  }

  // activated waits for the worker of a first registration; an older one is asked as it is.
  function activated(worker) {
    return new Promise((resolve, reject) => {
      const look = () => {
        if (worker.state === 'activated') resolve();
        if (worker.state === 'redundant') reject(new Error('the worker could not be installed'));
      };
      worker.addEventListener('statechange', look);
      look();
    });
  }

  // script is the worker's URL; under a policy of trusted types it takes one, which a page has to allow by the name larder.
  function script(url) {
    return window.trustedTypes ? trustedTypes.createPolicy('larder', { createScriptURL: (text) => text }).createScriptURL(url) : url;
  }

  async function start() {
    const attribute = document.documentElement.getAttribute('manifest'), workers = navigator.serviceWorker;
    const manifest = attribute && URL.canParse(attribute, page) ? new URL(attribute, page) : null;
    // A manifest of another origin counts for nothing. A page without one may still have been loaded from somebody's version.
    if (attribute ? manifest?.origin !== location.origin : !workers?.controller) return settle(false);
    if (!workers) {
      return fail('unsupported', isSecureContext ? 'this browser offers no service workers here' : 'service workers need https: or localhost');
    }
    workers.addEventListener('message', hear);
    workers.startMessages();
    if (!workers.controller) await loaded; // the first visit's page comes first
    if (manifest) {
      manifest.hash = '';
      const url = new URL('sw.js', manifest).href;
      try {
        registration = await workers.register(script(url), { updateViaCache: 'none' });
        await activated(registration.active ?? registration.waiting ?? registration.installing);
      } catch (cause) {
        registration = await workers.getRegistration().catch(() => null); // an earlier one still serves
        if (!registration?.active) return fail('worker', `the service worker ${url} cannot be registered: ${cause.message}`, url);
      }
    } else registration = await workers.getRegistration();
    const open = () => ask({ larder: 'open', manifest: manifest?.href, document: page });
    addEventListener('pageshow', (event) => event.persisted && open()); // back from the back/forward cache: the worker may have forgotten us
    open();
  }

  start().catch((cause) => fail('worker', cause.message)); // a sandboxed frame may not even ask
})();
