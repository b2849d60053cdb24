// The languages found: their codes, what the search matched in their names, and the name edited in place.

import { el, icon } from '../ui/element.js';
import { keyed } from '../ui/keyed.js';
import { announce } from '../ui/notice.js';

const types = { A: 'ancient', C: 'constructed', E: 'extinct', H: 'historical', L: 'living', S: 'special code' };

/** Shows languages in `list`; rename(language, name) stores a new name. Returns show(languages, words). */
export function resultList(list, rename, home) {
  const languages = new WeakMap();
  let words = '';

  const show = keyed(list, {
    create: () => el('li', { class: 'result' },
      el('code', {}),
      el('div', { class: 'said' }, el('span', { class: 'name' }), el('span', { class: 'about' })),
      el('button', { type: 'button', class: 'edit round' }, icon('edit'))),
    update: (item, language) => {
      languages.set(item, language);
      item.querySelector('code').textContent = language.id;
      item.querySelector('.name').replaceChildren(...marked(language.name, words));
      item.querySelector('.about').textContent = about(language);
      item.querySelector('.edit').setAttribute('aria-label', `Edit the name ${language.name}`);
    },
    busy: (item) => item.classList.contains('editing'),
    home,
  });

  list.addEventListener('click', ({ target }) => {
    if (target.closest('.edit')) edit(target.closest('.result'));
  });
  list.addEventListener('dblclick', ({ target }) => {
    if (target.closest('.said')) edit(target.closest('.result'));
  });

  function edit(item) {
    if (item.classList.contains('editing')) return;
    const language = languages.get(item);
    const editor = el('input', { type: 'text', class: 'editor', 'aria-label': `Name of ${language.name}`, maxlength: 200, enterkeyhint: 'done', autocomplete: 'off' });
    editor.value = language.name;
    item.classList.add('editing');
    item.append(editor);
    editor.focus();
    editor.select();

    let over = false;
    const finish = async (save, refocus) => {
      if (over) return;
      over = true;
      const wanted = editor.value.trim();
      item.classList.remove('editing');
      editor.remove();
      if (refocus) item.querySelector('.edit').focus();
      if (save && wanted && wanted !== language.name) await rename(language, wanted);
      else if (refocus) announce('Left as it was.');
    };
    editor.addEventListener('blur', () => finish(true, false));
    editor.addEventListener('keydown', (event) => {
      if (event.isComposing) return;
      if (event.key === 'Enter') finish(true, true);
      else if (event.key === 'Escape') finish(false, true);
      else return;
      event.preventDefault();
    });
  }

  return (rows, searched) => {
    words = searched;
    show(rows);
  };
}

function about({ alpha_2: short, common_name: common, inverted_name: inverted, scope, type }) {
  return [
    types[type] ?? '',
    scope === 'M' ? 'a group of languages' : '',
    short ? `two letters: ${short}` : '',
    common ? `also ${common}` : '',
    inverted ? `listed as ${inverted}` : '',
  ].filter(Boolean).join(' · ');
}

/** The name with the part that matched marked, in pieces. Where lower case has another length, nothing is marked. */
function marked(name, words) {
  const low = name.toLowerCase();
  const at = words && low.length === name.length ? low.indexOf(words) : -1;
  if (at < 0) return [name];
  return [name.slice(0, at), el('mark', {}, name.slice(at, at + words.length)), name.slice(at + words.length)];
}
