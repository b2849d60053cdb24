import { watchConnection } from '../online.js';
import { AutoSync } from './autosync.js';
import { Background, forget } from './background.js';
import { events, isObject, need, optionsOf, until } from './argument.js';
import { copy, dateColumns, revive } from './codec.js';
import { course, decide } from './conflict.js';
import { Connection } from './connection.js';
import { asLarderError, failure, invalid } from './error.js';
import { Live } from './live.js';
import { migrations } from './migrate.js';
import { Pending, reviveOperations } from './pending.js';
import { remember, subject } from './principals.js';
import { ask, hinted } from './source.js';
import { estimate, persist } from './storage.js';
import { Table } from './table.js';
import { Transaction } from './transaction.js';
import { together } from './verification.js';
import { exported, imported } from './transfer.js';

const PAUSE = 200; // between two counts of what waits, in milliseconds

const jobOptions = ['signal', 'timeout', 'progress'];

export class Database {
  #options;
  #tables = new Map();
  #handlers = new Map();
  #live;
  #way; // to the rows: what is remembered, and the engine
  #connection; // to the server
  #auto;
  #background; // where the worker pushes when the page is gone
  #status = { pending: 0, quarantined: 0, lastSync: null, principal: null };
  #stranger = false; // somebody else has signed in than whose database it is
  #stale = false; // there were commits since the status was counted
  #counting = false;
  #syncing = 0;
  #open = true;
  #started = false;
  #evicted = false;

  #early; // the token that it was opened with

  /** schema is what the engine reads of the options, as text: what was remembered under another is of no use. */
  constructor(name, schema, options, token) {
    this.name = name;
    this.#early = token;
    this.#options = options;
    this.pending = new Pending(this);
    for (const [event, handler] of [['blocked', options.onBlocked], ['versionchange', options.onVersionChange]]) {
      if (handler) this.on(event, handler);
    }
    this.#way = new Connection(name, schema, this.#hooks());
    const { url, live, background } = options.sync ?? {};
    if (background && live && url !== undefined) this.#background = new Background(name, schema, () => this.#status.pending > 0);
    this.#live = new Live(name, {
      look: (store, ids) => this.#way.read({ op: 'get', store, keys: ids }),
      touched: (table, parts, rows) => this.#way.handle?.touched(table, JSON.stringify(parts), rows) !== '',
      onRemote: (stores) => this.#committed(stores),
    });
    for (const [table, { columns }] of Object.entries(options.tables)) {
      this.#tables.set(table, this.#tableOf(table, dateColumns(columns)));
    }
  }

  #tableOf(name, dates) {
    return new Table(name, dates, {
      plan: (parts) => this.#alive().plan(name, parts),
      describe: (parts) => this.#alive().describe(name, parts),
      read: (step) => this.#alive().read(step),
      write: (...args) => this.#write(...args),
      watch: (query) => this.watch({ store: name, dress: (row) => revive(copy(row), dates), ...query }),
    });
  }

  #hooks() {
    return {
      ready: () => this.#ready(),
      ...migrations(this.#options.migrate, this.#options.tables),
      timeout: this.#options.timeout ?? 10_000, // for other tabs to give way, not for the engine to load
      memory: this.#options.storage === 'memory',
      failed: (cause) => {
        const error = asLarderError(cause);
        this.#emit(error.code === 'version' ? 'versionchange' : 'storage', { reason: error.message, error });
      },
      evicted: () => {
        this.#evicted = true;
        if (this.#started) this.#tellEvicted();
      },
      committed: (changes) => {
        this.#live.committed(changes);
        this.#committed(changes.map(({ store }) => store));
      },
      conflict: (json) => {
        const conflict = JSON.parse(json), [handler] = this.#handlers.get('conflict') ?? [];
        return decide(handler, this.dates(conflict.table), conflict);
      },
      epoch: (json) => course(this.#emit('epoch', JSON.parse(json))),
      token: (fresh) => this.#token(fresh),
      source: (table, ...call) => ask(table, this.#options.sync.tables[table], this.dates(table), ...call),
      stranger: () => { this.#stranger = true; },
      event: (event, json) => this.#emit(event, json ? JSON.parse(json) : {}),
      versionchange: async (deleted) => {
        const reason = deleted ? 'another tab deletes the database' : 'another tab upgrades the database';
        await Promise.allSettled(this.#emit('versionchange', { reason })); // an app may have something to save
        if (deleted) this.close();
      },
    };
  }

  /** Whose database it is: the sub of their tokens, or undefined while it is nobody's. */
  async owner() { return (await this.#way.read({ op: 'get', store: '$meta', keys: ['principal'] }))[0]?.sub; }

  async start(signal) {
    await this.#way.open(signal);
    this.#started = true;
    if (this.#evicted) setTimeout(() => this.#tellEvicted()); // when the app has had time to listen
  }

  #tellEvicted() { this.#emit('storage', { reason: 'evicted' }); }

  /** The engine has opened the database. */
  async #ready() {
    await this.#refresh();
    if (subject(this.#early) && !this.#status.principal) {
      await this.#way.handle.signIn(this.#early); // before the next one who opens it
      await this.#refresh();
    }
    if (!this.#open) return;
    this.#emit('status', this.status);
    if (this.#options.sync && !this.#connection) this.#connect();
  }

  #connect() {
    const { url, live, tables = {}, verify } = this.#options.sync;
    this.#connection = watchConnection({
      url,
      ask: url === undefined ? hinted : undefined,
      onChange: ({ online, reason }) => this.#emit(online ? 'online' : 'offline', { reason }),
    });
    if (live) this.#auto = new AutoSync(this, url, (fresh) => this.#token(fresh), Object.keys(tables), verify);
    (this.#background ? this.#background.remember() : forget(this.name))
      .catch((error) => this.#emit('storage', { reason: error.message, error: asLarderError(error) }));
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
  async transaction(tables, mode, fn, options) {
    need(Array.isArray(tables), 'transaction takes an array of tables\' names as its first argument', tables);
    if (tables.length === 0) throw invalid('transaction takes the name of one table at least, but the array is empty');
    need(mode === 'readonly' || mode === 'readwrite', 'transaction takes "readonly" or "readwrite" as its second argument', mode);
    need(typeof fn === 'function', 'transaction takes a function as its third argument', fn);
    const { signal, atomic } = optionsOf('transaction', options, ['signal', 'atomic']);
    need(atomic === undefined || typeof atomic === 'boolean', 'transaction: options.atomic is true or false', atomic);
    need(!atomic || mode === 'readwrite', 'an atomic transaction is "readwrite"', mode);
    for (const name of tables) this.table(name);
    const engine = await this.#engine(signal);
    let result, thrown;
    const inside = async (handle) => { // which is called again where there was no room, and fn has only deleted
      thrown = undefined;
      const tx = new Transaction(tables.map((name) => [name, this.#tables.get(name).dates]), handle, this.#way);
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
      await engine.transaction(JSON.stringify(tables), mode === 'readwrite', inside, signal, atomic);
    } catch (error) {
      throw thrown ? thrown.error : error;
    }
    this.#written();
    return result;
  }

  /** Sends what waits. Resolves when all of it was sent; what the server refused is in the result. */
  async push(options) { return this.#job({ push: true, tables: [] }, optionsOf('push', options, jobOptions)); }

  /** Brings what changed on the server in a table, or in several. */
  async pull(tables, options) {
    const given = optionsOf('pull', options, [...jobOptions, 'query']);
    const { query } = given;
    need(query === undefined || isObject(query), 'pull: options.query is a query, or an object like { where }', query);
    const names = [tables].flat();
    for (const name of names) this.table(name);
    return this.#job({ push: false, tables: names, query }, given);
  }

  /** Brings what changed in all that was pulled before: tables, and parts of tables. */
  async pullAgain(options) { return this.#job({ push: false, all: 'again' }, optionsOf('pullAgain', options, jobOptions)); }

  /** Pushes, then pulls all tables: those of which only parts were pulled before, these parts. */
  async sync(options) { return this.#job({ push: true, all: true }, optionsOf('sync', options, jobOptions)); }

  async #job(job, { signal, timeout = 10_000, progress }) {
    if (!this.#options.sync) throw invalid('this database has no server: open it with options.sync');
    const handle = await this.#engine(signal);
    this.#syncing++;
    this.#emit('sync', { phase: 'start' });
    let outcome;
    try {
      const result = await handle.run(JSON.stringify(job), timeout, progress ? (table, done, known) =>
        progress({ table, done, known: known < 0 ? null : known }) : null, signal);
      outcome = JSON.parse(result);
      reviveOperations(outcome.quarantined, this);
      if (outcome.verified.length > 0) this.#emit('digest', together(outcome.verified));
      this.#connection?.report(true);
      return outcome;
    } catch (error) {
      outcome = { error };
      if (error.code === 'network') {
        this.#connection?.report(false);
        this.#background?.ask();
      }
      if (error.code === 'auth') this.#emit('auth', { reason: error.message });
      throw error;
    } finally {
      this.#syncing--;
      if (this.#open) await this.#refresh();
      if (outcome.quarantined?.length) this.#emit('quarantine', { reason: 'refused', operations: outcome.quarantined });
      this.#emit('sync', { phase: 'end', ...outcome });
      if (this.#stranger) await this.close();
    }
  }

  /**
   * Pulls a table, and then compares it with the server's by digests: what differs is healed. With a query, the part that meets
   * it; without, the parts that were pulled before, or all.
   */
  async verify(table, options) {
    const given = optionsOf('verify', options, [...jobOptions, 'query']);
    need(given.query === undefined || isObject(given.query), 'verify: options.query is a query, or an object like { where }', given.query);
    this.table(table);
    const { query } = given;
    const { verified } = await this.#job({ push: false, tables: [table], verify: true, ...(query ? { query } : { all: true }) }, given);
    return together(verified);
  }

  /** Pulls again what was pulled before, and compares a random part of it with the server's. */
  async sample() { return this.#job({ push: false, all: 'again', verify: true, sample: true }, {}); }

  /** The names of the tables that have been pulled before. */
  async pulled() { return JSON.parse(await (await this.#engine()).pulled()); }

  /** Calls handler for an event. Returns the function that unsubscribes. */
  on(event, handler) {
    need(events.includes(event), `on takes the name of an event: ${events.join(', ')}`, event);
    need(typeof handler === 'function', `on("${event}") takes a function`, handler);
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
      durable: this.#options.storage !== 'memory',
      evicted: this.#evicted,
      ...this.#status,
    };
  }

  /** Asks the server now whether it can be reached; resolves with status.online. */
  async checkConnection(options) {
    const { signal } = optionsOf('checkConnection', options, ['signal']);
    await this.#engine(signal);
    await until(signal, async () => this.#connection?.check());
    return this.status.online;
  }

  /** Asks the browser to keep this origin's data when it needs room; resolves with whether it does. */
  async persist(options) {
    const { timeout = 10_000 } = optionsOf('persist', options, ['timeout']);
    return persist(timeout);
  }

  /** How many bytes this origin uses and may use, about, and whether the browser keeps them. */
  async estimate(options) {
    const { timeout = 10_000 } = optionsOf('estimate', options, ['timeout']);
    return estimate(timeout);
  }

  /** The rows of all tables, or of some, as a stream of JSON lines. */
  export(options) {
    const given = optionsOf('export', options, ['tables', 'signal', 'progress']);
    const tables = given.tables ?? [...this.#tables.keys()];
    need(Array.isArray(tables), 'export: options.tables is an array of tables\' names', tables);
    for (const name of tables) this.table(name);
    const { version } = this.#options;
    const read = async (table, parts) => this.#alive().read((await this.#alive().plan(table, parts)).step);
    return exported({ name: this.name, version, tables }, read, given);
  }

  /** Puts the records of an export, some at a time, and gives how many there were. */
  async import(source, options) {
    const convert = async (table, from, rows) => JSON.parse((await this.#engine()).convert(table, from, JSON.stringify(rows)));
    return imported(this, source, this.#options.version, convert, options);
  }

  async close() {
    this.#open = false;
    this.#auto?.stop();
    this.#background?.stop();
    this.#connection?.stop();
    this.#live.close();
    await this.#way.close();
  }

  /** Follows rows of an object store: see Live. */
  watch(query) {
    this.#alive();
    return this.#live.watch(query);
  }

  /** Calls one of the engine's functions when it is there. */
  async ask(name, { signal }, ...args) { return until(signal, async () => (await this.#engine())[name](...args)); }

  dates(table) { return this.#tables.get(table)?.dates ?? []; }

  #alive() {
    if (!this.#open) throw failure('closed', `the database ${this.name} is closed: open it again`);
    return this.#way;
  }

  async #engine(signal) { return until(signal, () => this.#alive().engine()); }

  async #write(table, action, records, wanted, signal) {
    const handle = this.#alive().handle ?? await this.#engine(signal);
    const stored = (signal ? undefined : await this.#way.write(table, action, records))
      ?? await handle.write(table, action, records, wanted, signal);
    this.#written();
    return stored;
  }

  #written() {
    this.#auto?.written();
    if (!this.status.online) this.#background?.ask();
  }

  async #refresh() {
    const { pending, quarantined, lastSync, principal } = JSON.parse(await this.#way.handle.status());
    if (principal) remember(this.name.split('#')[0], principal, this.name);
    this.#status = { pending, quarantined, lastSync: lastSync ? new Date(lastSync) : null, principal: principal || null };
  }

  /** Brings the status up to date after a commit: at once, but of many commits in a row only now and then. */
  async #committed(stores) {
    if (!this.#open || !this.#way.handle || !stores.includes('$outbox')) return;
    this.#stale = true;
    if (this.#counting) return;
    this.#counting = true;
    while (this.#stale && this.#open) {
      this.#stale = false;
      try {
        await this.#refresh();
        this.#emit('status', this.status);
      } catch (error) {
        if (this.#open) this.#emit('storage', { reason: error.message, error });
      }
      await new Promise((resolve) => { setTimeout(resolve, PAUSE); }); // counting holds up the next write
    }
    this.#counting = false;
  }

  /** Calls the handlers of an event, and gives what they return. */
  #emit(event, detail) {
    const answers = [];
    for (const handler of this.#handlers.get(event) ?? []) {
      try {
        answers.push(handler(detail));
      } catch (error) {
        reportError(error); // the app's own failure is the app's to see; the others still hear the event
      }
    }
    return answers;
  }

  async #token(fresh) {
    const token = await this.#options.sync?.token?.({ fresh });
    if (token !== undefined && token !== null && typeof token !== 'string') throw invalid('sync.token gives a string');
    await this.#background?.remember(token ?? '');
    return token ?? '';
  }
}
