// The panel behind the pill: every change that has not reached the server, and those that cannot go by themselves, with
// the reason and the two ways out.

import { el } from './element.js';
import { keyed } from './keyed.js';
import { announce, toast } from './notice.js';
import { brief, sentence } from './failure.js';

const verbs = { insert: 'Added', update: 'Changed', put: 'Changed', delete: 'Deleted' };

/**
 * Fills #outbox from the queue of `db` and opens it from #pill. `name(record)` is what a person calls a record; `onRows`
 * gets the rows too. A quarantined row has the buttons .retry and .discard; the second asks once more, on itself.
 */
export function watchOutbox(db, { name, onRows }) {
  const panel = document.getElementById('outbox');
  const pill = document.getElementById('pill');
  const list = panel.querySelector('ul');
  const summary = panel.querySelector('p');

  const attempt = async (work, done) => {
    try {
      await work();
      announce(done);
    } catch (error) {
      toast(brief(error), { bad: true });
    }
  };

  const show = keyed(list, {
    create: (row) => el('li', {}, el('span', { class: 'what' },
      el('span', { class: 'verb' }), ' ', el('q', { class: 'name' }), el('span', { class: 'why' })), el('span', { class: 'ways' })),
    update: (item, row) => {
      const called = name(row.record ?? row.base ?? {}) || row.recordId;
      item.querySelector('.verb').textContent = verbs[row.action] ?? row.action;
      item.querySelector('.name').textContent = called;
      item.querySelector('.why').textContent = reason(row);
      if (item.dataset.state === row.state) return;
      item.dataset.state = row.state;
      item.querySelector('.ways').replaceChildren(...(row.state === 'quarantined' ? ways(row, called) : []));
    },
    home: () => pill,
  });

  const ways = (row, called) => {
    const again = row.reason === 'conflict' ? 'Decide' : 'Try again';
    const retry = el('button', {
      type: 'button', class: 'retry small', 'aria-label': `${again}: ${called}`,
      onclick: () => attempt(async () => { await db.pending.retry(row.id); await db.push(); }, 'Sent again.'),
    }, again);
    const discard = el('button', {
      type: 'button', class: 'discard small', 'aria-label': `Discard: ${called}`,
      onclick: () => {
        if (discard.dataset.sure === undefined) {
          discard.dataset.sure = '';
          discard.classList.add('danger');
          discard.textContent = 'Discard for good?';
          discard.setAttribute('aria-label', `Discard for good? ${called}`);
          return;
        }
        attempt(() => db.pending.discard(row.id), 'Your change was discarded.');
      },
      onblur: () => {
        delete discard.dataset.sure;
        discard.classList.remove('danger');
        discard.textContent = 'Discard';
        discard.setAttribute('aria-label', `Discard: ${called}`);
      },
    }, 'Discard');
    return [retry, discard];
  };

  pill.addEventListener('click', () => open(panel.hidden));
  panel.addEventListener('keydown', (event) => {
    if (event.key !== 'Escape') return;
    open(false);
    pill.focus();
  });

  function open(shown) {
    panel.hidden = !shown;
    pill.setAttribute('aria-expanded', String(shown));
  }

  db.pending.live((rows) => {
    const stuck = rows.filter((row) => row.state === 'quarantined');
    summary.textContent = rows.length === 0 ? 'Nothing: the server has everything you did here.'
      : stuck.length ? 'Some changes could not be saved on the server. Nothing is lost: they stay here until you decide.'
        : 'These changes are safe on this device and go to the server at the next sync.';
    show([...stuck, ...rows.filter((row) => row.state !== 'quarantined')]);
    onRows?.(rows);
  }, (error) => toast(brief(error), { bad: true }));

  db.on('quarantine', ({ operations = [] }) => {
    const undecided = operations.length > 0 && operations.every((row) => row.reason === 'conflict');
    toast(undecided ? 'A change waits for your decision.' : 'A change could not be saved on the server.', { action: 'Show', run: () => { open(true); list.querySelector('button')?.focus(); } });
  });
  return { open };
}

function reason(row) {
  if (row.state === 'sending') return 'On its way to the server';
  if (row.state !== 'quarantined') return row.attempts > 0 ? `Waits for the server, tried ${row.attempts === 1 ? 'once' : `${row.attempts} times`}` : 'Waits for the next sync';
  if (row.reason === 'conflict') return 'Changed on the server too: your choice is needed';
  return sentence(row.reason || 'refused by the server');
}
