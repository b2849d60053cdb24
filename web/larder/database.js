import { watchConnection } from '../online.js';
import { AutoSync } from './autosync.js';
import { dateColumns, encode, revive } from './codec.js';
import { engine } from './engine.js';
import { asLarderError, failure, invalid } from './error.js';
import { Live } from './live.js';
import { Pending, reviveOperations } from './pending.js';
import { Table } from './table.js';

/** Opens a database, creating or upgrading it. See larder.d.ts for the options. */
export async function open(name, options = {}) {
  if (typeof name !== 'string' || name === '') throw invalid('open takes the database\'s name as its first argument');
  const { version, tables, sync, signal, timeout = 10_000 } = options;
  if (!Number.isSafeInteger(version) || version < 1) throw invalid('open: options.version is a whole number from 1 on');
  if (!tables || typeof tables !== 'object') throw invalid('open: options.tables is an object of tables');
  if (options.migrate) throw invalid('open: options.migrate is not known to this version of Larder');
  if (sync && typeof sync.url !== 'string') throw invalid('open: options.sync.url is the address of the server');
  const db = new Database(name, options);
  try {
    await db.start(await engine(), JSON.stringify({ version, tables, sync: sync && { url: sync.url } }), signal, timeout);
  } catch (error) {
    await db.close();
    throw asLarderError(error);
  }
  return db;
}

/** Deletes a database with all that is in it, what was never pushed included. */
export async function destroy(name) {
  if (typeof name !== 'string' || name === '') throw invalid('destroy takes the database\'s name');
  await (await engine()).destroy(name);
}

export class Database {
  #options;
  #tables = new Map();
  #handlers = new Map();
  #live;
  #raw; // the IDBDatabase, for reads
  #connection;
  #auto;
  #status = { pending: 0, quarantined: 0, lastSync: null };
  #syncing = 0;
  #open = false;

  constructor(name, options) {
    this.name = name;
    this.#options = options;
    this.#live = new Live(name, (stores) => this.#committed(stores));
    this.pending = new Pending(this);
    for (const [event, handler] of [['blocked', options.onBlocked], ['versionchange', options.onVersionChange]]) {
      if (handler) this.on(event, handler);
    }
  }

  async start(functions, text, signal, timeout) {
    const limit = AbortSignal.timeout(timeout);
    const handle = await functions.open(this.name, text, {
      commit: (json) => {
        const stores = JSON.parse(json);
        this.#live.committed(stores);
        this.#committed(stores);
      },
      conflict: (json) => this.#conflict(JSON.parse(json)),
      token: (fresh) => this.#token(fresh),
      event: (event, json) => this.#emit(event, json ? JSON.parse(json) : {}),
      closed: () => this.#emit('storage', { reason: 'the browser closed the database; reload the page' }),
      versionchange: () => {
        this.#emit('versionchange', { reason: 'another tab has a newer version of this app' });
        this.close();
      },
    }, signal ? AbortSignal.any([signal, limit]) : limit);
    this.engine = handle;
    this.#raw = handle.db;
    this.#open = true;
    for (const [name, schema] of Object.entries(this.#options.tables)) {
      const dates = dateColumns(schema);
      this.#tables.set(name, new Table(name, dates, {
        plan: (query) => this.#alive().plan(name, query),
        match: (query, rows) => this.#alive().match(name, query, rows),
        read: (step) => this.#read(step),
        write: (...args) => this.#write(...args),
        watch: (read, fn, onError) => this.watch(name, read, fn, onError),
      }));
    }
    await this.#refresh();
    if (this.#options.sync) this.#connect();
  }

  #connect() {
    const { url, live } = this.#options.sync;
    this.#connection = watchConnection({
      url,
      onChange: ({ online, reason }) => this.#emit(online ? 'online' : 'offline', { reason }),
    });
    if (live) this.#auto = new AutoSync(this);
  }

  /** A table of the schema. */
  table(name) {
    const table = this.#tables.get(name);
    if (table) return table;
    throw failure('not-found', `there is no table "${name}": the schema has ${[...this.#tables.keys()].join(', ')}`);
  }

  /**
   * Runs fn in one transaction over the tables: all of it is kept, or nothing. Inside, await nothing but the
   * transaction's own tables.
   */
  async transaction(tables, mode, fn, { signal, atomic } = {}) {
    if (!Array.isArray(tables) || typeof fn !== 'function') throw invalid('transaction takes table names, a mode and a function');
    if (mode !== 'readonly' && mode !== 'readwrite') throw invalid('a transaction\'s mode is "readonly" or "readwrite"');
    if (atomic) throw invalid('transaction: options.atomic is not known to this version of Larder');
    for (const name of tables) this.table(name);
    let result, thrown;
    const inside = async (handle) => {
      const tx = new Transaction(tables.map((name) => [name, this.#tables.get(name).dates]), handle, this.#alive());
      try {
        result = await fn(tx);
      } catch (error) {
        thrown = { error };
        throw asLarderError(error);
      } finally {
        tx.finish();
      }
    };
    try {
      await this.#alive().transaction(JSON.stringify(tables), mode === 'readwrite', inside, signal);
    } catch (error) {
      throw thrown ? thrown.error : error;
    }
    this.#auto?.written();
    return result;
  }

  /** Sends what waits. Resolves when all of it was sent; what the server refused is in the result. */
  async push(options = {}) { return this.#job({ push: true, tables: [] }, options); }

  /** Brings what changed on the server in a table, or in several. */
  async pull(tables, options = {}) {
    if (options.query) throw invalid('pull: options.query is not known to this version of Larder');
    const names = [tables].flat();
    for (const name of names) this.table(name);
    return this.#job({ push: false, tables: names }, options);
  }

  /** Pushes, then pulls all tables. */
  async sync(options = {}) { return this.#job({ push: true, tables: [...this.#tables.keys()] }, options); }

  async #job(job, { signal, timeout = 10_000, progress } = {}) {
    if (!this.#options.sync) throw invalid('this database has no server: open it with options.sync');
    const handle = this.#alive();
    this.#syncing++;
    this.#emit('sync', { phase: 'start' });
    let outcome;
    try {
      const result = await handle.run(JSON.stringify(job), timeout, progress ? (table, done, known) =>
        progress({ table, done, known: known < 0 ? null : known }) : null, signal);
      outcome = JSON.parse(result);
      reviveOperations(outcome.quarantined, this);
      this.#connection?.report(true);
      return outcome;
    } catch (error) {
      outcome = { error };
      if (error.code === 'network') this.#connection?.report(false);
      if (error.code === 'auth') this.#emit('auth', { reason: error.message });
      throw error;
    } finally {
      this.#syncing--;
      if (this.#open) await this.#refresh();
      if (outcome.quarantined?.length) this.#emit('quarantine', { reason: 'refused', operations: outcome.quarantined });
      this.#emit('sync', { phase: 'end', ...outcome });
    }
  }

  /** The names of the tables that have been pulled before. */
  async pulled() { return JSON.parse(await this.#alive().pulled()); }

  /** Calls handler for an event. Returns the function that unsubscribes. */
  on(event, handler) {
    if (typeof handler !== 'function') throw invalid(`on("${event}") takes a function`);
    if (!this.#handlers.has(event)) this.#handlers.set(event, new Set());
    this.#handlers.get(event).add(handler);
    return () => this.#handlers.get(event).delete(handler);
  }

  /** Where the database stands, as far as this tab knows. */
  get status() {
    return {
      online: this.#connection?.online ?? globalThis.navigator?.onLine ?? true,
      reason: this.#connection?.reason ?? '',
      syncing: this.#syncing > 0,
      principal: null,
      ...this.#status,
    };
  }

  /** Asks the server now whether it can be reached; resolves with status.online. */
  async checkConnection() {
    await this.#connection?.check();
    return this.status.online;
  }

  async close() {
    if (!this.#open) {
      this.#live.close();
      return;
    }
    this.#open = false;
    this.#auto?.stop();
    this.#connection?.stop();
    this.#live.close();
    await this.engine.close();
  }

  watch(store, read, fn, onError) {
    if (typeof fn !== 'function') throw invalid('live takes a function');
    return this.#live.watch(store, read, fn, onError);
  }

  dates(table) { return this.#tables.get(table)?.dates ?? []; }

  #alive() {
    if (!this.#open) throw failure('closed', `the database ${this.name} is closed: open it again`);
    return this.engine;
  }

  async #write(...args) {
    const stored = await this.#alive().write(...args);
    this.#auto?.written();
    return stored;
  }

  #read(step) {
    this.#alive();
    return globalThis.larderIDB.read(this.#raw, step);
  }

  async #refresh() {
    const { pending, quarantined, lastSync } = JSON.parse(await this.engine.status());
    this.#status = { pending, quarantined, lastSync: lastSync ? new Date(lastSync) : null };
  }

  #committed(stores) {
    if (!this.#open || !stores.includes('$outbox')) return;
    this.#refresh().then(() => this.#emit('status', this.status), (error) => this.#emit('storage', { reason: error.message, error }));
  }

  #emit(event, detail) {
    for (const handler of this.#handlers.get(event) ?? []) {
      try {
        handler(detail);
      } catch (error) {
        reportError(error); // the app's own failure is the app's to see; the others still hear the event
      }
    }
  }

  async #conflict({ table, local, server, base }) {
    const [handler] = this.#handlers.get('conflict') ?? [];
    if (!handler) return JSON.stringify({ choice: 'later' });
    const dates = this.dates(table);
    for (const side of [local, server, base]) if (side) revive(side, dates);
    const choice = await handler({ table, id: (local ?? server ?? base).id, local, server, base });
    if (choice && typeof choice === 'object') return `{"choice":"record","record":${encode(choice, 'the conflict\'s handler')}}`;
    if (choice === undefined) return JSON.stringify({ choice: 'later' }); // undecided: it waits as without a handler
    if (['local', 'server', 'cancel', 'discard'].includes(choice)) return JSON.stringify({ choice });
    throw invalid(`a conflict's handler returns 'local', 'server', a record, 'cancel', 'discard' or nothing, not ${String(choice)}`);
  }

  async #token(fresh) {
    const token = await this.#options.sync?.token?.({ fresh });
    if (token !== undefined && token !== null && typeof token !== 'string') throw invalid('sync.token gives a string');
    return token ?? '';
  }
}

/** The tables as they are inside one transaction. */
class Transaction {
  #tables = new Map();
  #over = false;

  constructor(tables, handle, outside) {
    for (const [name, dates] of tables) {
      this.#tables.set(name, new Table(name, dates, {
        plan: (query) => outside.plan(name, query),
        match: (query, rows) => outside.match(name, query, rows),
        read: async (step) => (await this.#alive(() => globalThis.larderIDB.run(handle.tx, [step])))[0],
        write: (...args) => this.#alive(() => handle.write(...args)),
        watch: () => { throw failure('transaction', 'a query cannot be live inside a transaction'); },
      }));
    }
  }

  table(name) {
    const table = this.#tables.get(name);
    if (table) return table;
    throw failure('transaction', `the transaction does not include table "${name}"`);
  }

  finish() { this.#over = true; }

  async #alive(fn) {
    if (this.#over) throw failure('transaction', 'the transaction is over: its function has returned');
    try {
      return await fn();
    } catch (error) {
      throw asLarderError(error);
    }
  }
}
