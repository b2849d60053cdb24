// Larder's service worker: AppCache, by today's means.
//
// The worker is generic; the version of an app is data, namely the bytes of its cache manifest. A version is installed whole, into a Cache of
// its own, or not at all. A page keeps the version it was loaded with: neither a new version nor a new worker changes a running page.
//
// Cache Storage is the only memory, because an idle worker is killed. Our Caches' names begin with the scope, since apps may share an origin;
// a space, which no scope has, ends it. A version's MARK is written last: a Cache without one is debris.
'use strict';

const SCOPE = self.registration.scope;
const PREFIX = `larder ${new URL(SCOPE).pathname} `;
const STATE = `${PREFIX}state`;
const [HOSTS, MARK, STATE_PAGE] = ['hosts', 'version', 'state'].map((name) => `${SCOPE}__offline/${name}`);
const [UNCACHED, IDLE, CHECKING, DOWNLOADING, UPDATEREADY] = [0, 1, 2, 3, 4];
const NEVER_HTML = /\.(m?js|css|wasm|json|webmanifest|png|jpe?g|gif|svg|ico|webp|woff2?)$/i;

const versions = new Map(); // what the MARKs say, by Cache name; files are the URLs of all entries, with their hash or ''
let hosts = {}; // by client id: { manifest, version }, where version is the name of the one the client is pinned to, or ''
const unborn = new Set(); // the clients that navigations are about to make: clients.matchAll does not list them yet
const runs = new Map(); // the updates under way, by manifest
let loading, loaded = false, saving = Promise.resolve(), telling = Promise.resolve();

// parse reads a manifest. As in AppCache nothing is an error but the first line, for which it returns null.
function parse(text, manifest) {
  if (!/^\uFEFF?CACHE MANIFEST(?:[ \t\r\n]|$)/.test(text)) return null;
  const base = new URL(manifest), folder = base.pathname.replace(/[^/]*$/, '');
  const entries = new Map(), fallback = new Map(), online = new Set();
  let section = 'CACHE:', wildcard = false, mode = 'fast';
  const resolve = (token) => {
    const url = token && URL.canParse(token, base) ? new URL(token, base) : {};
    url.hash = '';
    return url;
  };
  for (const raw of text.split(/[\r\n]/).slice(1)) {
    const line = raw.replace(/^[ \t]+|[ \t]+$/g, '');
    if (!line || line.startsWith('#')) continue;
    const tokens = line.split(/[ \t]+/), first = resolve(tokens[0]), second = resolve(tokens[1]);
    if (line.endsWith(':')) {
      section = line;
    } else if (section === 'CACHE:' && first.protocol === base.protocol) {
      const [, hash] = /^sha256-([\w+/-]{43})=?$/.exec(tokens[1]) ?? [];
      const integrity = hash && `sha256-${hash.replaceAll('-', '+').replaceAll('_', '/')}=`;
      entries.set(first.href, entries.get(first.href) ?? integrity);
    } else if (section === 'FALLBACK:' && first.origin === base.origin && second.origin === base.origin) {
      if (first.pathname.startsWith(folder) && !fallback.has(first.href)) fallback.set(first.href, second.href);
    } else if (section === 'NETWORK:') {
      if (tokens[0] === '*') wildcard = true;
      else if (first.protocol === base.protocol) online.add(first.href);
    } else if (section === 'SETTINGS:' && line === 'prefer-online') mode = line;
  }
  return {
    entries: Array.from(entries, ([url, integrity]) => ({ url, integrity })),
    fallback: Array.from(fallback, ([namespace, page]) => ({ namespace, page })),
    online: [...online], wildcard, mode,
  };
}

function filesOf(manifest, table, masters) {
  const files = {};
  for (const { url, integrity = '' } of table.entries) files[url] = integrity;
  for (const url of [...table.fallback.map(({ page }) => page), ...masters, manifest]) files[url] ??= '';
  return files;
}

// match decides what becomes of a request, in AppCache's order. page is the stored entry that answers, or that stands by.
function match({ manifest, table, files }, { url, method = 'GET', navigate = false }) {
  const target = new URL(url);
  target.hash = '';
  const { href } = target;
  if (method !== 'GET' || target.protocol !== new URL(manifest).protocol) return { want: 'network' };
  if (href in files) return { want: navigate && table.mode === 'prefer-online' ? 'fallback' : 'cache', page: href };
  if (table.online.some((prefix) => href.startsWith(prefix))) return { want: 'network' };
  const rules = table.fallback.filter(({ namespace }) => href.startsWith(namespace));
  if (rules.length) return { want: 'fallback', page: rules.reduce((a, b) => (b.namespace.length > a.namespace.length ? b : a)).page };
  return { want: table.wildcard || navigate ? 'network' : 'fail' };
}

// load recalls versions and hosts, once in the life of this process.
const load = () => loading ??= (async () => {
  hosts = await (await caches.match(HOSTS, { cacheName: STATE }))?.json() ?? {};
  for (const name of await caches.keys()) {
    const mark = name.startsWith(PREFIX) && await caches.match(MARK, { cacheName: name });
    if (mark) versions.set(name, await mark.json());
  }
  loaded = true;
})();

const json = (value) => new Response(JSON.stringify(value, null, 1), { headers: { 'content-type': 'application/json' } });
const write = async (name, url, response) => (await caches.open(name)).put(url, response);
const stamp = (version) => write(version.name, MARK, json(version));
const save = () => saving = saving.catch(() => {}).then(() => write(STATE, HOSTS, json(hosts)));
const find = (version, url) => caches.match(url, { cacheName: version.name, ignoreVary: true });
const ranked = () => [...versions.values()].sort((a, b) => b.serial - a.serial);
const newest = (manifest) => ranked().find((version) => version.manifest === manifest);
const hashOf = async (data) => `sha256-${btoa(String.fromCharCode(...new Uint8Array(await crypto.subtle.digest('SHA-256', data))))}`;
const fault = (reason, message, detail) => Object.assign(new Error(message), { detail: { reason, message, url: '', status: 0, ...detail } });

function pin(event, { manifest, name }) {
  unborn.add(event.resultingClientId);
  hosts[event.resultingClientId] = { manifest, version: name };
  event.waitUntil(save());
}

async function drop(names) {
  for (const name of names) {
    versions.delete(name);
    for (const host of Object.values(hosts)) if (host.version === name) host.version = '';
    await caches.delete(name);
  }
}

// tidy deletes what nobody needs any more: debris, and old versions without a page. It runs under the lock of the updates.
async function tidy() {
  const live = new Set((await clients.matchAll({ includeUncontrolled: true, type: 'all' })).map(({ id }) => id));
  for (const id of live) unborn.delete(id);
  for (const id of Object.keys(hosts)) if (!live.has(id) && !unborn.has(id)) delete hosts[id];
  const used = new Set(Object.values(hosts).map(({ version }) => version));
  for (const { manifest } of versions.values()) used.add(newest(manifest).name);
  const useless = (name) => name.startsWith(PREFIX) && name !== STATE && !(used.has(name) && versions.has(name));
  await drop((await caches.keys()).filter(useless));
  await save(); // last, as it may need the space
}

// statusOf is what applicationCache.status says in a client.
function statusOf(id) {
  const { manifest, version } = hosts[id] ?? {}, running = runs.get(manifest)?.status;
  if (!version) return running === DOWNLOADING ? running : UNCACHED;
  return running || (newest(manifest)?.name === version ? IDLE : UPDATEREADY);
}

// tell sends an event to those pages of a manifest that pass the test. Events arrive in the order of the calls.
const tell = (manifest, type, detail, test = () => true) => telling = telling.then(async () => {
  for (const client of await clients.matchAll({ includeUncontrolled: true })) {
    if (hosts[client.id]?.manifest !== manifest || !test(client.id)) continue;
    client.postMessage({ larder: type, host: statusOf(client.id), ...detail });
  }
});

// download fetches a manifest or an entry, and checks that it is whole, and what was promised. Where a hash is known the browser's HTTP cache
// may answer first: the page has often just loaded the file.
async function download(url, { reason = 'resource', integrity, signal, cache = integrity ? 'default' : 'no-cache' }) {
  let response, body;
  try {
    response = await fetch(url, { credentials: 'same-origin', redirect: 'manual', cache, signal });
    body = await response.arrayBuffer();
  } catch (cause) {
    throw signal?.aborted ? fault('abort', 'the update was aborted') : fault(reason, `${url} cannot be fetched: ${cause.message}`, { url });
  }
  const { status } = response, headers = new Headers(response.headers);
  if (response.type === 'opaqueredirect') throw fault(reason, `${url} is redirected, which is not allowed here`, { url });
  if (status !== 200) throw fault(reason, `${url} was answered with ${status}`, { url, status });
  if (reason === 'resource' && /no-store/i.test(headers.get('cache-control'))) throw fault('policy', `${url} is served as no-store`, { url, status });
  const digest = await hashOf(body), html = NEVER_HTML.test(new URL(url).pathname) && /^text\/html/i.test(headers.get('content-type'));
  if (html || (integrity && digest !== integrity)) {
    if (cache !== 'reload') return download(url, { integrity, signal, cache: 'reload' });
    if (html) throw fault('policy', `${url} was answered with a web page: is a login or a portal in between?`, { url, status });
    throw fault('hash', `${url} is not the file that the manifest names`, { url, status, expected: integrity, got: digest });
  }
  for (const name of ['content-encoding', 'content-length', 'vary']) headers.delete(name); // the body is decoded, and answers whoever asks
  return { body, digest, response: new Response(body, { headers }) };
}

// update brings the newest version of a manifest. One run at a time; who asks meanwhile joins it.
function update(manifest) {
  const run = runs.get(manifest) ?? { manifest, status: 0, pending: new Map() }; // pending: client id -> document, to become a master entry
  runs.set(manifest, run);
  run.done ??= (async () => {
    for (let pause = 1000; runs.get(manifest) === run; pause *= 2) {
      if (pause > 1000) await new Promise((resolve) => setTimeout(resolve, pause * (0.25 + Math.random() / 4)));
      await navigator.locks.request(PREFIX, () => attempt(run, pause < 60000));
    }
  })();
  return run;
}

async function attempt(run, again) {
  const { manifest, pending } = run;
  let type, failure;
  run.abort = new AbortController();
  try {
    await tidy();
    run.status = CHECKING;
    await tell(manifest, 'checking');
    const found = await download(manifest, { reason: 'manifest', signal: run.abort.signal });
    const old = newest(manifest), same = old?.digest === found.digest;
    type = same ? 'noupdate' : old ? 'updateready' : 'cached';
    const version = same ? old : await install(run, found, old);
    if (same && await addMasters(run, old)) await stamp(old);
    versions.set(version.name, version);
    for (const id of pending.keys()) hosts[id] = { manifest, version: version.name };
  } catch (cause) {
    failure = cause.detail ?? fault(cause.name === 'QuotaExceededError' ? 'quota' : 'unknown', cause.message).detail;
  }
  // From here on nobody can join any more: who comes now starts the next run. Only the end of a deployment is waited for.
  run.status = 0;
  if (failure?.reason === 'changed' && again) return tell(manifest, 'error', failure);
  runs.delete(manifest);
  if (!failure) return Promise.all([save(), tell(manifest, type)]);
  const gone = failure.reason === 'manifest' && [404, 410].includes(failure.status);
  if (gone) await tell(manifest, 'obsolete', undefined, (id) => hosts[id].version);
  await tell(manifest, 'error', failure, (id) => !gone || !hosts[id].version);
  for (const [id, host] of Object.entries(hosts)) if (host.manifest === manifest && (gone || !host.version)) delete hosts[id];
  if (gone) await drop(ranked().filter((version) => version.manifest === manifest).map(({ name }) => name));
  await tidy();
  if (gone && !versions.size && !runs.size) await Promise.all([caches.delete(STATE), self.registration.unregister()]);
}

async function install(run, { body, digest, response }, old) {
  const { manifest, abort } = run, { signal } = abort;
  const table = parse(new TextDecoder('utf-8', { ignoreBOM: true }).decode(body), manifest);
  if (!table) throw fault('signature', `${manifest} does not begin with CACHE MANIFEST`, { url: manifest, status: 200 });
  run.status = DOWNLOADING;
  await tell(manifest, 'downloading');
  const serial = 1 + (ranked()[0]?.serial ?? 0), masters = old?.masters ?? [];
  const files = filesOf(manifest, table, masters), listed = filesOf(manifest, table, []);
  const name = `${PREFIX}${(await hashOf(new TextEncoder().encode(manifest))).slice(7, 15)} ${digest.slice(7, 15)} ${serial}`;
  const version = { name, serial, manifest, digest, table, files, masters, foreign: [] };
  await write(name, manifest, response);

  const urls = Object.keys(files).filter((url) => url !== manifest), todo = urls.values();
  let done = 0;
  const progress = () => signal.aborted || tell(manifest, 'progress', { loaded: done, total: urls.length });
  const fresh = async (url) => {
    const integrity = files[url], before = old && await find(old, url);
    // A page is fetched in any case: its headers, such as its security policy, may be new.
    if (before && integrity && integrity === old.files[url] && !/html/.test(before.headers.get('content-type'))) return before;
    return download(url, { integrity, signal }).then((got) => got.response, (cause) => {
      if (url in listed || signal.aborted) throw cause;
      return cause.detail.reason === 'resource' && ![404, 410].includes(cause.detail.status) && before;
    });
  };
  const work = async () => {
    for (const url of todo) {
      const got = await fresh(url);
      if (got) await write(name, url, got);
      else delete files[url];
      done++;
      progress();
    }
  };
  progress();
  const workers = Array.from({ length: 6 }, work);
  await Promise.all(workers).catch(async (cause) => {
    abort.abort();
    await Promise.allSettled(workers);
    throw cause;
  });
  await addMasters(run, version);
  const again = await download(manifest, { reason: 'manifest', signal });
  if (again.digest !== digest) throw fault('changed', `${manifest} changed during the update`, { url: manifest });
  await stamp(version);
  return version;
}

// addMasters stores the documents that named the manifest. One that cannot be stored costs only its own page the version.
async function addMasters({ manifest, pending, abort: { signal } }, version) {
  for (const [id, url] of pending) {
    try {
      if (!(url in version.files)) await write(version.name, url, (await download(url, { signal })).response);
      version.files[url] ??= '';
      version.masters = [...new Set(version.masters).add(url)];
    } catch (cause) {
      if (!cause.detail || signal.aborted || (pending.size === 1 && !versions.has(version.name))) throw cause;
      pending.delete(id);
      await tell(manifest, 'error', cause.detail, (one) => one === id);
      delete hosts[id];
    }
  }
  return pending.size;
}

// stored answers with an entry. One that the browser has lost is brought back if its hash is known; else the version is broken, and ends.
async function stored(version, url, request) {
  let response = await find(version, url);
  if (!response) {
    const integrity = version.files[url], got = await download(url, { integrity }).catch((cause) => cause.detail);
    if (got.reason && got.reason !== 'hash') return Response.error();
    if (got.reason || !integrity) {
      await drop([version.name]);
      tell(version.manifest, 'error', { reason: 'evicted', url, status: 0, message: `the browser has deleted ${url}` });
      return fetch(request);
    }
    response = got.response;
    await write(version.name, url, response.clone());
  }
  const [, from, to] = /^bytes=(\d*)-(\d*)$/.exec(request.headers.get('range')) ?? [];
  if (!from && !to) return response;
  const whole = await response.blob(), { size } = whole, { headers } = response;
  const start = from ? Number(from) : Math.max(0, size - to), end = from && to ? Math.min(to, size - 1) : size - 1;
  headers.set('content-range', start > end ? `bytes */${size}` : `bytes ${start}-${end}/${size}`);
  return start > end ? new Response(null, { status: 416, headers }) : new Response(whole.slice(start, end + 1), { status: 206, headers });
}

// answer gives the response to a request, or undefined where the browser shall do as it would without us.
function answer(event, url) {
  const { request } = event, navigate = request.mode === 'navigate', mine = versions.get(hosts[event.clientId]?.version);
  if (!navigate && mine && event.resultingClientId) pin(event, mine); // a worker belongs to its page's version
  const usable = (version) => (navigate ? newest(version.manifest) === version && !version.foreign.includes(url) : version === mine);
  const options = ranked().filter(usable).map((version) => ({ version, ...match(version, { url, navigate }) }));
  const choice = options.find(({ page }) => page === url) ?? options.find(({ page }) => page) ?? options[0];
  if (!choice || choice.want === 'network') return undefined;
  if (choice.want === 'fail') return Response.error();
  const use = () => {
    if (navigate) pin(event, choice.version);
    return stored(choice.version, choice.page, request);
  };
  if (choice.want === 'cache') return use();
  const elsewhere = (response) => response.type === 'opaque' || (response.redirected && new URL(response.url).origin !== location.origin);
  return fetch(request).then((response) => (response.status >= 400 || elsewhere(response) ? use() : response), (cause) => {
    if (request.signal.aborted) throw cause;
    return use();
  });
}

addEventListener('install', () => skipWaiting());
addEventListener('activate', (event) => event.waitUntil(clients.claim()));

addEventListener('fetch', (event) => {
  const { request } = event, url = request.url.split('#')[0];
  if (url === STATE_PAGE) return event.respondWith(load().then(() => json({ scope: SCOPE, updating: [...runs.keys()], hosts, versions: ranked() })));
  // The probe asks whether the server is there: no manifest can answer that.
  if (request.method !== 'GET' || new URL(url).pathname.endsWith('/__probe')) return;
  const response = loaded ? answer(event, url) : load().then(() => answer(event, url), () => {}).then((found) => found ?? fetch(request));
  if (response) event.respondWith(response);
});

// What pages ask for, by appcache.js.
const orders = {
  open(id, { manifest, document }) {
    const version = versions.get(hosts[id]?.version);
    manifest ||= version?.manifest;
    if (!manifest || new URL(manifest).origin !== location.origin) return;
    const run = update(manifest), me = (one) => one === id;
    if (version?.manifest !== manifest) {
      if (version) stamp(version, version.foreign.push(document)); // it names another manifest: that version must not offer it again
      hosts[id] = { manifest, version: '' };
      run.pending.set(id, document);
    }
    tell(manifest, 'host', undefined, me);
    if (run.status) tell(manifest, 'checking', undefined, me);
    if (run.status === DOWNLOADING) tell(manifest, 'downloading', undefined, me);
    return run.done;
  },
  update: (id) => hosts[id] && update(hosts[id].manifest).done,
  abort: (id) => runs.get(hosts[id]?.manifest)?.abort?.abort(),
  async swap(id, _, port) {
    if (hosts[id]) hosts[id].version = newest(hosts[id].manifest)?.name ?? '';
    await save();
    port?.postMessage(statusOf(id));
  },
};

addEventListener('message', (event) => {
  const { data, source, ports } = event;
  if (!Object.hasOwn(orders, data?.larder)) return;
  event.waitUntil(load().then(() => orders[data.larder](source.id, data, ports[0])).catch((cause) => {
    source.postMessage({ larder: 'error', host: UNCACHED, ...fault('unknown', cause.message).detail });
  }));
});
