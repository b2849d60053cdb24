// Cordova's SQLite plugin over sql.js, as far as MobileServiceSqliteStore uses it: a database in memory, whose transactions
// run one after the other, and call back later.
const later = (fn) => Promise.resolve().then(fn);

module.exports = (SQL) => {
  const databases = new Map();

  function run(db, sql, params = []) {
    const statement = db.prepare(sql);
    const rows = [];
    try {
      statement.bind(params.map((v) => (v === undefined ? null : v === true ? 1 : v === false ? 0 : v)));
      while (statement.step()) rows.push(statement.getAsObject());
    } finally {
      statement.free();
    }
    return { rows: { length: rows.length, item: (i) => rows[i] }, rowsAffected: db.getRowsModified() };
  }

  function transaction(db, work, failed, done) {
    const queue = [];
    const tx = { executeSql: (sql, params, ok, bad) => queue.push({ sql, params, ok, bad }) };
    try {
      db.run('BEGIN');
      work(tx);
      for (let next; (next = queue.shift()); ) {
        let result;
        try {
          result = run(db, next.sql, next.params);
        } catch (e) {
          if (!next.bad || next.bad(tx, e) !== false) throw e;
          continue;
        }
        if (next.ok) next.ok(tx, result);
      }
      db.run('COMMIT');
    } catch (e) {
      db.run('ROLLBACK');
      if (failed) failed(e);
      return;
    }
    if (done) done();
  }

  return {
    openDatabase({ name }, ok, failed) {
      if (!databases.has(name)) databases.set(name, new SQL.Database());
      const db = databases.get(name);
      later(ok);
      return {
        transaction: (work, bad, done) => later(() => transaction(db, work, bad, done)),
        executeSql: (sql, params, done, bad) =>
          later(() => {
            let result;
            try {
              result = run(db, sql, params);
            } catch (e) {
              bad(e);
              return;
            }
            done(result);
          }),
        close: (done) => later(done),
      };
    },
  };
};
