// The list: one row per task, edited in place, by mouse, touch or keyboard alike.

import { el, icon } from '../ui/element.js';
import { keyed } from '../ui/keyed.js';
import { announce } from '../ui/notice.js';

let ids = 0;

/**
 * Shows tasks in `list` and tells `acts` what the person wants: complete(task, boolean), rename(task, text), remove(task).
 * Each returns a promise that settles when the store has answered; a rejection puts the row back as it was, the message
 * being the caller's to show. Returns show(tasks, sync), `sync` being a map from task id to "waiting" or "quarantined".
 */
export function taskList(list, acts, home) {
  const tasks = new WeakMap();
  let current = [];
  let sync = new Map();
  let settled = false;

  const create = () => {
    const id = `task-${++ids}`;
    return el('li', { class: settled ? 'item new' : 'item' },
      el('label', { class: 'tick' }, el('input', { type: 'checkbox', class: 'toggle', 'aria-labelledby': `${id} ${id}-sync` })),
      el('span', { class: 'text', id }),
      el('span', { class: 'sync', id: `${id}-sync` }),
      el('button', { class: 'edit round', type: 'button' }, icon('edit')),
      el('button', { class: 'delete round', type: 'button' }, icon('delete')));
  };

  const update = (item, task) => {
    tasks.set(item, task);
    item.dataset.complete = String(Boolean(task.complete));
    item.querySelector('.toggle').checked = Boolean(task.complete);
    item.querySelector('.text').textContent = task.text;
    item.querySelector('.edit').setAttribute('aria-label', `Edit ${task.text}`);
    item.querySelector('.delete').setAttribute('aria-label', `Delete ${task.text}`);
    mark(item, sync.get(task.id) ?? '');
  };

  const show = keyed(list, { create, update, busy: (item) => item.classList.contains('editing'), home });

  list.addEventListener('change', async ({ target }) => {
    if (!target.matches('.toggle')) return;
    const wanted = target.checked;
    await acts.complete(tasks.get(target.closest('.item')), wanted).catch(() => { target.checked = !wanted; });
  });
  list.addEventListener('click', ({ target }) => {
    const item = target.closest('.item');
    if (target.closest('.edit')) edit(item);
    else if (target.closest('.delete')) acts.remove(tasks.get(item)).catch(() => {});
  });
  list.addEventListener('dblclick', ({ target }) => {
    if (target.closest('.text')) edit(target.closest('.item'));
  });
  list.addEventListener('keydown', (event) => {
    const item = event.target.closest('.item');
    if (!item || event.target.matches('.editor') || event.ctrlKey || event.altKey || event.metaKey) return;
    const on = event.target.matches('.toggle');
    if (event.key === 'F2' || (event.key === 'Enter' && on)) edit(item);
    else if (event.key === 'Delete' && on) acts.remove(tasks.get(item)).catch(() => {});
    else if (event.key === 'ArrowDown') item.nextElementSibling?.querySelector('.toggle').focus();
    else if (event.key === 'ArrowUp') item.previousElementSibling?.querySelector('.toggle').focus();
    else return;
    event.preventDefault();
  });

  function edit(item) {
    if (item.classList.contains('editing')) return;
    const task = tasks.get(item);
    const text = item.querySelector('.text');
    const opener = item.contains(document.activeElement) ? document.activeElement : item.querySelector('.toggle');
    const editor = el('input', { type: 'text', class: 'editor', 'aria-label': `Edit ${task.text}`, maxlength: 500, enterkeyhint: 'done', autocomplete: 'off' });
    editor.value = task.text;
    item.classList.add('editing');
    text.after(editor);
    editor.focus();
    editor.select();

    let over = false;
    const finish = async (save, refocus) => {
      if (over) return;
      over = true;
      const wanted = editor.value.trim();
      item.classList.remove('editing');
      editor.remove();
      if (refocus) opener.focus();
      show(current); // the task may have gone while it was edited
      if (!save || !wanted || wanted === task.text) {
        if (refocus) announce('Left as it was.');
        return;
      }
      text.textContent = wanted;
      await acts.rename(task, wanted).catch(() => { text.textContent = tasks.get(item).text; });
    };
    editor.addEventListener('blur', () => finish(true, false));
    editor.addEventListener('keydown', (event) => {
      if (event.isComposing) return; // Enter belongs to the input method until it has composed
      if (event.key === 'Enter') finish(true, true);
      else if (event.key === 'Escape') finish(false, true);
      else return;
      event.preventDefault();
    });
  }

  return (rows, states) => {
    current = rows;
    sync = states;
    show(rows);
    settled = true;
  };
}

function mark(item, state) {
  if (item.dataset.sync === state) return;
  item.dataset.sync = state;
  const words = { waiting: 'Not on the server yet', quarantined: 'Not on the server, and needs your decision' }[state];
  const place = item.querySelector('.sync');
  place.title = words ?? '';
  place.replaceChildren(...(words ? [icon(state === 'waiting' ? 'waiting' : 'attention'), el('span', { class: 'unseen' }, words)] : []));
}
