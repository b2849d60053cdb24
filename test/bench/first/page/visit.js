import { contend } from './clock.js';

const options = {
  version: 1,
  tables: {
    todoitem: {
      columns: { text: 'string', notes: 'string', complete: 'boolean', list: 'string', rank: 'integer' },
      indexes: ['list', 'rank'],
    },
  },
};

/** open is Larder's; refine(query) makes the visit's first query out of the first rows by rank. */
export function contendAs(name, open, refine) {
  let db;
  contend({
    first: async () => {
      db = await open(name, options);
      return refine(db.table('todoitem').orderBy('rank').take(50)).toArray();
    },
    fill: async (records) => {
      const earlier = await open(name, options);
      await earlier.table('todoitem').bulkPut(records);
      await refine(earlier.table('todoitem').orderBy('rank').take(50)).toArray();
      await earlier.close();
    },
    ready: () => db.transaction(['todoitem'], 'readonly', () => {}),
  });
}
