import { failure, isLoss } from './error.js';
import { engine } from './engine.js';
import { Plans } from './plans.js';
import { Shape } from './shape.js';
import { until } from './argument.js';
import { Writer } from './writer.js';

/** How long the engine waits for the page to ask for its first rows, in milliseconds: starting sooner would delay them. */
const HEAD_START = 100;

/**
 * The way to one database. Reads whose plan is known are answered by IndexedDB directly; all else waits for the engine.
 *
 * A database that an earlier visit has left as this one needs it is open at once, by a connection of the page's own, and
 * the engine starts when the first rows are there. It then brings its own connection, which takes over: from then on
 * there is no other.
 */
export class Connection {
  #name;
  #schema;
  #hooks;
  #plans;
  #db; // the IDBDatabase that answers reads
  #handle; // the engine's functions for this database
  #writer; // by that handle; none for a database in memory
  #starting;
  #timer;
  #saving;
  #closed = false;

  /**
   * hooks are the functions that the engine calls, with what else it is told, and ready(handle), called whenever it has
   * opened the database.
   */
  constructor(name, schema, hooks) {
    this.#name = name;
    this.#schema = schema;
    this.#hooks = {
      ...hooks,
      versionchange: async (deleted) => {
        await hooks.versionchange(deleted);
        this.#db = undefined; // the engine closes it now
      },
      closed: () => { this.#db = undefined; },
      commit: (changes) => hooks.committed(JSON.parse(changes)),
    };
    this.#plans = new Plans(schema);
  }

  /** Opens the database: resolves when reads of known plans can be answered. */
  async open(signal) {
    if (!this.#hooks.memory && await until(signal, () => this.#remembered())) {
      this.#timer = setTimeout(() => this.#begin(), HEAD_START);
      return;
    }
    await this.engine(signal);
    this.#plans.touch();
    this.#save();
  }

  /** The engine's functions for this database. Starts it if need be, also after it failed to start. */
  engine(signal) {
    if (this.#closed) return Promise.reject(closed(this.#name));
    if (this.#handle) return Promise.resolve(this.#handle);
    this.#starting ??= this.#start(signal).finally(() => { this.#starting = undefined; });
    return this.#starting;
  }

  /** The engine's functions, or undefined while it has not started. */
  get handle() { return this.#handle; }

  /** How a query is answered, as the engine says: { step }, at once where that is known of queries of its shape. */
  plan(table, parts) {
    if (this.#hooks.memory) return { step: { op: 'query', store: table, parts } }; // the engine answers it itself
    const shape = Shape.of(parts);
    const whole = () => this.#plan(table, parts, parts.after === undefined); // the rows to go on from are others each time
    if (!shape) return whole();
    const fill = ({ step }) => ({ step: shape.fill(step) });
    try {
      const plan = this.#plan(table, shape.parts, true);
      return plan instanceof Promise ? plan.then(fill, whole) : fill(plan);
    } catch { // the engine has to say of the query itself what is wrong with it
      return whole();
    }
  }

  /** Says in words how a query is answered. */
  async describe(table, parts) { return JSON.parse((await this.engine()).plan(table, JSON.stringify(parts))).explain; }

  /** The engine's plan of a query, which is remembered if it lasts. */
  #plan(table, parts, lasts) {
    const text = JSON.stringify(parts);
    const query = `${table} ${text}`;
    const known = this.#plans.get(query);
    if (known) return known;
    const make = (handle) => {
      const plan = handle.plan(table, text);
      if (lasts && this.#plans.add(query, plan)) this.#save();
      return JSON.parse(plan);
    };
    return this.#handle ? make(this.#handle) : this.engine().then(make);
  }

  /** The result of one reading step. */
  async read(step) {
    if (this.#closed) throw closed(this.#name);
    const waits = this.#timer !== undefined; // for this read, or one that is under way
    if (waits) clearTimeout(this.#timer);
    try {
      return await this.#query(step);
    } finally {
      if (waits) {
        clearTimeout(this.#timer);
        if (this.#timer !== undefined) this.#timer = setTimeout(() => this.#begin()); // a task of its own: rows are shown first
      }
    }
  }

  /** Writes a record by the shortest way: see Writer. Gives undefined where the engine has to do it. */
  write(table, action, records) {
    return this.#db && typeof records === 'string' ? this.#writer?.write(this.#db, table, action, records) : undefined;
  }

  /** Reads, and once more by a new connection where the browser has closed the one there was. */
  async #query(step) {
    if (this.#hooks.memory) return readBy(await this.engine(), step);
    const db = this.#db ?? await this.#raw();
    try {
      return await globalThis.larderIDB.read(db, step);
    } catch (error) {
      if (!isLoss(error) || this.#closed) throw error;
      return globalThis.larderIDB.read(await this.#raw(db), step);
    }
  }

  /** The engine's IDBDatabase; another one than that which was lost. Waits while the database is being opened again. */
  async #raw(lost) {
    const handle = await this.engine();
    if (!this.#db || this.#db === lost) this.#db = await handle.connect(lost);
    return this.#db;
  }

  /** Closes the database. Running transactions finish first. */
  async close() {
    if (this.#closed) return;
    this.#closed = true;
    clearTimeout(this.#timer);
    clearTimeout(this.#saving);
    if (this.#starting) await this.#starting.catch(() => {}); // it closes what it opens, and fails
    const handle = this.#handle;
    if (handle && !this.#hooks.memory) await this.#keep();
    if (!handle) this.#db?.close();
    this.#db = undefined;
    await handle?.close();
  }

  /** Opens what an earlier visit has left, and says whether that is of use. */
  async #remembered() {
    const db = await existing(this.#name);
    if (!db) return false;
    const left = () => { // to another tab that upgrades or deletes it, or by the browser: the engine finds out what that means
      if (this.#db !== db) return;
      this.#db = undefined;
      this.#begin();
    };
    db.onversionchange = () => { db.close(); left(); };
    db.onclose = left;
    try {
      if (!this.#closed && await this.#plans.load(db)) {
        this.#db = db;
        return true;
      }
    } catch { // it cannot be read: the engine will say why
    }
    db.close();
    return false;
  }

  #begin() {
    this.#timer = undefined;
    if (!this.#closed && !this.#handle) this.engine().catch((error) => this.#hooks.failed(error));
  }

  async #start(signal) {
    const functions = await until(signal, engine);
    const handle = await functions.open(this.#name, this.#schema, this.#hooks, signal);
    if (this.#closed) {
      await handle.close();
      throw closed(this.#name);
    }
    const before = this.#db;
    this.#handle = handle;
    if (!this.#hooks.memory) this.#writer = new Writer(handle, this.#hooks.committed);
    this.#db = handle.db;
    before?.close();
    await this.#hooks.ready(handle);
    return handle;
  }

  /** Keeps the plans soon, when the page has other things behind it. */
  #save() { if (!this.#hooks.memory) this.#saving ??= setTimeout(() => this.#keep(), 500); }

  async #keep() {
    this.#saving = undefined;
    if (!this.#handle) return this.#db && !this.#closed ? this.#save() : undefined;
    try {
      await this.#plans.save(this.#db ?? await this.#raw());
    } catch { // a database that cannot keep them is only slower to open
    }
    return undefined;
  }
}

/** How long another tab's upgrade is waited for here, in milliseconds: the engine waits in a better way. */
const PATIENCE = 1000;

/** The database as it is, or null if there is none, or it is not to be had soon. */
function existing(name) {
  return new Promise((resolve) => {
    if (!globalThis.indexedDB) return resolve(null);
    const request = indexedDB.open(name);
    let late = false;
    const timer = setTimeout(() => { late = true; resolve(null); }, PATIENCE);
    const done = (db) => {
      clearTimeout(timer);
      if (late) db?.close();
      else resolve(db);
    };
    request.onupgradeneeded = () => request.transaction.abort(); // there was none: leave it so
    request.onsuccess = () => done(request.result);
    request.onerror = (event) => {
      event.preventDefault();
      done(null);
    };
    return undefined;
  });
}

/** Has the engine, or a transaction of it, read where there is no IndexedDB. */
export async function readBy({ read }, step) {
  const answer = JSON.parse(await read(JSON.stringify(step)));
  return step.each ? answer.map(step.each) : answer;
}

const closed = (name) => failure('closed', `the database ${name} is closed: open it again`);
