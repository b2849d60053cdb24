// Errors as a person reads them. The codes are larder.js's; what they mean for the person is said here.

import { el } from './element.js';

const meanings = {
  blocked: ['Another tab is holding an older version', 'Close the other tabs of this app, then try again. Nothing is lost.'],
  quota: ['This device has no room left', 'The browser could not store any more. Free some space; what was saved before is still here.'],
  storage: ['The browser’s storage did not work', 'This happens in some private windows, or when the browser may not keep data for this site. Nothing was changed.'],
  version: ['This page is older than your data', 'A newer version of the app has been used here. Reload to get it; your data is intact.'],
  migration: ['Your data could not be brought to the new version', 'It is still here as it was, in the old form. Reload; if this stays, tell whoever runs this app.'],
  aborted: ['This took too long', 'It was given up before it was done. Try again; nothing was changed.'],
  closed: ['The database was closed', 'This happens when the browser clears or replaces it. Reload the page.'],
  engine: ['The app’s engine is not running', 'It did not load, or it stopped. Check the connection and try again; what was saved is still here.'],
  network: ['The server cannot be reached', 'Your changes are kept on this device and will be sent when it is back.'],
  auth: ['You need to sign in again', 'Your changes are kept on this device and will be sent after that.'],
  server: ['The server could not do that', 'Your changes are kept on this device. Try again later.'],
  'not-found': ['This is no longer there', 'It was deleted meanwhile, here in another tab or on another device.'],
  invalid: ['This cannot be saved as it is', ''],
};

/** What happened and what to do, as a title and a text. An error without a known code speaks for itself. */
export function explain(error) {
  const [title, text] = meanings[error?.code] ?? ['Something went wrong', ''];
  return { title, text: text || sentence(error?.message) };
}

/** The same on one line, for a toast. */
export function brief(error) {
  const { title, text } = explain(error);
  return `${title}. ${text}`;
}

/** Replaces the contents of `main` by the failure, with a way to try again, and puts the focus there. */
export function showFailure(main, error) {
  const { title, text } = explain(error);
  document.body.classList.add('failed');
  const heading = el('h2', { id: 'failure-title', tabindex: '-1' }, title);
  main.replaceChildren(el('section', { id: 'failure', class: 'failure card', role: 'alert', 'data-code': error?.code ?? '' },
    heading,
    el('p', {}, text),
    el('div', { class: 'ways' }, el('button', { id: 'try-again', type: 'button', class: 'primary', onclick: () => location.reload() }, 'Try again')),
    el('details', {}, el('summary', {}, 'Details for whoever can help'), el('pre', {}, details(error)))));
  heading.focus();
}

function details(error) {
  const lines = [];
  for (let at = error; at && lines.length < 5; at = at.cause) lines.push(`${typeof at.code === 'string' ? at.code : at.name}: ${at.message}`);
  return lines.join('\n');
}

/** A message of the engine, which begins small and has no full stop, as a sentence. */
export function sentence(text = '') {
  const trimmed = String(text).trim();
  if (!trimmed) return '';
  return trimmed[0].toUpperCase() + trimmed.slice(1) + (/[.!?]$/.test(trimmed) ? '' : '.');
}
