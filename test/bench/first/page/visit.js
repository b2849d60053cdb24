import { open } from '/larder.js';
import { contend } from './clock.js';

const opened = (name) => open(name, {
  version: 1,
  tables: {
    todoitem: {
      columns: { text: 'string', notes: 'string', complete: 'boolean', list: 'string', rank: 'integer' },
      indexes: ['list', 'rank'],
    },
  },
});

/** refine(query) makes the visit's first query out of all rows by rank. */
export function contendAs(name, refine) {
  let db;
  contend({
    first: async () => {
      db = await opened(name);
      return refine(db.table('todoitem').orderBy('rank').take(50)).toArray();
    },
    fill: async (records) => {
      const earlier = await opened(name);
      await earlier.table('todoitem').bulkPut(records);
      await refine(earlier.table('todoitem').orderBy('rank').take(50)).toArray();
      await earlier.close();
    },
    ready: () => db.transaction(['todoitem'], 'readonly', () => {}),
  });
}
