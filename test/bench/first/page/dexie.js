import { Dexie } from '/page/dexie.mjs';
import { contend } from './clock.js';

const db = new Dexie('first-dexie');
db.version(1).stores({ todoitem: 'id, list, rank' });

contend({
  first: () => db.todoitem.orderBy('rank').limit(50).toArray(),
  fill: (records) => db.todoitem.bulkPut(records),
});
