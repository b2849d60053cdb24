// The todo list of the Azure Mobile Apps samples as an app one would ship: every write goes to the database in the
// browser first, and the page is drawn from that database alone. The network only ever changes what is in it.
//
// What a test or a script can hold on to (kept stable):
//   #pill                  data-state opening|online|offline|syncing|attention, data-online, data-pending, data-quarantined;
//                          click opens #outbox (aria-expanded)
//   #synced time           datetime = when it last synced
//   #refresh               push, then pull; aria-busy while it runs
//   #add, #new             the form and its input
//   #filters a             [data-filter=all|active|completed], aria-current on the chosen one; URL #/, #/active, #/completed
//   #list > .item          [data-id], [data-complete], [data-sync=""|waiting|quarantined]; in it .toggle, .text, .edit,
//                          .delete, and .editor while editing
//   #empty, #left, #clear  the empty state, the count of open tasks, "Clear completed"
//   #outbox li             [data-id] = operation id, [data-state=waiting|sending|quarantined]; .retry, .discard (twice)
//   #conflict              the dialog: .keep-mine, .keep-server, .merge, [value=later]; fieldset[data-field] with .side.mine
//                          and .side.theirs, radios field-NAME = mine|theirs when several fields differ
//   .toast .do             undo and other offers; .toast.bad is an error
//   #update-reload         the banner of a new version
//   #failure               [data-code], in place of the list when it cannot run; #try-again
//   main[aria-busy]        "true" until the first rows are on the page

import { announce, toast } from '../ui/notice.js';
import { brief, showFailure } from '../ui/failure.js';
import { conflictAsker } from '../ui/conflict.js';
import { watchOutbox } from '../ui/outbox.js';
import { server } from '../ui/server.js';
import { watchStatus } from '../ui/status.js';
import { taskList } from './list.js';

const $ = (selector) => document.querySelector(selector);
const main = $('#main');
const input = $('#new');
const refreshButton = $('#refresh');
const name = (task) => task.text ?? '';

main.setAttribute('aria-busy', 'true');
try {
  run(await openDatabase());
} catch (error) {
  main.removeAttribute('aria-busy');
  showFailure(main, error);
}

async function openDatabase() {
  let larder;
  try {
    larder = await import('../larder.js');
  } catch (cause) {
    throw Object.assign(new Error('larder.js did not load', { cause }), { code: 'engine' });
  }
  return larder.open('todo', {
    version: 1,
    tables: {
      todoitem: { columns: { text: 'string', complete: 'boolean', added: 'date' }, indexes: ['added'] },
    },
    sync: { url: server, live: true },
    onBlocked: () => toast('Another tab holds an older version of your list. Close it to go on here.'),
  });
}

function run(db) {
  const table = db.table('todoitem');
  let tasks = null; // until the first rows are read
  let focusOn = null;
  let sync = new Map();
  let syncing = null;

  const show = taskList($('#list'), {
    complete: (task, complete) => save(async () => {
      await table.update({ id: task.id, complete });
      announce(complete ? `Completed ${task.text}.` : `${task.text} is active again.`);
    }),
    rename: (task, text) => save(async () => {
      await table.update({ id: task.id, text });
      announce(`Changed to ${text}.`);
    }, () => bringBack([{ ...task, text }])),
    remove: (task) => save(async () => {
      await table.delete(task.id);
      toast(`Deleted “${task.text}”.`, { action: 'Undo', run: () => bringBack([task]) });
    }),
  }, () => input);

  /** Runs a write. If it fails the person is told, and the rejection goes on to whoever has something to put back. */
  async function save(write, again) {
    try {
      await write();
    } catch (error) {
      const offer = error?.code === 'not-found' && again ? { action: 'Add it again', run: again } : {};
      toast(brief(error), { bad: true, ...offer });
      draw();
      throw error;
    }
  }

  // Undo inserts the same task under a new id: the old one's deletion may have reached the server already, where an id
  // is never used twice.
  async function bringBack(deleted) {
    await save(async () => {
      for (const { text, complete, added } of deleted) focusOn = (await table.insert({ text, complete, added })).id;
      announce(deleted.length === 1 ? `${deleted[0].text} is back.` : `${deleted.length} tasks are back.`);
      draw();
    }).catch(() => {});
  }

  $('#add').addEventListener('submit', async (event) => {
    event.preventDefault();
    const text = input.value.trim();
    if (!text) return;
    input.value = ''; // at once, so that the next task can be typed while this one is stored
    await save(async () => {
      await table.insert({ text, complete: false, added: new Date() });
      announce(`Added ${text}.`);
    }).catch(() => { if (!input.value) input.value = text; });
    input.focus();
  });

  $('#clear').addEventListener('click', async () => {
    const done = tasks.filter((task) => task.complete);
    const results = await Promise.allSettled(done.map((task) => table.delete(task.id)));
    const deleted = done.filter((_, i) => results[i].status === 'fulfilled');
    const failed = results.find((result) => result.status === 'rejected');
    input.focus();
    if (failed) toast(brief(failed.reason), { bad: true });
    else toast(deleted.length === 1 ? 'Deleted 1 completed task.' : `Deleted ${deleted.length} completed tasks.`, { action: 'Undo', run: () => bringBack(deleted) });
  });

  function draw() {
    if (!tasks) return;
    const filter = { '#/active': 'active', '#/completed': 'completed' }[location.hash] ?? 'all';
    const active = tasks.filter((task) => !task.complete);
    const completed = tasks.filter((task) => task.complete);
    const shown = { all: tasks, active, completed };
    for (const link of document.querySelectorAll('#filters a')) {
      link.querySelector('.count').textContent = shown[link.dataset.filter].length || '';
      if (link.dataset.filter === filter) link.setAttribute('aria-current', 'true');
      else link.removeAttribute('aria-current');
    }
    show(shown[filter], sync);
    $('#list').hidden = !$('#list').childElementCount;
    $('#empty').hidden = !$('#list').hidden;
    const back = focusOn && $(`#list [data-id="${CSS.escape(focusOn)}"] .toggle`);
    if (back) {
      focusOn = null;
      back.focus();
    }
    const [line, hint] = emptiness(filter, tasks.length);
    $('#empty .line').textContent = line;
    $('#empty .hint').textContent = hint;
    $('#foot').hidden = tasks.length === 0;
    $('#left').textContent = `${active.length} ${active.length === 1 ? 'task' : 'tasks'} left`;
    $('#clear').hidden = completed.length === 0;
  }

  async function refresh(asked) {
    if (syncing) return syncing;
    refreshButton.setAttribute('aria-busy', 'true');
    refreshButton.classList.add('busy');
    syncing = (async () => {
      try {
        await db.sync({ timeout: 4000 }); // somebody is looking at it turning
        if (asked) announce('Synced.');
      } catch (error) {
        if (asked) toast(brief(error), { bad: error?.code !== 'network' });
        else if (error?.code !== 'network') announce(brief(error));
      } finally {
        syncing = null;
        refreshButton.removeAttribute('aria-busy');
        refreshButton.classList.remove('busy');
        drawStatus();
      }
    })();
    drawStatus();
    return syncing;
  }

  db.on('conflict', conflictAsker({
    name,
    fields: {
      text: { label: 'Task', show: (value) => value ?? '' },
      complete: { label: 'Status', show: (value) => (value ? 'Completed' : 'Active') },
    },
  }));
  db.on('storage', (event) => toast(brief(event.error ?? { code: 'storage', message: event.reason }), { bad: true }));
  db.on('auth', () => toast(brief({ code: 'auth' }), { bad: true }));
  db.on('versionchange', () => showFailure(main, { code: 'version' }));
  let offline = db.status.online === false;
  db.on('online', () => {
    if (offline) announce('Online again.');
    offline = false;
    refresh(false);
  });
  db.on('offline', () => {
    offline = true;
    announce('Offline. Your changes are kept on this device.');
  });

  const drawStatus = watchStatus(db);
  watchOutbox(db, {
    name,
    onRows: (rows) => {
      sync = new Map(rows.map((row) => [row.recordId, row.state === 'quarantined' ? 'quarantined' : 'waiting']));
      drawStatus(rows);
      draw();
    },
  });
  table.where().orderByDescending('added').live((rows) => {
    tasks = rows;
    if (main.hasAttribute('aria-busy')) begin();
    draw();
  }, (error) => showFailure(main, error));
  window.addEventListener('hashchange', draw);
  refreshButton.addEventListener('click', () => refresh(true));
  refresh(false);
}

function begin() {
  main.removeAttribute('aria-busy');
  $('#loading').hidden = true;
  for (const control of document.querySelectorAll('#add :disabled, #refresh')) control.disabled = false;
  if (matchMedia('(hover: hover)').matches) input.focus(); // on a phone that would raise the keyboard over the list
}

function emptiness(filter, all) {
  if (all === 0) return ['Nothing to do', 'Add a task above. It is kept on this device, with or without a network.'];
  if (filter === 'active') return ['All done', 'Every task is completed.'];
  return ['Nothing completed yet', 'Tick a task, and it shows up here.'];
}
