/**
 * Keeps the children of `parent` equal to a list of rows with ids, touching only what differs, so that focus, selection
 * and a half-typed edit survive a refresh from the network. Returns the function that shows a new list.
 *
 * `create(row)` makes a child, `update(child, row)` fills it, both for a new one. A child for which `busy(child)` is true
 * stays although its row has gone: somebody is typing in it. When the child that holds the focus goes, the focus moves to
 * `target(child)` of the one now in its place, or to `home()` when none is left, so that a keyboard is never lost.
 */
export function keyed(parent, { create, update, busy = () => false, target = firstControl, home }) {
  const shown = new Map();
  return (rows) => {
    const held = parent.contains(document.activeElement) ? document.activeElement : null;
    const place = held ? [...parent.children].findIndex((child) => child.contains(held)) : -1;

    const wanted = new Set(rows.map((row) => row.id));
    for (const [id, child] of shown) {
      if (wanted.has(id) || busy(child)) continue;
      child.remove();
      shown.delete(id);
    }
    let next = parent.firstElementChild;
    for (const row of rows) {
      let child = shown.get(row.id);
      if (!child) {
        child = create(row);
        child.dataset.id = row.id;
        shown.set(row.id, child);
      }
      update(child, row);
      if (child === next) next = next.nextElementSibling;
      else parent.insertBefore(child, next);
    }

    if (!held || held === document.activeElement) return;
    const heir = parent.children[Math.min(place, parent.children.length - 1)];
    const kept = held.isConnected ? held : (heir && target(heir)) || home?.();
    kept?.focus();
  };
}

function firstControl(child) {
  return child.querySelector('input, button, a');
}
