/**
 * Which database of an app is whose. The first who signs in has the app's own, with what was written there before; everybody else
 * has one of their own, `app#sub`. What is kept here, in localStorage, is only quicker than to look: each database knows whose it
 * is, and no token of another is used with it.
 */
const key = (app) => `larder users:${app}`;

/** { last: name, names: { sub: name } } of an app, as far as it is remembered. */
export function recall(app) {
  try {
    const { last = app, names = {} } = JSON.parse(globalThis.localStorage?.getItem(key(app)) ?? '{}');
    return { last, names };
  } catch { // forbidden by the browser's settings, or not ours
    return { last: app, names: {} };
  }
}

/** Remembers whose a database is, and that it was the last one. */
export function remember(app, sub, name) {
  const known = recall(app);
  if (known.last === name && known.names[sub] === name) return;
  try {
    globalThis.localStorage?.setItem(key(app), JSON.stringify({ last: name, names: { ...known.names, [sub]: name } }));
  } catch { // full or forbidden: the next visit looks
  }
}

/** Forgets all of an app's databases. */
export function forgetAll(app) {
  try {
    globalThis.localStorage?.removeItem(key(app));
  } catch { // as before
  }
}

/** The name of the database that somebody has who does not have the app's own. */
export const ownName = (app, sub) => `${app}#${sub}`;

/** The names of all databases of an app: the remembered ones, and those that the browser tells of. */
export async function allNames(app) {
  const there = await globalThis.indexedDB?.databases?.().catch(() => []) ?? [];
  const own = there.map(({ name }) => name).filter((name) => name.startsWith(ownName(app, '')));
  return [...new Set([app, ...Object.values(recall(app).names), ...own])];
}

/** The claim sub of a JSON Web Token, or '' for a token of another kind. */
export function subject(token) {
  try {
    const [, payload, signed] = token.split('.');
    if (signed === undefined) return '';
    const bytes = Uint8Array.from(atob(payload.replace(/-/g, '+').replace(/_/g, '/')), (c) => c.charCodeAt(0));
    const { sub } = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
    return typeof sub === 'string' ? sub : '';
  } catch {
    return '';
  }
}
