/**
 * Larder: an app's data in the browser, there without a network, in sync when it is back.
 *
 * Row types follow the schema given to {@link open}; nothing needs to be declared twice. A schema that is kept in a
 * variable of its own keeps its types with `satisfies Schema` (or `as const`).
 *
 * Every failure is a {@link LarderError}. Functions that return a Promise reject and never throw; a query with a wrong
 * argument is rejected when it is run. What returns at once throws: `table`, `on` and `live`.
 */

/**
 * Opens a database, creating or upgrading it: new tables and indexes appear, those no longer named are dropped. With `sync.token`
 * it is the database of who is signed in: the first who does so on a device has that of the name, others have one each. Without a
 * token within half a second, as offline may be, it is that of who was the last.
 */
export function open<const T extends Schema>(name: string, options: OpenOptions<T>): Promise<Database<T>>;

/** Deletes a database with all that is in it, what was never pushed included, for all who signed in. Waits 10 s at most for other tabs. */
export function destroy(name: string, options?: Waiting): Promise<void>;

export interface OpenOptions<T extends Schema> {
  /** The schema's version, from 1 on. Raise it whenever `tables` changes. */
  version: number;
  /** The tables by name. */
  tables: T & WithKnownIndexes<T>;
  /**
   * Brings the rows of older versions into the form of this one: by the version they lead to, and the table. What only adds
   * tables, columns and indexes needs none; columns and tables that are not declared any more go.
   */
  migrate?: { readonly [version: number]: { readonly [table: string]: Migration } };
  /** The server to sync with, or the app's own sources. Leave it out for a purely local database. */
  sync?: SyncOptions<NoInfer<T>>;
  /**
   * Keeps the database in this page's memory, for where the browser keeps no data: it is empty each time, and
   * `status.durable` is false. Without it, `open` fails there with `storage`.
   */
  storage?: 'memory';
  /** Ends the opening. */
  signal?: AbortSignal;
  /** How long to wait for other tabs that keep an older version open, in milliseconds: 10,000 unless told. Then: `blocked`. */
  timeout?: number;
  /** Hears that another tab keeps an older version open. The same as `on('blocked')`. */
  onBlocked?: (event: DatabaseEvents<T>['blocked']) => void;
  /** Hears that another tab waits to upgrade or delete the database. The same as `on('versionchange')`. */
  onVersionChange?: (event: DatabaseEvents<T>['versionchange']) => unknown;
}

/**
 * A pure function of one record of the version before: it gives the record in its new form, or null to drop it here, on this
 * device. It runs over rows and over what waits in the outbox, inside the upgrade, and must not wait. Columns that are dates
 * in the newest version have Dates; what else the row has is as it was stored.
 */
export type Migration = (row: { id: string } & { [column: string]: any }) => { [column: string]: unknown } | null;

/** How to sync: with a server, with sources for some of the tables, or with sources alone for all of them. */
export type SyncOptions<T extends Schema = Schema> = SyncBehaviour & (
  | {
    /** The server's address: the part before `/tables`. */
    url: string;
    /** The sources of the tables that are not the server's. */
    tables?: { readonly [N in keyof T & string]?: Source<Row<T[N]>> };
  }
  | { url?: undefined; tables: { readonly [N in keyof T & string]: Source<Row<T[N]>> } }
);

export interface SyncBehaviour {
  /**
   * What the server speaks: Larder's own protocol, or that of a plain Azure Mobile Apps server, which knows no batches and no
   * deltas. It is recognised unless told, by a request more.
   */
  protocol?: 'larder' | 'azure';
  /** Gives the bearer token; nothing for none. `fresh` asks for a new one, after the server has refused the last. */
  token?: (request: { fresh: boolean }) => string | null | undefined | Promise<string | null | undefined>;
  /** Sync without being asked: push soon after a write, pull the tables that were pulled before. */
  live?: boolean;
  /**
   * With `live`: let the service worker push what waits when the network is back and no page is open, where the browser has
   * background sync (Chromium); elsewhere the next page pushes. The schema and the last token are kept for the worker, in Cache
   * Storage: conflicts, and an expired token, wait for a page. It needs sw.js (see appcache.js).
   */
  background?: boolean;
  /**
   * With `live`: in how many of its pulls, from 0 to 1, some of the records are compared with the server's: {@link
   * Database.verify} for 500 records in a row, at one request more. 0.02 unless told; 0 for never.
   */
  verify?: number;
}

/**
 * A backend with a protocol of its own, for one table. Whatever can answer "what changed since" can be pulled from, and
 * whatever can store a record can be pushed to.
 *
 * The functions are called one at a time. An error ends the sync of this table for now, and of no other: `sync` is rejected
 * with it, as the `cause` of a LarderError with the code `server`, or with the error itself if it has a code of its own. No
 * network (what `fetch` is rejected with, or the code `network`) is tried again while `timeout` lasts; so is an error with
 * `retryAfter`, a number of seconds, then; with the code `auth` `sync.token` is asked for a fresh token first; with `expired`,
 * from getChanges, all is asked for anew, and what does not come is removed. What was done before an error stays done.
 */
export interface Source<R extends Identified = Identified & { [column: string]: any }> {
  /**
   * The position from which a pull begins. Without this function it is `stored`: where the last page has ended that was stored,
   * '' before the first.
   */
  getLastSync?(request: { stored: string; filter: string; signal: AbortSignal }): string | Promise<string>;
  /**
   * A page of what has changed after a position; '' is the beginning. `limit` is about how many rows are wanted, and `filter`
   * OData text for the part that is pulled, '' for all. More than was asked for does no harm.
   */
  getChanges(
    request: { since: string; limit: number; filter: string; signal: AbortSignal },
  ): SourceChanges<R> | Promise<SourceChanges<R>>;
  /**
   * Carries out operations in their order, and gives a verdict on each of them. Without this function the table can only be
   * read: what is written to it is quarantined. An operation whose answer was lost comes again: its id tells, where the backend
   * keeps ids; else a conflict with a record that is as the operation wants it counts as applied.
   */
  applyChanges?(
    operations: SourceOperation<R>[], request: { signal: AbortSignal },
  ): readonly Verdict<R>[] | Promise<readonly Verdict<R>[]>;
  /** How long one call may take, in milliseconds: 30,000 unless told. Then its signal aborts, and the sync of the table fails. */
  timeout?: number;
}

/** A page of what has changed. It is stored with its position, all of it or nothing. */
export interface SourceChanges<R extends Identified = Identified & { [column: string]: any }> {
  /**
   * Records as they are now; one with `deleted: true` is gone. Columns that the schema does not have are left out. One may come
   * again: nothing happens where its `version`, or without one its content, is that of the last time.
   */
  readonly changed?: readonly SourceRow<R>[];
  /** Ids of records that are gone. */
  readonly removed?: readonly string[];
  /** Ids of the records that there are, for a backend that cannot tell which are gone: at the end of the pull the others go. */
  readonly ids?: readonly string[];
  /** The position after this page; left out where it has not moved. */
  readonly next?: string;
  /** Whether there is more now. */
  readonly more?: boolean;
}

/** A record as a backend has it: it may have more than the schema, and its version may be a number. */
export type SourceRow<R> =
  Identified & { [C in Exclude<keyof R, keyof SystemColumns>]?: Input<R[C]> } & { [column: string]: unknown };

/** One change for a source to carry out. */
export interface SourceOperation<R extends Identified = Identified & { [column: string]: any }> {
  /** The same whenever this operation comes: a backend that remembers it applies it once. */
  id: string;
  table: string;
  action: 'insert' | 'update' | 'delete';
  recordId: string;
  /** The record as it shall be; null for a delete. */
  record: R | null;
  /** The source's record that the change was made on, with its `version`; null for an insert. */
  base: R | null;
  /** The columns that changed, null where one is gone. */
  changes: Partial<R>;
}

/**
 * What became of an operation, by its id. It was applied: the record as it is now, if it is another than was sent. It was made
 * on another record than there is: that record, or null where it is gone; then {@link Database.on} 'conflict' decides. Or it
 * will never be applied, and why: then it waits in {@link Database.pending}.
 */
export type Verdict<R extends Identified = Identified & { [column: string]: any }> = { readonly id: string } & (
  | { readonly record?: SourceRow<R> | null; readonly conflict?: undefined; readonly refused?: undefined }
  | { readonly conflict: SourceRow<R> | null; readonly refused?: undefined }
  | { readonly refused: string; readonly conflict?: undefined }
);

/** What a call may be given that waits: a signal, whose abort rejects it with `aborted`. What was begun may still happen. */
export interface Waiting { signal?: AbortSignal | null | undefined }

/** What a column of each type holds, besides null. A date is an instant, with milliseconds. The lower names are Azure's. */
export interface ColumnValues {
  string: string; number: number; integer: number; boolean: boolean; date: Date; json: JSONValue;
  text: string; float: number; real: number; bool: boolean; datetime: Date; time: Date; 'date/time': Date;
  object: JSONValue; array: JSONValue;
}
export type ColumnType = keyof ColumnValues;

/** A table of a schema. */
export interface TableSchema {
  /** The columns by name, without `id` and the {@link SystemColumns}, which every table has. */
  readonly columns?: { readonly [column: string]: ColumnType };
  /** The orders that are kept ready: of one column, of several, or with options. */
  readonly indexes?: readonly IndexSchema[];
  /** Whether records may have columns that are not declared. */
  readonly dynamic?: boolean;
}

/** An index: a column, several columns, or either with `unique`. Records with a null in a unique index do not count. */
export type IndexSchema<Column extends string = string> =
  | Column | readonly Column[] | { readonly columns: Column | readonly Column[]; readonly unique?: boolean };

/** The tables of a database by name. */
export interface Schema { readonly [table: string]: TableSchema }

/** Any value that JSON can hold. */
export type JSONValue = string | number | boolean | null | JSONValue[] | { [key: string]: JSONValue | undefined };

/** What the server adds to a record, once it knows it. Ignored in what an app writes, except for `version`. */
export interface SystemColumns {
  readonly createdAt?: Date | null;
  readonly updatedAt?: Date | null;
  /** The server's version of the record. In a write it is a precondition: another stored version is `conflict`. */
  readonly version?: string | null;
  readonly deleted?: boolean | null;
}

/** The least that a record is. */
export interface Identified { id: string }
/** The record that a table schema describes. */
export type Row<S extends TableSchema> = Flat<
  Identified & { -readonly [C in keyof S['columns']]?: ColumnValue<S['columns'][C]> | null } & SystemColumns
  & (S['dynamic'] extends true ? { [column: string]: unknown } : unknown)
>;

/** What an app may give for a record: dates as `Date` or ISO text, and an id or none. */
export type Draft<R> = { [C in keyof R]?: Input<R[C]> };
/** What an app gives to change a record: its id, and the columns to change. */
export type Changes<R> = Draft<R> & Identified;

/** What can be read of a table. */
export interface Reader<R extends Identified> extends Queryable<R> {
  readonly name: string;
  /** The record with the id, or undefined. */
  get(id: string, options?: Waiting): Promise<R | undefined>;
  /** The records with the ids, in their order, with undefined where there is none. */
  getMany(ids: readonly string[], options?: Waiting): Promise<(R | undefined)[]>;
}

/** A table. Each write is one transaction, over the record and the outbox. */
export interface Table<R extends Identified> extends Reader<R> {
  /** Adds a record and returns it as stored. Without an id it is given one, a random UUID; an id that is taken is `exists`. */
  insert(record: Draft<R>, options?: Waiting): Promise<R>;
  /** Merges the given columns into the record with the same id and returns it. A missing record is `not-found`. */
  update(changes: Changes<R>, options?: Waiting): Promise<R>;
  /** Inserts or replaces a whole record and returns it as stored. */
  put(record: Draft<R>, options?: Waiting): Promise<R>;
  /** Deletes a record, given its id or the record. One that is not there is no error. */
  delete(record: string | Identified, options?: Waiting): Promise<void>;
  /**
   * Inserts or replaces many in one transaction and returns how many were given. Of several with one id the last wins. They
   * are read bit by bit, so that the page stays responsive: leave them as they are until the promise resolves.
   */
  bulkPut(records: readonly Draft<R>[], options?: BulkOptions): Promise<number>;
}

export interface BulkOptions extends Waiting {
  /** Hears how many of the records have been handed over. They are there when the call resolves, all of them or none. */
  progress?: (progress: { done: number; known: number }) => void;
}

/** What a query is built and run by. On a table it begins a query for all records. */
export interface Queryable<R extends Identified, Out = R> extends AsyncIterable<Out> {
  /**
   * Keeps records whose columns equal the given values. An array stands for any of its values, and an object says what the
   * value must be: `{ rank: { ge: 1, lt: 5 }, text: { startswith: 'b' }, tags: { any: ['shop', 'garden'] } }`.
   */
  where(values?: Where<R>): Query<R, Out>;
  /** Keeps records for which an OData expression holds: `"due ge datetime'2026-11-21T00:00:00Z'"`. */
  filter(expression: string): Query<R, Out>;
  /** Orders by columns, each of which may be followed by ` desc`. Repeated calls add further ones. */
  orderBy(...columns: OrderKey<R>[]): Query<R, Out>;
  /** Orders by columns, greatest first. */
  orderByDescending(...columns: ColumnName<R>[]): Query<R, Out>;
  /** Leaves out so many records at the front. */
  skip(count: number): Query<R, Out>;
  /** Gives so many records at most; 0 gives none. */
  take(count: number): Query<R, Out>;
  /** Gives only these columns. */
  select<C extends ColumnName<R>>(...columns: C[] | [readonly C[]]): Query<R, Pick<R, C>>;
  /** All records that match. */
  toArray(options?: Waiting): Promise<Out[]>;
  /** The first record that matches, or undefined. */
  first(options?: Waiting): Promise<Out | undefined>;
  /** How many records match, whatever `skip` and `take` are. */
  count(options?: Waiting): Promise<number>;
  /**
   * Calls fn for one record after another, and waits for what it returns. Records are read some hundreds at a time, as
   * `for await` reads them: what is written meanwhile behind the last one read is seen.
   */
  each(fn: (row: Out) => unknown, options?: Waiting): Promise<void>;
  /** Says in words how the query will be answered: which index it uses, and what is left to be looked at. */
  explain(options?: Waiting): Promise<string>;
  /**
   * Calls fn with the rows now, all of them in `change.added`, and again after each commit that changes them, in
   * whichever tab; of a burst of commits once. Rows of a live query always have their id. onError hears of a query that
   * failed; without it the page's own handlers do. Returns the function that stops it. Inside a transaction it throws
   * `transaction`.
   */
  live(fn: (rows: (Out & Identified)[], change: Change<Out & Identified>) => void, onError?: (error: LarderError) => void): () => void;
}

/** A query. Every call gives a new one, so that one can be kept and refined. */
export interface Query<R extends Identified, Out = R> extends Queryable<R, Out> {
  /** The query as plain data. */
  toJSON(): QueryParts;
}

/** A query as plain data. All of `where` and `filter` must hold. */
export interface QueryParts {
  where?: { [column: string]: unknown }[]; filter?: string[]; orderBy?: string[]; skip?: number; take?: number; select?: string[];
}

/** What a commit changed in a live query's rows; removed are the ids of those that are gone. */
export interface Change<Out> { added: Out[]; changed: Out[]; removed: string[] }

/** An open database. */
export interface Database<T extends Schema = Schema> {
  /** The database's name in IndexedDB: that of `open`, or with `#` and the `sub` of who is signed in. */
  readonly name: string;
  /** The outbox: what the server has not confirmed yet. */
  readonly pending: Pending<T>;
  /** Where the database stands, as far as this tab knows. */
  readonly status: Status;
  /** A table of the schema. Throws `not-found` for another name. */
  table<N extends keyof T & string>(name: N): Table<Row<T[N]>>;
  /**
   * Runs fn in one transaction over the tables and returns what it returns: all of it is kept, or, when fn fails,
   * nothing. Inside, await nothing but the transaction's own tables: IndexedDB ends a transaction that has nothing to do.
   * On a full disk an fn that has only deleted, and found no room for it, is undone and called once more.
   */
  transaction<N extends keyof T & string, V>(
    tables: readonly N[], mode: 'readonly', fn: (tx: ReadTransaction<Pick<T, N>>) => V | Promise<V>, options?: { signal?: AbortSignal },
  ): Promise<V>;
  transaction<N extends keyof T & string, V>(
    tables: readonly N[], mode: 'readwrite', fn: (tx: Transaction<Pick<T, N>>) => V | Promise<V>,
    /** atomic: the transaction is one unit on the server too. All of it takes effect there, or nothing. */
    options?: { signal?: AbortSignal; atomic?: boolean },
  ): Promise<V>;
  /** Sends what waits. What the server refused is in the result; what stopped the push before its end is thrown. */
  push(options?: JobOptions): Promise<SyncResult<T>>;
  /**
   * Brings what changed on the server since the last pull, in a table or in several; with a query that has a filter only, in the
   * part of each that meets it. A record that leaves the filters of all pulls of its table goes, unless it has a change that waits.
   */
  pull(
    tables: (keyof T & string) | readonly (keyof T & string)[], options?: JobOptions & { query?: QueryParts | { toJSON(): QueryParts } },
  ): Promise<SyncResult<T>>;
  /** Brings what changed in all that was pulled before: tables, and parts of tables. */
  pullAgain(options?: JobOptions): Promise<SyncResult<T>>;
  /** Pushes, then pulls all tables: those of which only parts were pulled before, these parts. */
  sync(options?: JobOptions): Promise<SyncResult<T>>;
  /**
   * Pulls a table and compares it with the server's by digests of ranges: one request for up to 10,000 records that are alike, and
   * a dozen more to find one among a million that is not. What differs is healed; changes that wait stay. A sync does not need it:
   * it finds what a defect or a disk has done. Without a query it is what was pulled before, the parts or the whole.
   */
  verify(table: keyof T & string, options?: JobOptions & { query?: QueryParts | { toJSON(): QueryParts } }): Promise<Verification<T>>;
  /** The names of the tables that have been pulled before. */
  pulled(): Promise<(keyof T & string)[]>;
  /**
   * Decides conflicts: changes of the same field here and on the server; others merge by themselves. One handler, the
   * first, is asked. What it does not decide waits in {@link pending}, quarantined, as without a handler.
   */
  on(event: 'conflict', handler: (conflict: Conflict<T>) => Resolution<T> | Promise<Resolution<T>>): () => void;
  /** Decides how to go on when the server has another past than it had: it was restored from a backup, or replaced. */
  on(event: 'epoch', handler: (epoch: Epoch<T>) => Course | undefined | void | Promise<Course | undefined | void>): () => void;
  /** Calls handler for an event. Returns the function that unsubscribes. */
  on<E extends Exclude<keyof DatabaseEvents<T>, 'epoch'>>(event: E, handler: (event: DatabaseEvents<T>[E]) => void): () => void;
  /** Asks the server now whether it can be reached; resolves to `status.online`. */
  checkConnection(options?: Waiting): Promise<boolean>;
  /**
   * Asks the browser to keep this origin's data when it needs room, best after a click; resolves with whether it does. A
   * browser that asks the user is waited for until the timeout, 10,000 milliseconds unless told.
   */
  persist(options?: { timeout?: number }): Promise<boolean>;
  /** How many bytes this origin uses and may use, about, and whether they are kept; null where the browser does not say. */
  estimate(options?: { timeout?: number }): Promise<{ usage: number | null; quota: number | null; persisted: boolean }>;
  /**
   * The rows of all tables, or of some, as JSON lines that {@link import} reads. Each part of the stream is of one moment; the
   * whole is if nothing writes meanwhile. The outbox is not part of it: rows show what waits.
   */
  export(options?: {
    tables?: readonly (keyof T & string)[]; signal?: AbortSignal; progress?: (progress: { table: string; done: number }) => void;
  }): ReadableStream<Uint8Array>;
  /**
   * Puts the records of an export and resolves with how many there were. They are checked and go to the server as any other
   * put; those of an older version are migrated. What was imported before a failure stays.
   */
  import(source: ReadableStream<Uint8Array> | Blob | Response | string, options?: {
    signal?: AbortSignal; progress?: (progress: { table: string; done: number }) => void;
  }): Promise<number>;
  /** Closes the database. Running transactions finish first; later calls fail with `closed`. */
  close(): Promise<void>;
}

/** The tables as they are inside a transaction. Of no use after its function. */
export interface Transaction<T extends Schema> { table<N extends keyof T & string>(name: N): Table<Row<T[N]>> }

/** The tables as they are inside a transaction that only reads. */
export interface ReadTransaction<T extends Schema> { table<N extends keyof T & string>(name: N): Reader<Row<T[N]>> }

export interface Status {
  /** Whether the server answered when it was last asked; before that, what the browser says. */
  online: boolean;
  reason: ConnectionReason;
  /** Operations in the outbox, those in quarantine among them. */
  pending: number;
  /** Operations that wait for a person or the app. */
  quarantined: number;
  /** Whether a push or pull runs in this tab. */
  syncing: boolean;
  /** When a sync last ended well, by this device's clock. */
  lastSync: Date | null;
  /** Whose database it is: the `sub` of their tokens. Null while nobody has signed in. */
  principal: string | null;
  /** Whether the data outlives the page: not with `storage: 'memory'`. */
  durable: boolean;
  /** Whether the browser had emptied this database since it was last opened. What was not pushed is gone; a sync brings the rest. */
  evicted: boolean;
}

/**
 * Why the server counts as online or not: 'server' answers with an error, 'portal' is somebody else who answers in its
 * place, 'unknown' is before the first answer, and '' is a database without a server.
 */
export type ConnectionReason = 'ok' | 'server' | 'network' | 'timeout' | 'portal' | 'unknown' | '';

export interface JobOptions extends Waiting {
  /** How long to wait and try again while the server cannot be reached or is busy, in milliseconds: 10,000 unless told. */
  timeout?: number;
  /** Hears how far a pull is, after each page. */
  progress?: (progress: { table: string; done: number; known: number | null }) => void;
}

/** What a push, pull or sync did. */
export interface SyncResult<T extends Schema = Schema> {
  /** Operations that the server applied. */
  pushed: number;
  /** Changes that came from the server. */
  pulled: number;
  /** Requests that were sent. */
  requests: number;
  /** Operations that the server refused, undecided conflicts among them. */
  quarantined: Operation<T>[];
  /** What comparisons with the server came to, if there were any. */
  verified: Verification<T>[];
}

/** What a comparison of a table with the server's came to. */
export interface Verification<T extends Schema = Schema> {
  table: keyof T & string;
  /** Whether a random part was compared only, by `sync.verify`. */
  sampled: boolean;
  /** Records that were compared. */
  rows: number;
  /** The ids of those that were not alike: of other content, missing here, or not on the server. */
  differing: string[];
  /** How many of these are now as the server has them. */
  healed: number;
}

/** The events of a database and what their handlers get. */
export interface DatabaseEvents<T extends Schema = Schema> {
  /** The server can be reached again, or answers in another way. */
  online: { reason: ConnectionReason };
  offline: { reason: ConnectionReason };
  /** A push or pull begins or ends. */
  sync: { phase: 'start' } | ({ phase: 'end'; error?: undefined } & SyncResult<T>) | { phase: 'end'; error: LarderError };
  /** Operations were refused, or a conflict's handler failed for the record `id`. */
  quarantine: { reason: string; operations?: Operation<T>[]; table?: string; id?: string };
  /** Records were compared with the server's, by {@link Database.verify} or by `sync.verify`. */
  digest: Verification<T>;
  /** {@link Database.status} has changed with the outbox, here or in another tab. */
  status: Status;
  /** Another tab keeps an older version open. */
  blocked: { reason: string };
  /**
   * Another tab waits to upgrade or delete the database. What a handler returns is waited for; then this tab finishes what
   * runs and gives way, and calls wait until it can go on. If it cannot, there is another event, with an `error`: reload then.
   */
  versionchange: { reason: string; error?: LarderError };
  /** The browser's storage failed, and trying again did not help; or, with the reason 'evicted', it has emptied this database. */
  storage: { reason: string; error?: LarderError };
  /** The server refused the token, and there was no better one; or the token is another user's: then the database closes, and keeps what waits. */
  auth: { reason: string };
  /** The server has another past than it had, in these tables; {@link Course} says what a handler may return. */
  epoch: Epoch<T>;
  /** A copy of this database syncs too, from a backup or a cloned machine. This one goes on under a new client id; nothing is lost. */
  fork: { reason: string };
}

/**
 * What has become of the server's database: 'restored' from a backup, and so without the latest of its past; 'emptied';
 * or 'replaced' by one that has nothing in common with it.
 */
export interface Epoch<T extends Schema = Schema> { reason: 'restored' | 'emptied' | 'replaced'; tables: (keyof T & string)[] }

/**
 * How to go on with a server that has another past. No local data is deleted for it, and what waits stays, unless the app says so.
 * - 'offer' brings back what the server has lost: records, changes and deletes, also those that other devices wrote. What was
 *   written since is not overwritten: where both sides changed a record there is a conflict.
 * - 'server' takes what the server has: what it has lost is gone here, too.
 * - 'keep' neither pushes nor pulls: the call fails with the code `epoch`, and the next one asks again.
 *
 * Undecided, a restored server is offered what it has lost; with others it is 'keep'.
 */
export type Course = 'offer' | 'server' | 'keep';

/** A conflict. A side that is deleted, or was never there, is null. */
export type Conflict<T extends Schema = Schema> = {
  [N in keyof T & string]: {
    table: N;
    id: string;
    /** The record as the app left it. */
    local: Row<T[N]> | null;
    /** The record as the server has it now. */
    server: Row<T[N]> | null;
    /** The record from which both sides began. */
    base: Row<T[N]> | null;
  }
}[keyof T & string];

/**
 * What becomes of a conflict: the local record, the server's, or a third one with the same id; 'cancel' drops the
 * operation and leaves the local record until the next pull; 'discard' drops the local change; nothing decides later.
 */
export type Resolution<T extends Schema = Schema> =
  | 'local' | 'server' | 'cancel' | 'discard' | { [N in keyof T]: Changes<Row<T[N]>> }[keyof T] | undefined | void;

/** The outbox as the app sees it. */
export interface Pending<T extends Schema = Schema> {
  /** The operations, oldest first. */
  toArray(options?: Waiting): Promise<Operation<T>[]>;
  count(options?: Waiting): Promise<number>;
  /** Calls fn with the operations now and after each change. Returns the function that stops it. */
  live(fn: (operations: Operation<T>[], change: Change<Operation<T>>) => void, onError?: (error: LarderError) => void): () => void;
  /** Puts an operation from quarantine back into the queue. */
  retry(id: string, options?: Waiting): Promise<void>;
  /** Drops an operation and undoes its change: the record goes back to the server's, or away if it was inserted here. */
  discard(id: string, options?: Waiting): Promise<void>;
  /** Replaces the record of an operation, which then waits to be pushed anew. */
  edit(id: string, record: { [N in keyof T]: Draft<Row<T[N]>> }[keyof T], options?: Waiting): Promise<void>;
}

/** A change of one record that the server has not confirmed yet. */
export type Operation<T extends Schema = Schema> = {
  [N in keyof T & string]: {
    id: string;
    /** Its place in the outbox, ascending. */
    seq: number;
    table: N;
    recordId: string;
    action: 'insert' | 'update' | 'delete';
    /** 'sending' was sent and has no verdict yet; 'quarantined' was refused and waits for a person or the app. */
    state: 'waiting' | 'sending' | 'quarantined';
    /** Why it is quarantined: 'conflict', another {@link ErrorCode}, or the server's text; else ''. */
    reason: string;
    /** How often it was sent. */
    attempts: number;
    /** The record as the app left it; null for a delete. */
    record: Row<T[N]> | null;
    /** The server's record that the change was made on; null for an insert. */
    base: Row<T[N]> | null;
    /** The server's newer record, where a conflict or a pull has brought it; only its id and `deleted` if it is gone. */
    server: Row<T[N]> | null;
    principal: string;
    /** The version that it brings back to a server which has lost it; with "+" where there are changes since. */
    lost?: string;
    /** The schema version it was written under. */
    schema: number;
    createdAt: Date;
  }
}[keyof T & string];

/** What kind of failure an error is. Stable: branch on it. */
export type ErrorCode =
  | 'invalid' | 'query' | 'exists' | 'not-found' | 'constraint' | 'conflict'
  | 'transaction' | 'aborted' | 'blocked' | 'version' | 'migration' | 'quota' | 'storage' | 'closed' | 'engine'
  | 'network' | 'auth' | 'server' | 'epoch' | 'fork' | 'expired' | 'limit';

/** Every failure. Its message names the thing and the way out; what caused it, a DOMException for one, is its `cause`. */
export class LarderError extends Error {
  constructor(code: ErrorCode, message: string, cause?: unknown);
  readonly code: ErrorCode;
}

/** A value, id, column or argument that cannot be stored. */
export class InvalidError extends LarderError { readonly code: 'invalid' }
/** A query that cannot be read, or names what is not there. */
export class QueryError extends LarderError { readonly code: 'query' }
/** An insert of an id that is taken. */
export class ExistsError extends LarderError { readonly code: 'exists' }
/** An update or lookup of a record, table or operation that is not there. */
export class NotFoundError extends LarderError { readonly code: 'not-found' }
/** A unique index refused the value. */
export class ConstraintError extends LarderError { readonly code: 'constraint' }
/** The other side changed the record meanwhile. */
export class ConflictError extends LarderError { readonly code: 'conflict' }
/** Used outside its transaction, or waited inside it on something else. */
export class TransactionError extends LarderError { readonly code: 'transaction' }
/** The caller's signal or function ended it. */
export class AbortedError extends LarderError { readonly code: 'aborted' }
/** Another tab keeps an older version open. */
export class BlockedError extends LarderError { readonly code: 'blocked' }
/** The stored database is newer than this code. */
export class VersionError extends LarderError { readonly code: 'version' }
/** A migration failed; the older version is intact. */
export class MigrationError extends LarderError { readonly code: 'migration' }
/** The disk, or the origin's share of it, is full. */
export class QuotaError extends LarderError { readonly code: 'quota' }
/** The browser's storage failed in another way. */
export class StorageError extends LarderError { readonly code: 'storage' }
/** The database was closed. */
export class ClosedError extends LarderError { readonly code: 'closed' }
/** No answer from the server: offline, refused, cut off. */
export class NetworkError extends LarderError { readonly code: 'network' }
/** Not signed in, expired, or not allowed. */
export class AuthError extends LarderError { readonly code: 'auth' }
/** The server answered, and the answer is an error or cannot be understood. */
export class ServerError extends LarderError { readonly code: 'server' }
/** The server does not know the past that this database refers to: it was restored or replaced. */
export class EpochError extends LarderError { readonly code: 'epoch' }
/** Another copy of this database has used the operation's number, as a cloned profile does. */
export class ForkError extends LarderError { readonly code: 'fork' }
/** The server cannot continue from where the last pull ended: all is pulled again. */
export class ExpiredError extends LarderError { readonly code: 'expired' }
/** A limit of the server: size, depth, rate. */
export class LimitError extends LarderError { readonly code: 'limit' }
/** The engine itself could not start, or has stopped. */
export class EngineError extends LarderError { readonly code: 'engine' }

/** A column of a record. */
export type ColumnName<R> = keyof R & string;
/** A column to order by, and the direction: ascending unless told. */
export type OrderKey<R> = ColumnName<R> | `${ColumnName<R>} ${'asc' | 'desc'}`;
/** What columns shall equal or satisfy: see {@link Queryable.where}. */
export type Where<R> = {
  [C in keyof R]?: Comparable<R[C]> | readonly (Comparable<R[C]> | null)[] | null | Condition<NonNullable<R[C]>>
};
/**
 * What a column's value must be, by OData's names; all that are given must hold. `eq` and `ne` compare, null with null too; `gt`, `ge`, `lt`
 * and `le` order, and nothing holds for null; `in` is one of several; `startswith`, `endswith` and `contains` look at text, upper and lower
 * case apart; `any` at the elements of an array in a json column.
 */
export type Condition<V> =
  & Comparison<Comparable<V>>
  & (V extends string ? TextCondition : unknown)
  & (NonNullable<JSONValue> extends V ? { any?: ElementCondition } : unknown);
/** What a column's value can be compared with: of a json column no arrays and objects. */
export type Comparable<V> = NonNullable<JSONValue> extends V ? Scalar | Date : Input<V>;
interface Comparison<V> { eq?: V | null; ne?: V | null; gt?: V | null; ge?: V | null; lt?: V | null; le?: V | null; in?: readonly (V | null)[] }
interface TextCondition { startswith?: string; endswith?: string; contains?: string }
/** What one element of an array must be at least: a value, one of several, or what meets conditions. An element that is an array or object meets none. */
export type ElementCondition = Scalar | readonly Scalar[] | (Comparison<NonNullable<Scalar>> & TextCondition);
type Scalar = string | number | boolean | null;
/** What may be given for a column's value. */
export type Input<V> = V extends Date ? Date | string : V;

/** A schema whose indexes name columns that are there, as far as the compiler can know their names. */
export type WithKnownIndexes<T extends Schema> = {
  readonly [N in keyof T]: T[N] extends { readonly dynamic: true } ? TableSchema : string extends Element<T[N]['indexes']> ? TableSchema
    : { readonly indexes?: readonly IndexSchema<(keyof T[N]['columns'] | keyof Identified | keyof SystemColumns) & string>[] }
};
type Element<List> = List extends readonly (infer Item)[] ? Item : never;
type ColumnValue<C> = C extends ColumnType ? ColumnValues[C] : never;
type Flat<T> = { [K in keyof T]: T[K] } & {}; // an intersection written out, as editors show it
export {};
