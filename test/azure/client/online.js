const { done, failure, equal } = require('./story');

module.exports = {
  'a record is inserted, with an id and a version': async (app) => {
    app.table = app.client.getTable('todoitem');
    app.row = await done(app.table.insert({ text: 'bread', complete: false, due: new Date('2026-11-21T08:00:00.500Z'), n: 1.5 }));
    equal(typeof app.row.id, 'string', 'id');
    equal(app.row.createdAt instanceof Date, true, 'createdAt is a Date');
    equal(app.row.due.toISOString(), '2026-11-21T08:00:00.500Z', 'due');
    if (!app.row.version) throw new Error('no version');
  },
  'it is looked up': async (app) => {
    const row = await done(app.table.lookup(app.row.id));
    equal([row.text, row.complete, row.n, row.version], ['bread', false, 1.5, app.row.version], 'row');
  },
  'it is updated, and its version moves': async (app) => {
    const row = await done(app.table.update({ id: app.row.id, text: 'butter', version: app.row.version }));
    equal([row.text, row.complete], ['butter', false], 'row');
    if (row.version === app.row.version) throw new Error('the same version');
    app.stale = app.row.version;
    app.row = row;
  },
  'an update of an old version brings the server’s record': async (app) => {
    const e = await failure(app.table.update({ id: app.row.id, text: 'jam', version: app.stale }));
    equal([e.request.status, e.serverInstance.text, e.serverInstance.version], [412, 'butter', app.row.version], 'conflict');
  },
  'a delete of an old version too': async (app) => {
    const e = await failure(app.table.del({ id: app.row.id, version: app.stale }));
    equal([e.request.status, e.serverInstance.text], [412, 'butter'], 'conflict');
  },
  'an insert of an id that is taken is a conflict': async (app) => {
    const e = await failure(app.table.insert({ id: app.row.id, text: 'mine' }));
    equal(e.request.status, 409, 'status');
  },
  'a record is read anew': async (app) => {
    const row = await done(app.table.refresh({ id: app.row.id }));
    equal([row.text, row.version], ['butter', app.row.version], 'row');
  },
  'queries of all kinds': async (app) => {
    app.tag = app.id("it's 100%");
    for (let i = 0; i < 7; i++) {
      await done(app.table.insert({ id: app.id('q' + i), text: app.tag, n: i, complete: i % 2 === 0, due: new Date(Date.UTC(2026, 0, 1 + i)) }));
    }
    const mine = () => app.table.where({ text: app.tag });
    const ns = async (query) => (await done(query.read())).map((row) => row.n);
    equal(await ns(mine().orderByDescending('n').take(3)), [6, 5, 4], 'descending');
    equal(await ns(mine().orderBy('n').skip(2).take(2)), [2, 3], 'skip and take');
    equal(await ns(mine().where({ complete: true }).orderBy('n').take(10)), [0, 2, 4, 6], 'two conditions');
    equal(await ns(mine().where(function (least) { return this.n >= least && this.n < 6; }, 4).orderBy('n')), [4, 5], 'a function');
    equal(await ns(mine().where(function (day) { return this.due > day; }, new Date(Date.UTC(2026, 0, 5))).orderBy('n')), [5, 6], 'a date');
    equal(await ns(mine().where(function (list) { return this.n in list; }, [1, 3, 9]).orderBy('n')), [1, 3], 'in');
    equal(await ns(mine().where(function () { return this.text.indexOf('100%') > 0 && this.text.length > 3 && !(this.n > 0); })), [0], 'functions of texts');
    equal(await ns(app.table.where('text eq ? and n eq ?', app.tag, 2)), [2], 'OData with values');
    const selected = await done(mine().where({ n: 1 }).select('n', 'complete').read());
    equal(selected, [{ complete: false, n: 1 }], 'select');
  },
  'the total is counted, and pages are linked': async (app) => {
    const first = await done(app.table.where({ text: app.tag }).orderBy('n').take(5).includeTotalCount().read());
    equal([first.length, first.totalCount], [5, 7], 'page');
    const next = await done(app.table.read(first.nextLink));
    equal(next.map((row) => row.n), [5, 6], 'the next page');
  },
  'a record is deleted, and then is not there': async (app) => {
    await done(app.table.del({ id: app.row.id, version: app.row.version }));
    equal((await failure(app.table.lookup(app.row.id))).request.status, 404, 'status');
    equal((await failure(app.table.del({ id: app.row.id }))).request.status, 404, 'status of a second delete');
  },
  'deleted records are read where they are asked for': async (app) => {
    const query = new app.WindowsAzure.Query('todoitem').where({ id: app.row.id });
    equal(await done(app.table.read(query)), [], 'without');
    const rows = await done(app.table.read(query.includeDeleted()));
    equal(rows.map((row) => [row.deleted, row.text]), [[true, 'butter']], 'with');
  },
  'errors have the server’s words': async (app) => {
    const e = await failure(app.table.read('$filter=nothing eq 1'));
    equal([e.request.status, /nothing/.test(e.message)], [400, true], 'error ' + e.message);
    equal((await failure(app.table.insert({ text: 'x', colour: 'red' }))).request.status, 400, 'an unknown column');
    equal((await failure(app.client.getTable('unheard').read())).request.status, 404, 'an unknown table');
  },
  'a table for those who are signed in': async (app) => {
    const mine = app.client.getTable('mine');
    equal((await failure(mine.read())).message, 'You must be logged in to use this application', 'error');
    app.client.currentUser = { userId: 'anna', mobileServiceAuthenticationToken: app.token };
    const row = await done(mine.insert({ text: 'x' }));
    equal(row.userId, 'anna', 'owner');
    app.client.currentUser = { userId: 'anna', mobileServiceAuthenticationToken: app.token + 'x' };
    equal((await failure(app.table.read())).request.status, 401, 'a bad token');
    app.client.currentUser = null;
  },
  'a filter of the client’s own sees requests and answers': async (app) => {
    let seen = '';
    const client = app.client.withFilter((request, next, callback) => {
      seen = request.type + ' ' + new URL(request.url).pathname;
      next(request, callback);
    });
    await done(client.getTable('todoitem').take(1).read());
    equal(seen, 'GET /tables/todoitem', 'request');
  },
};
