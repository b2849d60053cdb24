// A source as an app would write it, for a plain JSON endpoint that answers ?modifiedSince=, and what it takes to open a
// database over it.
import { open } from '/larder.js';

/**
 * Gives all that was changed after a stamp, deleted rows as { id, deleted: true }; takes a row by PUT, if it is still of the version
 * that is named.
 */
export const endpoint = (address, { lose } = {}) => ({
  async getChanges({ since, signal }) {
    const changed = await (await fetch(`${address}?modifiedSince=${encodeURIComponent(since)}`, { signal })).json();
    return { changed, next: changed.at(-1)?.lastModified };
  },
  async applyChanges(operations, { signal }) {
    const verdicts = [];
    for (const { id, action, recordId, record, base } of operations) {
      const response = await fetch(`${address}/${recordId}`, {
        method: action === 'delete' ? 'DELETE' : 'PUT',
        headers: { 'if-match': base?.version ?? '' },
        body: record && JSON.stringify(record),
        signal,
      });
      if (lose?.()) throw new TypeError('Failed to fetch');
      if (response.status === 412) verdicts.push({ id, conflict: await response.json() });
      else if (response.status === 422) verdicts.push({ id, refused: await response.text() });
      else if (response.ok) verdicts.push({ id, record: await response.json() });
      else throw new Error(`${address} answered ${response.status}`);
    }
    return verdicts;
  },
});

export const tables = { note: { columns: { text: 'string', due: 'date' } } };

export const notes = (name, options, sync) =>
  open(name, { version: 1, tables, sync: { tables: { note: endpoint('/api/note', options) }, ...sync } });

/** The rows of a table, as text. */
export const texts = async (table) => (await table.orderBy('id').toArray()).map(({ id, text }) => `${id} ${text}`).join(', ');
