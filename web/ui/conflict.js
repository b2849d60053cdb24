// A conflict, shown side by side: the person keeps theirs, takes the server's, or picks field by field.

import { el } from './element.js';
import { announce } from './notice.js';

const system = new Set(['id', 'createdAt', 'updatedAt', 'version', 'deleted']);

/**
 * Makes the handler for db.on('conflict'). `fields` maps the columns a person knows to { label, show(value) };
 * `name(record)` is what a person calls a record. Conflicts that come together are asked one after the other. The answer
 * is 'local', 'server', a merged record, or undefined for "decide later": the change then waits with the others.
 */
export function conflictAsker({ fields, name }) {
  let last = Promise.resolve();
  return (conflict) => {
    const answer = last.then(() => ask(conflict, { fields, name }));
    last = answer.catch(() => {});
    return answer;
  };
}

function ask({ local, server, base }, { fields, name }) {
  const called = name(local ?? server ?? base ?? {});
  const both = local && server;
  const differing = both ? Object.keys(fields).filter((field) => !same(local[field], server[field])) : [];
  const agreed = both ? Object.keys(fields).filter((field) => same(local[field], server[field])) : [];

  const dialog = el('dialog', { id: 'conflict', class: 'conflict', 'aria-labelledby': 'conflict-title', 'aria-describedby': 'conflict-why' },
    el('form', { method: 'dialog' },
      el('div', {},
        el('h2', { id: 'conflict-title', tabindex: '-1', autofocus: true }, title(called, local, server)),
        el('p', { id: 'conflict-why', class: 'why' }, explanation(local, server, differing.length))),
      el('div', { class: 'sides', 'aria-hidden': 'true' },
        el('div', {}, 'Yours', el('small', {}, 'on this device')), el('div', {}, 'The server’s', el('small', {}, 'from elsewhere'))),
      both
        ? el('div', {}, differing.map((field) => pair(field, fields[field], { local, server, base }, differing.length > 1)))
        : el('div', {}, el('fieldset', {}, el('legend', {}, 'What is left'), el('div', { class: 'pair' },
          whole(local, 'mine', 'You deleted it', name, base), whole(server, 'theirs', 'It was deleted there', name, base)))),
      agreed.length > 0 && el('p', { class: 'before' }, 'The same on both sides: ',
        agreed.map((field) => `${fields[field].label} (${fields[field].show(local[field])})`).join(', ')),
      el('div', { class: 'ways' },
        differing.length > 1 && el('button', { value: 'merge', class: 'merge primary' }, 'Save my selection'),
        el('button', { value: 'local', class: 'keep-mine' }, local ? 'Keep mine' : 'Delete it'),
        el('button', { value: 'server', class: 'keep-server' }, server ? 'Keep the server’s' : 'Delete it here too'),
        el('button', { value: 'later', class: 'plain' }, 'Decide later'))));

  document.body.append(dialog);
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener('close', () => {
      const choice = dialog.returnValue;
      const merged = choice === 'merge' ? merge({ local, server, base }, differing, dialog) : null;
      dialog.remove();
      announce({ local: 'Kept yours.', server: 'Kept the server’s.', merge: 'Saved your selection.' }[choice] ?? 'Left for later.');
      resolve(merged ?? (choice === 'local' || choice === 'server' ? choice : undefined)); // Escape decides nothing
    });
  });
}

function title(called, local, server) {
  if (!local) return `You deleted “${called}”, but it was changed elsewhere`;
  if (!server) return `You changed “${called}”, but it was deleted elsewhere`;
  return `“${called}” was changed in two places`;
}

function explanation(local, server, differing) {
  if (!local) return 'Delete it all the same, or keep what the server has?';
  if (!server) return 'Keep yours, which brings it back for everyone, or delete it here too?';
  return differing > 1 ? 'Pick a side for each line, or one side for all. What changed is marked.' : 'Which one shall stay? What changed is marked.';
}

function pair(field, { label, show }, { local, server, base }, choose) {
  const mineChanged = !base || !same(local[field], base[field]);
  const theirsChanged = !base || !same(server[field], base[field]);
  const side = (which, record, changed, chosen) => el(choose ? 'label' : 'div', { class: `side ${which}${changed ? ' changed' : ''}` },
    choose && el('input', { type: 'radio', name: `field-${field}`, value: which, checked: chosen }),
    el('span', { class: 'unseen' }, which === 'mine' ? 'Yours:' : 'The server’s:'),
    el('span', { class: 'value' }, show(record[field])),
    changed && el('span', { class: 'tag' }, 'changed'));
  return el('fieldset', { 'data-field': field },
    el('legend', {}, label),
    el('div', { class: 'pair' }, side('mine', local, mineChanged, mineChanged), side('theirs', server, theirsChanged, !mineChanged)),
    base && mineChanged && theirsChanged && el('p', { class: 'before' }, `Before: ${show(base[field])}`));
}

function whole(record, which, gone, name, base) {
  return el('div', { class: `side ${which} changed` }, record
    ? [el('span', { class: 'value' }, name(record)), el('span', { class: 'tag' }, base && name(base) !== name(record) ? `was “${name(base)}”` : 'changed')]
    : el('span', { class: 'value gone' }, gone));
}

/** What the person saw is as they chose; columns they do not see go by who changed them, ours where both did. */
function merge({ local, server, base }, differing, dialog) {
  const merged = { id: local.id };
  for (const column of new Set([...Object.keys(server), ...Object.keys(local)])) {
    if (system.has(column)) continue;
    const ours = differing.includes(column)
      ? dialog.querySelector(`input[name="field-${column}"]:checked`).value === 'mine'
      : !base || !same(local[column], base[column]);
    const value = (ours ? local : server)[column];
    if (value !== undefined) merged[column] = value;
  }
  return merged;
}

function same(a, b) {
  const plain = (value) => (value instanceof Date ? value.toISOString() : value ?? null);
  return JSON.stringify(plain(a)) === JSON.stringify(plain(b));
}
