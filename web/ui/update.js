// Tells when a new version of the app has been fetched, and lets the person choose when to load it: a page never
// reloads under somebody's hands, and says so first if changes are still on their way. Loaded by each page on its own,
// so that it works when the rest of the page fails.

import { el } from './element.js';
import { announce, toast } from './notice.js';

const cache = window.applicationCache;

/** How many changes wait for the server, as the page's own status says. */
const waiting = () => Number(document.getElementById('pill')?.dataset.pending ?? 0) + document.querySelectorAll('.editor').length;

function offer(text) {
  document.getElementById('update')?.remove();
  const line = el('p', {}, text);
  let warned = false;
  const load = () => {
    if (warned || !waiting()) return location.reload();
    warned = true;
    line.textContent = 'Some changes are not on the server yet. What is stored here is kept and sent later; what you are typing is lost.';
    reload.textContent = 'Reload all the same';
    return announce(line.textContent);
  };
  const reload = el('button', { id: 'update-reload', type: 'button', class: 'primary small', onclick: load }, 'Reload now');
  const banner = el('aside', { id: 'update', class: 'banner', 'aria-label': 'New version' }, line, reload,
    el('button', { id: 'update-later', type: 'button', class: 'plain small', onclick: () => banner.remove() }, 'Later'));
  document.body.prepend(banner);
  announce(`${text} A button at the top of the page loads it.`);
}

if (cache) {
  const ready = () => offer('A new version is ready.');
  cache.addEventListener('updateready', ready);
  cache.addEventListener('unrecoverable', () => offer('The browser has deleted a part of this app. Reloading brings all of it.'));
  cache.addEventListener('error', ({ reason, message }) => {
    if (reason === 'unsupported' && !window.cordova) toast(`This page needs the network to open: ${message}.`);
  });
  if (cache.status === cache.UPDATEREADY) ready();
}
