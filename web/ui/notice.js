// What the page says in passing: to the ear (announce) and to the eye (toast).

import { el, icon } from './element.js';

const spoken = el('div', { id: 'announce', class: 'unseen', role: 'status', 'aria-live': 'polite' });
const shelf = el('div', { id: 'toasts' });
document.body.append(spoken, shelf);

let say = 0;

/** Has a screen reader say the text, also when it is the same as the last. */
export function announce(text) {
  spoken.textContent = '';
  clearTimeout(say);
  say = setTimeout(() => { spoken.textContent = text; }, 60); // an emptied region has to be noticed before it is filled
}

let dismiss = () => {};

/**
 * Shows a line at the foot of the page, in place of the one before. With an `action` (a label) and `run` it has a button.
 * `bad` marks a failure: it stays until closed and interrupts a screen reader. Others go after eight seconds, but never
 * while they are pointed at or focused.
 */
export function toast(text, { action, run, bad = false } = {}) {
  dismiss();
  const opener = document.activeElement;
  let timer = 0;
  const close = () => {
    clearTimeout(timer);
    const held = item.contains(document.activeElement);
    item.remove();
    if (held) (opener?.isConnected ? opener : document.querySelector('main input, main button'))?.focus();
  };
  const wait = () => { if (!bad) timer = setTimeout(close, 8000); };
  const hold = () => clearTimeout(timer);
  const item = el('div', {
    class: bad ? 'toast bad' : 'toast', role: bad ? 'alert' : null,
    onmouseenter: hold, onmouseleave: wait, onfocusin: hold, onfocusout: wait,
    onkeydown: (event) => { if (event.key === 'Escape') close(); },
  },
    el('p', {}, text),
    action && el('button', { type: 'button', class: 'do small', onclick: () => { close(); run(); } }, action),
    el('button', { type: 'button', class: 'round', 'aria-label': 'Dismiss', onclick: close }, icon('close')));
  shelf.append(item);
  if (!bad) announce(action ? `${text} ${action} is available at the end of the page.` : text);
  wait();
  dismiss = close;
  return close;
}
