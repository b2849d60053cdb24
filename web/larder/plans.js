/** Raised when steps or the layout of object stores mean something else than before: what was kept is of no use then. */
const FORMAT = 1;

const STORE = '$meta';
const KEY = 'plans';
const KEPT = 64; // plans; the one used longest ago goes first
const LONGEST = 4000; // characters of a query and its plan

/**
 * The engine's plans for the queries of one database. They hold for as long as the schema does, so they are made once;
 * and they are kept in the database, so that the first queries of the next visit need not wait for the engine.
 */
export class Plans {
  #schema;
  #known = new Map(); // query -> plan as JSON text, the latest used last
  #unsaved = false;

  constructor(schema) { this.#schema = schema; }

  /** Reads what an earlier visit kept in a database. Gives false if there is nothing, or it is of another schema. */
  async load(db) {
    if (!db.objectStoreNames.contains(STORE)) return false;
    const row = await answer(db.transaction(STORE).objectStore(STORE).get(KEY));
    if (row?.format !== FORMAT || row.schema !== this.#schema || row.version !== db.version) return false;
    this.#known = new Map(row.plans);
    return true;
  }

  /** Keeps the plans in the database, if there are new ones. */
  async save(db) {
    if (!this.#unsaved) return;
    this.#unsaved = false;
    const tx = db.transaction(STORE, 'readwrite');
    const row = { key: KEY, format: FORMAT, schema: this.#schema, version: db.version, plans: [...this.#known] };
    await answer(tx.objectStore(STORE).put(row));
  }

  /** Marks the plans as new, for a database that has none yet. */
  touch() { this.#unsaved = true; }

  /** The plan of a query, if it is known. */
  get(query) {
    const text = this.#known.get(query);
    if (text === undefined) return undefined;
    this.#known.delete(query);
    this.#known.set(query, text);
    return JSON.parse(text);
  }

  /** Remembers a plan. Gives whether it is worth saving. */
  add(query, text) {
    if (query.length + text.length > LONGEST) return false;
    this.#known.set(query, text);
    if (this.#known.size > KEPT) this.#known.delete(this.#known.keys().next().value);
    this.#unsaved = true;
    return true;
  }
}

const answer = (request) => new Promise((resolve, reject) => {
  request.onsuccess = () => resolve(request.result);
  request.onerror = (event) => {
    event.preventDefault();
    reject(request.error);
  };
});
