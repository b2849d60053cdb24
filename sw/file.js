// A single file: fetched so that nothing wrong is kept, and answered with in whole or in part.
'use strict';

const NEVER_HTML = /\.(m?js|css|wasm|json|webmanifest|png|jpe?g|gif|svg|ico|webp|woff2?)$/i;

// fault is an error whose detail becomes the fields of the page's error event.
const fault = (reason, message, detail) => Object.assign(new Error(message), { detail: { reason, message, url: '', status: 0, ...detail } });

const hashOf = async (data) => `sha256-${btoa(String.fromCharCode(...new Uint8Array(await crypto.subtle.digest('SHA-256', data))))}`;

// download fetches a manifest or an entry, and checks that it is whole, and what was promised. Where a hash is known the browser's HTTP cache
// may answer first: the page has often just loaded the file.
async function download(url, { reason = 'resource', integrity, signal, cache = integrity ? 'default' : 'no-cache' }) {
  const unseen = integrity === OPAQUE;
  let response, body;
  try {
    response = await fetch(url, { credentials: 'same-origin', signal, cache,
      ...(unseen ? { mode: 'no-cors' } : { redirect: 'manual' }) });
    if (unseen && response.type === 'opaque') return { response };
    await fits(response, url);
    body = await response.arrayBuffer();
  } catch (cause) {
    if (cause.detail) throw cause;
    throw signal?.aborted ? fault('abort', 'the update was aborted') : fault(reason, `${url} cannot be fetched: ${cause.message}`, { url });
  }
  const { status } = response, headers = new Headers(response.headers);
  if (response.type === 'opaqueredirect') throw fault(reason, `${url} is redirected, which is not allowed here`, { url });
  if (status !== 200) throw fault(reason, `${url} was answered with ${status}`, { url, status });
  if (reason === 'resource' && /no-store/i.test(headers.get('cache-control'))) throw fault('policy', `${url} is served as no-store`, { url, status });
  const digest = await hashOf(body), html = NEVER_HTML.test(new URL(url).pathname) && /^text\/html/i.test(headers.get('content-type'));
  if (html || (integrity && !unseen && digest !== integrity)) {
    if (cache !== 'reload') return download(url, { integrity, signal, cache: 'reload' });
    if (html) throw fault('policy', `${url} was answered with a web page: is a login or a portal in between?`, { url, status });
    throw fault('hash', `${url} is not the file that the manifest names`, { url, status, expected: integrity, got: digest });
  }
  for (const name of ['content-encoding', 'content-length', 'vary']) headers.delete(name); // the body is decoded, and answers whoever asks
  return { body, digest, response: new Response(body, { headers }) };
}

// fits refuses, before it is read, a file that there is no room for: all of it would be in memory.
async function fits({ headers }, url) {
  const { quota, usage } = await navigator.storage?.estimate?.() ?? {};
  if (headers.get('content-length') > quota - usage) throw full(url);
}

const full = (url) => fault('quota', `there is no room for ${url}`, { url });

// part is the range of a stored file that a request asks for, or all of it.
async function part(response, range) {
  const [, from, to] = /^bytes=(\d*)-(\d*)$/.exec(range) ?? [];
  if (!from && !to) return response;
  const whole = await response.blob(), { size } = whole, headers = new Headers(response.headers);
  const start = from ? Number(from) : Math.max(0, size - to), end = from && to ? Math.min(to, size - 1) : size - 1;
  headers.set('content-range', start > end ? `bytes */${size}` : `bytes ${start}-${end}/${size}`);
  return start > end ? new Response(null, { status: 416, headers }) : new Response(whole.slice(start, end + 1), { status: 206, headers });
}
