// The rules of cache manifests, as package manifest has them in Go: both are held to the vectors in manifest/testdata.
'use strict';

const OPAQUE = 'opaque'; // in the place of a hash: a file of another origin that must be taken unseen

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
      entries.set(first.href, entries.get(first.href) ?? promise(tokens[1], first.origin !== base.origin));
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

// promise is what a line says of its file: its hash in the form that fetch takes, OPAQUE, or undefined.
function promise(token, foreign) {
  if (token === OPAQUE && foreign) return OPAQUE;
  const [, hash] = /^sha256-([\w+/-]{43})=?$/.exec(token) ?? [];
  return hash && `sha256-${hash.replaceAll('-', '+').replaceAll('_', '/')}=`;
}

// filesOf gives the URLs of all that a version holds, each with what its line promises, or ''.
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
