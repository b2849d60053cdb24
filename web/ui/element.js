// Elements without markup in strings: nothing a person or a server wrote is ever parsed as HTML.

/**
 * Makes an element. An attribute that is `true` is present and empty, one that is `false`, null or undefined is left
 * out; a function under `onclick` and the like becomes a listener. Children are nodes or text; null and false are skipped.
 */
export function el(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === false || value == null) continue;
    if (typeof value === 'function') element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? '' : value);
  }
  element.append(...children.flat().filter((child) => child != null && child !== false));
  return element;
}

const drawings = {
  edit: 'M4 20h4L19 9l-4-4L4 16zM13 7l4 4',
  delete: 'M5 7h14M10 7V4h4v3M7 7l1 13h8l1-13M10.5 11v5M13.5 11v5',
  waiting: 'M12 19V9M8 12.5 12 8.5l4 4M6 5h12',
  attention: 'M12 8v5M12 16.5v.1M12 3 2.5 20h19z',
  close: 'M6 6l12 12M18 6 6 18',
};

/** A drawing that says nothing by itself: the control around it carries the words. */
export function icon(name) {
  const svg = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
  const path = document.createElementNS('http://www.w3.org/2000/svg', 'path');
  for (const [key, value] of Object.entries({ class: 'icon', viewBox: '0 0 24 24', 'aria-hidden': 'true' })) svg.setAttribute(key, value);
  path.setAttribute('d', drawings[name]);
  svg.append(path);
  return svg;
}
