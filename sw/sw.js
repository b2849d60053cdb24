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

importScripts('sw/manifest.js', 'sw/file.js', 'sw/state.js', 'sw/push.js');

const versions = new Map(); // what the MARKs say, by Cache name; files are the URLs of all entries, with their hash or ''
let hosts = {}; // by client id: { manifest, version }, where version is the name of the one the client is pinned to, or ''
const unborn = new Set(); // the clients that navigations are about to make: clients.matchAll does not list them yet
const runs = new Map(); // the updates under way, by manifest
let loading, loaded = false, saving = Promise.resolve(), telling = Promise.resolve();

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
const write = async (name, url, response) => (await caches.open(name)).put(url, response).catch((cause) => {
  throw cause.name === 'QuotaExceededError' ? full(url) : cause;
});
const stamp = (version) => write(version.name, MARK, json(version));
const save = () => saving = saving.catch(() => {}).then(() => write(STATE, HOSTS, json(hosts)));
const find = (version, url) => caches.match(url, { cacheName: version.name, ignoreVary: true });
const ranked = () => [...versions.values()].sort((a, b) => b.serial - a.serial);
const newest = (manifest) => ranked().find((version) => version.manifest === manifest);

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

// tidy deletes what nobody needs any more: old versions without a page, and debris that is not to be kept. It runs under the lock of the updates.
async function tidy(keep = () => false) {
  const live = new Set((await clients.matchAll({ includeUncontrolled: true, type: 'all' })).map(({ id }) => id));
  for (const id of live) unborn.delete(id);
  for (const id of Object.keys(hosts)) if (!live.has(id) && !unborn.has(id)) delete hosts[id];
  const used = new Set(Object.values(hosts).map(({ version }) => version));
  for (const { manifest } of versions.values()) used.add(newest(manifest).name);
  const useless = (name) => name.startsWith(PREFIX) && name !== STATE && !(versions.has(name) ? used.has(name) : keep(name));
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
    failure = cause.detail ?? fault('unknown', cause.message).detail;
  }
  // From here on nobody can join any more: who comes now starts the next run. Only the end of a deployment is waited for.
  run.status = 0;
  if (failure?.reason === 'changed' && again) return tell(manifest, 'error', failure);
  runs.delete(manifest);
  const there = { ...hosts }; // who comes from here on hears of the next run
  if (!failure) return tidy().then(() => tell(manifest, type, undefined, (id) => id in there));
  const gone = failure.reason === 'manifest' && [404, 410].includes(failure.status);
  if (gone) await tell(manifest, 'obsolete', undefined, (id) => hosts[id].version);
  await tell(manifest, 'error', failure, (id) => !gone || !hosts[id].version);
  for (const [id, host] of Object.entries(hosts)) if (host.manifest === manifest && (gone || !host.version)) delete hosts[id];
  if (gone) await drop(ranked().filter((version) => version.manifest === manifest).map(({ name }) => name));
  // What a failed installation has fetched is the next one's head start, unless it is what filled the disk.
  await tidy((debris) => failure.reason !== 'quota' && (!run.name || debris === run.name));
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
  const name = run.name = `${PREFIX}${(await hashOf(new TextEncoder().encode(manifest))).slice(7, 15)} ${digest.slice(7, 15)} ${serial}`;
  const version = { name, serial, manifest, digest, table, files, masters, foreign: [] };
  await write(name, manifest, response);

  const urls = Object.keys(files).filter((url) => url !== manifest), todo = urls.values();
  let done = 0;
  const progress = () => signal.aborted || tell(manifest, 'progress', { loaded: done, total: urls.length });
  const fresh = (url) => download(url, { integrity: files[url], signal }).then((got) => got.response, (cause) => {
    if (url in listed || signal.aborted) throw cause;
    return cause.detail.reason === 'resource' && ![404, 410].includes(cause.detail.status) && find(old, url);
  });
  const work = async () => {
    for (const url of todo) {
      const got = await kept(url, files[url]) ?? await fresh(url);
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

// kept is a file that is here already, as its hash shows: from another version, or from an installation that was cut short.
async function kept(url, integrity) {
  for (const name of integrity && integrity !== OPAQUE ? await caches.keys() : []) {
    const response = name.startsWith(PREFIX) && await find({ name }, url);
    // A page is fetched in any case: its headers, such as its security policy, may be new.
    if (!response || /html/.test(response.headers.get('content-type'))) continue;
    if (await hashOf(await response.clone().arrayBuffer()) === integrity) return response;
  }
  return undefined;
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
      const lost = new Set(Object.keys(hosts).filter((id) => hosts[id].version === version.name));
      await drop([version.name]);
      const message = `the browser has deleted ${url}, and the server has no such file any more: reload the page`;
      tell(version.manifest, 'unrecoverable', { reason: 'evicted', url, status: 0, message }, (id) => lost.has(id));
      return fetch(request);
    }
    response = got.response;
    await write(version.name, url, response.clone());
  }
  return part(response, request.headers.get('range'));
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
  if (url === STATE_PAGE) return event.respondWith(load().then(() => statePage({ scope: SCOPE, updating: [...runs.keys()], hosts, versions: ranked() })));
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
