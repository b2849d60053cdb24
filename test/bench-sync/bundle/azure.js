// Microsoft's client, unmodified, whose store is SQLite; here the one that sql.js has in memory.
const WindowsAzure = require('azure-mobile-apps-client');
const plugin = require('../../azure/client/plugin');

const done = (promise) => new Promise((resolve, reject) => promise.then(resolve, reject)); // its promises know then() alone

exports.queue = async (url, records) => {
  window.sqlitePlugin = plugin(await window.initSqlJs({ locateFile: (name) => '/bench/' + name }));
  const store = new WindowsAzure.MobileServiceSqliteStore('azure');
  await done(store.defineTable({
    name: 'todoitem',
    columnDefinitions: { id: 'string', text: 'string', notes: 'string', complete: 'boolean', list: 'string', rank: 'integer', version: 'string' },
  }));
  const client = new WindowsAzure.MobileServiceClient(url), context = client.getSyncContext();
  await done(context.initialize(store));
  const table = client.getSyncTable('todoitem');
  for (const record of records) await done(table.insert(record));
  return async () => {
    const conflicts = await done(context.push());
    if (conflicts.length) throw new Error(conflicts.length + ' conflicts');
    return records.length;
  };
};
