// Tells when a new version of the app has been fetched, and lets the person choose when to load it: a page never
// reloads under somebody's hands. Loaded by each page on its own, so that it works when the rest of the page fails.

import { el } from './element.js';
import { announce } from './notice.js';

const cache = window.applicationCache;

function offer() {
  if (document.getElementById('update')) return;
  const text = 'A new version is ready.';
  const banner = el('aside', { id: 'update', class: 'banner', 'aria-label': 'New version' },
    el('p', {}, text),
    el('button', { id: 'update-reload', type: 'button', class: 'primary small', onclick: () => location.reload() }, 'Reload now'),
    el('button', { id: 'update-later', type: 'button', class: 'plain small', onclick: () => banner.remove() }, 'Later'));
  document.body.prepend(banner);
  announce(`${text} A button at the top of the page loads it.`);
}

if (cache) {
  cache.addEventListener('updateready', offer);
  if (cache.status === cache.UPDATEREADY) offer();
}
