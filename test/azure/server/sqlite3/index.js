// The one function of the package sqlite3 that azure-mobile-apps calls: Database.all, which runs a statement.
const ready = require('sql.js')();

class Database {
  #db = ready.then(({ Database: Memory }) => new Memory());

  all(sql, parameters, done) {
    this.#db.then((db) => {
      const statement = db.prepare(sql);
      try {
        statement.bind(Object.fromEntries(Object.entries(parameters).map(([name, v]) => [name, v ?? null])));
        const rows = [];
        while (statement.step()) rows.push(statement.getAsObject());
        return rows;
      } finally {
        statement.free();
      }
    }).then((rows) => done(null, rows), done);
  }
}

module.exports = { cached: { Database } };
