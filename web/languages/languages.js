// Every language of ISO 639-3, some 7,900 of them, in the browser: downloaded once with a progress bar, searched here as
// one types, server or no server; a corrected name is kept here until it is pushed. Unlike the todo list this database
// is not live: it syncs when a button is pressed, and only then.
//
// What a test or a script can hold on to (kept stable):
//   #stock            data-count = languages on this device
//   #download         pull; #cancel ends it; #progress progress has value and max while it runs
//   #search           the search; #stats has data-found, data-ms and data-words = the search the results belong to
//   #results .result  [data-id = alpha_3]; in it .name, .edit, and .editor while editing
//   #push             hidden while nothing waits; data-pending
//   #pill, #outbox, #synced, #conflict, .toast, #failure, main[aria-busy]   as in todo/todo.js

import { announce, toast } from '../ui/notice.js';
import { brief, showFailure } from '../ui/failure.js';
import { conflictAsker } from '../ui/conflict.js';
import { watchOutbox } from '../ui/outbox.js';
import { server } from '../ui/server.js';
import { watchStatus } from '../ui/status.js';
import { resultList } from './results.js';

const $ = (selector) => document.querySelector(selector);
const main = $('#main');
const search = $('#search');
const number = new Intl.NumberFormat('en');
const name = (language) => language.name ?? '';
const shownAtMost = 100;

main.setAttribute('aria-busy', 'true');
try {
  await run(await openDatabase());
} catch (error) {
  showFailure(main, error);
}
main.removeAttribute('aria-busy');

async function openDatabase() {
  let larder;
  try {
    larder = await import('../larder.js');
  } catch (cause) {
    throw Object.assign(new Error('larder.js did not load', { cause }), { code: 'engine' });
  }
  const text = 'string';
  return larder.open('languages', {
    version: 1,
    tables: {
      language: {
        columns: { name: text, alpha_2: text, scope: text, type: text, bibliographic: text, inverted_name: text, common_name: text },
        indexes: ['name'],
      },
    },
    sync: { url: server, live: false },
    onBlocked: () => toast('Another tab holds an older version of this page. Close it to go on here.'),
  });
}

async function run(db) {
  const table = db.table('language');
  const show = resultList($('#results'), rename, () => search);
  const drawStatus = watchStatus(db);
  let asked = 0;
  let stock = 0;

  async function take() {
    stock = await table.count();
    $('#stock').dataset.count = stock;
    $('#stock').textContent = stock ? `${number.format(stock)} languages on this device.` : 'No languages on this device yet.';
    $('#download').textContent = stock ? 'Check for changes' : 'Download';
    $('#download').classList.toggle('primary', !stock);
  }

  async function find() {
    const mine = ++asked; // a slower, older search must not overwrite this one
    const words = search.value.trim().toLowerCase();
    history.replaceState(null, '', words ? `#${new URLSearchParams({ q: words })}` : location.pathname + location.search);
    const quoted = words.replaceAll("'", "''");
    const matching = table.filter(`contains(tolower(name),'${quoted}') or id eq '${quoted}'`).orderBy('name');
    try {
      const begun = performance.now();
      // No index knows the middle of a name, so a search looks at every record: once, for the rows and their count alike.
      const all = words ? await matching.toArray() : await table.orderBy('name').take(shownAtMost).toArray();
      const found = words ? all.length : stock;
      const rows = all.slice(0, shownAtMost);
      const ms = performance.now() - begun;
      if (mine !== asked) return;
      show(rows, words);
      tell(rows.length, found, words, ms);
    } catch (error) {
      toast(brief(error), { bad: true });
    }
  }

  function tell(shown, found, words, ms) {
    $('#results').hidden = shown === 0;
    $('#empty').hidden = shown > 0;
    $('#empty .line').textContent = stock ? `No language called “${search.value.trim()}”` : 'The shelf is empty';
    $('#empty .hint').textContent = stock ? 'Try a part of its name, or its three-letter code.'
      : 'Download the languages once; from then on the search works without a network.';
    const which = shown < found ? ` The first ${shown} are shown.` : '';
    $('#stats').textContent = stock === 0 ? '' : words
      ? `${number.format(found)} of ${number.format(stock)} found in ${ms.toFixed(1)} ms.${which}`
      : `All ${number.format(found)}, read in ${ms.toFixed(1)} ms.${which}`;
    Object.assign($('#stats').dataset, { found, ms: ms.toFixed(1), words });
  }

  async function rename(language, wanted) {
    try {
      await table.update({ id: language.id, name: wanted });
      announce(`Renamed to ${wanted}. It waits to be pushed.`);
    } catch (error) {
      toast(brief(error), { bad: true });
    }
    await find();
  }

  async function download() {
    const ending = new AbortController();
    const bar = $('#progress progress');
    const working = (on) => {
      $('#progress').hidden = $('#cancel').hidden = !on;
      $('#download').hidden = on;
      ($(on ? '#cancel' : '#download')).focus();
    };
    bar.removeAttribute('value');
    $('#progress-text').textContent = 'Asking the server…';
    $('#cancel').onclick = () => ending.abort();
    working(true);
    try {
      await db.pull('language', {
        signal: ending.signal,
        timeout: 4000,
        progress: ({ done, known }) => {
          if (known) Object.assign(bar, { max: Math.max(known, done), value: done });
          $('#progress-text').textContent = known ? `${number.format(done)} of ${number.format(Math.max(known, done))}` : number.format(done);
        },
      });
      announce('Download complete.');
    } catch (error) {
      if (ending.signal.aborted) toast('Stopped. What has arrived is kept; the next download goes on from there.');
      else toast(brief(error), { bad: true });
    }
    working(false);
    await take();
    await find();
    drawStatus();
  }

  async function push() {
    $('#push').disabled = true;
    try {
      const { quarantined } = await db.push({ timeout: 4000 });
      if (!quarantined?.length) toast('Pushed: the server has your changes.');
    } catch (error) {
      toast(brief(error), { bad: true });
    }
    $('#push').disabled = false;
    if ($('#push').hidden) search.focus();
    await find();
  }

  db.on('conflict', conflictAsker({ name, fields: { name: { label: 'Name', show: (value) => value ?? '' } } }));
  db.on('storage', (event) => toast(brief({ code: 'storage', message: event.reason }), { bad: true }));
  db.on('versionchange', () => showFailure(main, { code: 'version' }));
  watchOutbox(db, {
    name,
    onRows: (rows) => {
      const waiting = rows.filter((row) => row.state !== 'quarantined').length;
      $('#push').hidden = waiting === 0;
      $('#push').dataset.pending = waiting;
      $('#push').textContent = waiting === 1 ? 'Push 1 change' : `Push ${waiting} changes`;
      drawStatus(rows);
    },
  });

  let typing = 0;
  search.addEventListener('input', () => {
    clearTimeout(typing);
    typing = setTimeout(find, 100);
  });
  $('#find').addEventListener('submit', (event) => {
    event.preventDefault();
    clearTimeout(typing);
    find();
  });
  $('#download').addEventListener('click', download);
  $('#push').addEventListener('click', push);

  search.value = new URLSearchParams(location.hash.slice(1)).get('q') ?? '';
  await take();
  await find();
  search.disabled = $('#download').disabled = false;
  if (matchMedia('(hover: hover)').matches) (stock ? search : $('#download')).focus();
}
