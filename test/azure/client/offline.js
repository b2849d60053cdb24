const { done, failure, equal } = require('./story');

const columns = { id: 'string', text: 'string', complete: 'boolean', due: 'date', n: 'real', version: 'string', createdAt: 'date', updatedAt: 'date', deleted: 'boolean' };

// pull brings what has the app's own label, so that the stories of others do not matter.
const pull = (app, id) => done(app.local.pull(new app.WindowsAzure.Query('todoitem').where({ n: app.label }), id, { pageSize: 5 }));

module.exports = {
  'a store and its context': async (app) => {
    app.label = Math.floor(Math.random() * 1e9);
    app.store = new app.WindowsAzure.MobileServiceSqliteStore(app.id('store'));
    await done(app.store.defineTable({ name: 'todoitem', columnDefinitions: columns }));
    app.sync = app.client.getSyncContext();
    await done(app.sync.initialize(app.store));
    app.local = app.client.getSyncTable('todoitem');
  },
  'what is written offline is pushed': async (app) => {
    app.ids = [];
    for (const text of ['a', 'b', 'c']) {
      app.ids.push((await done(app.local.insert({ text, n: app.label, complete: false }))).id);
    }
    await done(app.local.update({ id: app.ids[0], text: 'a2', n: app.label }));
    await done(app.local.del({ id: app.ids[2] }));
    equal(await done(app.table.where({ n: app.label }).read()), [], 'before the push');
    equal(await done(app.sync.push()), [], 'conflicts');
    const rows = await done(app.table.where({ n: app.label }).orderBy('text').read());
    equal(rows.map((row) => row.text), ['a2', 'b'], 'after the push');
  },
  'the push has brought the versions': async (app) => {
    const row = await done(app.local.lookup(app.ids[0]));
    if (!row.version || !(row.updatedAt instanceof Date)) throw new Error(JSON.stringify(row));
  },
  'what others did is pulled': async (app) => {
    await done(app.table.insert({ id: app.id('other'), text: 'other', n: app.label }));
    await done(app.table.update({ id: app.ids[1], text: 'b2' }));
    await pull(app, 'mine');
    const rows = await done(app.local.orderBy('text').read());
    equal(rows.map((row) => row.text), ['a2', 'b2', 'other'], 'rows');
  },
  'deletes are pulled': async (app) => {
    await done(app.table.del({ id: app.ids[1] }));
    await pull(app, 'mine');
    const rows = await done(app.local.orderBy('text').read());
    equal(rows.map((row) => row.text), ['a2', 'other'], 'rows');
  },
  'many rows of one commit come over several pages': async (app) => {
    const requests = [];
    for (let i = 0; i < 12; i++) {
      requests.push({ id: String(i), method: 'POST', url: 'todoitem', headers: { 'content-type': 'application/json' }, body: { id: app.id('many' + i), text: 'many', n: app.label } });
    }
    const xhr = new XMLHttpRequest();
    await new Promise((resolve) => {
      xhr.onreadystatechange = () => xhr.readyState === 4 && resolve();
      xhr.open('POST', app.url + '/tables/$batch');
      xhr.setRequestHeader('Content-Type', 'application/json');
      xhr.send(JSON.stringify({ requests }));
    });
    equal(xhr.status, 200, 'the batch');
    await pull(app, 'mine');
    equal((await done(app.local.where({ text: 'many' }).read())).length, 12, 'rows');
  },
  'a conflict is handled: the client’s value is pushed again': async (app) => {
    await done(app.local.update({ id: app.ids[0], text: 'mine', n: app.label }));
    await done(app.table.update({ id: app.ids[0], text: 'theirs' }));
    let server;
    app.sync.pushHandler = {
      onConflict: (error) => {
        server = error.getServerRecord().text;
        return error.update({ id: app.ids[0], text: 'both', n: app.label, version: error.getServerRecord().version });
      },
    };
    equal(await done(app.sync.push()), [], 'conflicts');
    equal(server, 'theirs', 'what the handler saw');
    equal((await done(app.table.lookup(app.ids[0]))).text, 'both', 'what the server has');
  },
  'a conflict is handled: the server’s value is taken': async (app) => {
    await done(app.local.update({ id: app.ids[0], text: 'mine again', n: app.label }));
    await done(app.table.update({ id: app.ids[0], text: 'theirs again' }));
    app.sync.pushHandler = { onConflict: (error) => error.cancelAndDiscard() };
    await done(app.sync.push());
    await pull(app, 'mine');
    equal((await done(app.local.lookup(app.ids[0]))).text, 'theirs again', 'what the client has');
  },
  'a conflict that nobody handles is told, and stays': async (app) => {
    await done(app.local.update({ id: app.ids[0], text: 'stubborn', n: app.label }));
    await done(app.table.update({ id: app.ids[0], text: 'more stubborn' }));
    app.sync.pushHandler = undefined;
    const conflicts = await done(app.sync.push());
    equal([conflicts.length, conflicts[0].isConflict(), conflicts[0].getAction()], [1, true, 'update'], 'conflicts');
    equal(/pending operations/.test((await failure(app.local.purge(new app.WindowsAzure.Query('todoitem')))).message), true, 'purge');
    await done(conflicts[0].cancelAndDiscard());
  },
  'a delete of what was changed is a conflict': async (app) => {
    await pull(app, 'mine');
    await done(app.local.del({ id: app.ids[0] }));
    await done(app.table.update({ id: app.ids[0], text: 'changed' }));
    app.sync.pushHandler = { onConflict: (error) => error.changeAction('update', { id: app.ids[0], text: 'kept', n: app.label, version: error.getServerRecord().version }) };
    equal(await done(app.sync.push()), [], 'conflicts');
    equal((await done(app.table.lookup(app.ids[0]))).text, 'kept', 'what the server has');
  },
  'a purge empties the table': async (app) => {
    await done(app.local.purge(new app.WindowsAzure.Query('todoitem')));
    equal(await done(app.local.read()), [], 'rows');
    await pull(app, 'anew');
    equal((await done(app.local.where({ text: 'many' }).read())).length, 12, 'rows, pulled anew');
  },
};
