// larderIDB runs batches of IndexedDB requests in one go, so that a caller in WebAssembly crosses into JavaScript once per
// batch and not once per row, and so that a page can read its first rows before any WebAssembly has started.
// A classic script for windows, workers and service workers. It sets one global: larderIDB.
'use strict';
(() => {
  const SLICE = 256;     // rows put per task, so that no task holds the thread for long
  const SHARED = 1000;   // programs that may share one read transaction, so that a chain of reads cannot starve a writer
  const TICKS = 8;       // promise jobs within which a caller is expected to ask for more

  // Firefox, which alone has InternalError, keeps a transaction after commit() although one of its requests fails.
  const HASTY = 'InternalError' in globalThis;

  // Keys and rows. IndexedDB has no null or boolean keys: they are told apart from absence by these numbers.
  const key = (k) => (k === null ? -Infinity : k === true ? 1 : k === false ? 0 : Array.isArray(k) ? k.map(key) : k);
  const indexed = (v) => (v === undefined || v === null ? -Infinity : typeof v === 'boolean' ? Number(v) : v);
  const isKey = (v) => typeof v === 'number' || typeof v === 'string';

  const set = (o, name, value) => (name === '__proto__' ? Object.defineProperty(o, name, { value, enumerable: true }) : (o[name] = value));
  // A column marked by $ is for a unique index, which has no nulls; one marked by * for an index of an array's elements.
  const marked = (row, columns) => {
    if (!columns) return row;
    delete row.$;
    const keys = {};
    for (const column of columns) {
      const mark = column[0], name = mark === '$' || mark === '*' ? column.slice(1) : column;
      const value = name in Object.prototype && !Object.hasOwn(row, name) ? undefined : row[name];
      if (mark === '*') {
        if (Array.isArray(value)) set(keys, name, value.filter((v) => v !== null).map(indexed).filter(isKey));
      } else if (mark !== '$' || (value !== null && value !== undefined)) {
        const k = indexed(value);
        if (isKey(k)) set(keys, column, k);
      }
    }
    row.$ = keys;   // the last property, which makes it cheap to take off again
    return row;
  };
  const plain = (row) => {
    if (row && row.$ !== undefined) delete row.$;
    return row;
  };

  // What a value has at a key path.
  const at = (value, path) =>
    (Array.isArray(path) ? path.map((one) => at(value, one)) : path?.split('.').reduce((v, name) => (name ? v?.[name] : v), value));
  // A key as text, for a failure to name. What cannot be told is undefined.
  const told = (k) => {
    try { return k instanceof IDBKeyRange ? undefined : JSON.stringify(k); } catch { return undefined; }
  };

  // The range as IndexedDB wants it: undefined for everything, null where no key can be inside (which IndexedDB calls an error).
  const range = (r) => {
    const low = r?.lower !== undefined, high = r?.upper !== undefined;
    if (!low && !high) return undefined;
    const lower = key(r.lower), upper = key(r.upper), lowerOpen = !!r.lowerOpen, upperOpen = !!r.upperOpen;
    if (!high) return IDBKeyRange.lowerBound(lower, lowerOpen);
    if (!low) return IDBKeyRange.upperBound(upper, upperOpen);
    const order = indexedDB.cmp(lower, upper);
    if (order > 0 || (order === 0 && (lowerOpen || upperOpen))) return null;
    return IDBKeyRange.bound(lower, upper, lowerOpen, upperOpen);
  };

  // Resolves when all the requests have settled. Those of one transaction settle in the order they were made, so only the
  // last one says when. A failure is kept from aborting the transaction, unless it is to commit: else who ran the program decides.
  // Items are what the requests are of, for the failure to name.
  const all = (requests, items) => new Promise((resolve, reject) => {
    const last = requests[requests.length - 1];
    let failed = null;
    const end = () => (failed ? reject(failed) : resolve(requests));
    const fail = (event) => {
      if (!held.get(event.target.transaction)?.over) event.preventDefault();
      event.stopPropagation();
      failed ??= Object.assign(event.target.error, { of: items?.[requests.indexOf(event.target)] });
      if (event.target === last) end();
    };
    for (const request of requests) request.onerror = fail;
    if (last) last.onsuccess = end;
    else end();
  });
  const one = async (request) => (await all([request]))[0].result;

  // Rows or primary keys of a store or index, in order. A count above 2^32-1 is no limit.
  const list = async (source, method, { range: wanted, direction, skip = 0, take = Infinity }) => {
    const query = range(wanted);
    if (query === null || take <= 0) return [];
    const end = skip + take, count = end < 2 ** 32 ? end : undefined;
    if (direction !== 'prev') return (await one(source[method](query, count))).slice(skip);
    if ('getAllRecords' in source) return (await one(source[method]({ query, count, direction }))).slice(skip);
    if (count === undefined) return (await one(source[method](query))).reverse().slice(skip);
    const [open, place] = method === 'getAll' ? ['openCursor', 2] : ['openKeyCursor', 1];   // an engine whose getAll cannot go back
    const found = await visit(source[open](query, direction), direction, undefined, undefined, skip, take);
    return found.filter((_, i) => i % 3 === place);
  };

  // The operations of a program: each makes its first requests, and throws, before it returns.
  const nothing = () => null;
  const write = (store, { op, values, encode }) => {
    const slice = (from) => {
      const rows = values.slice(from, from + SLICE);
      return all(rows.map((row) => store[op](marked(row, encode))), rows).catch((error) => {
        error.of = at(error.of, store.keyPath);
        throw error;
      });
    };
    const rest = async (before) => {
      try {
        for (let from = SLICE; from < values.length; from += SLICE) {
          const now = slice(from);
          now.catch(nothing);
          await before;   // two slices are under way at a time, so that the database never waits for this thread
          before = now;
        }
      } finally {
        await before;
      }
      return null;
    };
    return rest(slice(0));
  };
  const operations = {
    put: write,
    add: write,
    get: (store, { keys }) =>
      all(keys.map((k) => store.get(key(k))), keys).then((rows) => rows.map(({ result }) => plain(result) ?? null)),
    lookup: async (index, { keys }) =>
      (await all(keys.map((k) => index.getAll(key(k))))).map(({ result }) => result.map(plain)),
    getAll: async (source, step) => {
      if (!(step.skip > 0 && step.take < Infinity)) return (await list(source, 'getAll', step)).map(plain);
      const store = source.objectStore ?? source;   // rows that are skipped are not worth reading: their keys tell which to read
      const rows = await all((await list(source, 'getAllKeys', step)).map((k) => store.get(k)));
      return rows.map(({ result }) => plain(result));
    },
    getAllKeys: (source, step) => list(source, 'getAllKeys', step),
    count: async (source, { range: wanted, skip = 0, take = Infinity }) => {
      const query = range(wanted);
      const found = query === null ? 0 : await one(source.count(query));
      return Math.max(0, Math.min(found - skip, take));
    },
    delete: (store, { keys, range: wanted }) => {
      const query = keys ? null : range(wanted);
      if (!keys && query === undefined) throw new DOMException('delete needs keys or a range; to empty a store use clear', 'DataError');
      return all(keys ? keys.map((k) => store.delete(key(k))) : query ? [store.delete(query)] : []).then(nothing);
    },
    clear: (store) => one(store.clear()).then(nothing),
  };
  // Whether a step makes all its requests before it returns; and if so, whether only a request can fail it after that.
  const whole = ({ values, skip, direction, scans }) => !(values?.length > SLICE || skip > 0 || direction === 'prev' || scans);
  const immediate = (step) => whole(step) && ['put', 'add', 'get', 'delete', 'clear'].includes(step.op);

  // Write transactions that Go holds. One whose holder asks for nothing more would be committed by the browser, half done.
  // Instead it is aborted: `waiting` counts what is asked for, `over` says that commit or abort was asked for.
  const held = new WeakMap();
  const hold = (tx, done, io) => {
    readers.delete(tx.db);   // later reads begin after it
    held.set(tx, { waiting: 0, over: false, expired: false });
    const state = held.get(tx);
    tx.oncomplete = () => (state.results ? done(null, fill(io, JSON.stringify(state.results))) : done(state.failed ?? null));
    tx.onabort = () => done(state.failed ?? failure(tx, tx.error ?? new DOMException('the transaction was aborted', 'AbortError')));
  };
  const waiting = (tx, change) => {
    const state = held.get(tx);
    if (state) state.waiting += change;
  };
  const idle = (state) => state && !state.over && state.waiting === 0;

  // Called when an answer has been delivered: the holder gets the promise jobs of this task and of one more request to ask on.
  const rest = async (tx) => {
    const state = held.get(tx);
    for (let tick = 0; tick < TICKS; tick++) {
      if (!idle(state)) return;
      await null;
    }
    const expire = () => {
      if (!idle(state)) return;
      state.expired = state.over = true;
      tx.abort();
    };
    try {
      const request = touch(tx);
      if (request) request.onsuccess = expire;
      else expire();
    } catch {
      state.over = true;   // it has ended by itself meanwhile, and its abort or complete event tells how
    }
  };

  // Makes a request that changes nothing, if there is a store. It throws when the transaction is not active.
  const touch = (tx) => tx.objectStoreNames.length > 0 && tx.objectStore(tx.objectStoreNames[0]).getKey('');

  // Why something failed: what was aborted with its transaction tells less than the transaction does.
  const failure = (tx, error) => {
    if (error.name !== 'AbortError') return error;
    if (tx?.error) return tx.error;
    return held.get(tx)?.expired ? new DOMException('the transaction has been aborted because it was left waiting', 'TransactionInactiveError') : error;
  };

  const sourceOf = (tx, { store, index }) => {
    try {
      const source = tx.objectStore(store);
      return index === undefined ? source : source.index(index);
    } catch (error) {
      throw error.name === 'InvalidStateError' ? new DOMException('the transaction is over', 'TransactionInactiveError') : error;
    }
  };
  const blamed = (tx, { op, store }, error) => {
    const { name, message, of } = failure(tx, error);
    return { name, message, op: String(op), store: String(store), key: told(of) };
  };
  // Makes a step's requests, and resolves with its result.
  const perform = (tx, step) => {
    try {
      const operation = Object.hasOwn(operations, step.op) ? operations[step.op] : null;
      if (!operation) throw new DOMException('there is no such operation', 'DataError');
      return operation(sourceOf(tx, step), step).catch((error) => { throw blamed(tx, step, error); });
    } catch (error) {
      throw blamed(tx, step, error);
    }
  };
  // Runs a program: resolves with the results, or rejects with the first failure in the program's order, when all its
  // requests have settled. If it is the transaction's last, it commits it.
  const execute = async (tx, program, last = false) => {
    const parts = [];
    try {
      for (const step of program) {
        const part = perform(tx, step);
        part.catch(nothing);
        parts.push(part);
        if (!whole(step)) await part;   // its later requests come before the next step's
      }
      if (last && program.every(immediate)) go.commit(tx);   // before the answers are there: they can only be success or abort
    } catch (error) {
      parts.push(Promise.reject(error));
    }
    await Promise.allSettled(parts);
    const results = await Promise.all(parts);
    if (last && !held.get(tx).over) go.commit(tx);
    return results;
  };

  // Reads share a transaction as long as it lives, which halves the cost of a chain of awaited reads. A write that begins
  // ends the sharing, or a later read would not see it.
  const readers = new WeakMap();
  const query = async (db, program) => {
    const stores = [...new Set(program.map((step) => step.store))].sort(), name = stores.join('\0');
    let live = readers.get(db)?.get(name);
    if (live && live.left-- > 0) {
      try {
        return await execute(live.tx, program);
      } catch (error) {
        if (error.name !== 'TransactionInactiveError') throw error;
      }
    }
    if (!readers.has(db)) readers.set(db, new Map());
    const shared = readers.get(db);
    live = { tx: db.transaction(stores, 'readonly'), left: SHARED };
    live.tx.oncomplete = () => { if (shared.get(name) === live) shared.delete(name); };
    shared.set(name, live);
    return execute(live.tx, program);
  };

  // Reads up to count rows by a new cursor, as [key, primaryKey, value, key, …]. If a key is given, the first is the one
  // that lies `steps` rows after it, else after the first there is; a primary key tells apart the rows that have that key in an
  // index.
  const visit = (request, direction, key, primary, steps, count) => new Promise((resolve, reject) => {
    const found = [], sign = direction.startsWith('prev') ? -1 : 1;
    const order = (cursor) => sign * (indexedDB.cmp(cursor.key, key) || (primary === undefined ? 0 : indexedDB.cmp(cursor.primaryKey, primary)));
    let seeking = key !== undefined || steps > 0;
    const step = (cursor) => {
      if (seeking) {
        const where = key === undefined ? 0 : order(cursor);
        if (where < 0) return primary === undefined ? cursor.continue(key) : cursor.continuePrimaryKey(key, primary);
        seeking = false;
        if (where > 0) steps--;   // what it goes on from is not there any more, so this is the first row after it
        if (steps > 0) return cursor.advance(steps);
      }
      return found.push(cursor.key, cursor.primaryKey, cursor.value) < 3 * count ? cursor.continue() : resolve(found);
    };
    request.onerror = (event) => { event.preventDefault(); event.stopPropagation(); reject(request.error); };
    request.onsuccess = () => {
      try {
        if (request.result) step(request.result);
        else resolve(found);
      } catch (error) {
        reject(error);
      }
    };
  });

  // Makes the requests that read the same rows of a store without a cursor, which costs half: keys, and values if they are
  // wanted. Null where there can be no rows, undefined where it takes a cursor.
  const atOnce = (source, query, direction, keysOnly, key, steps, count) => {
    const back = direction.startsWith('prev');
    if (source instanceof IDBIndex || steps > 1 || (back && !('getAllRecords' in source))) return undefined;
    if (key !== undefined) {
      const near = query instanceof IDBKeyRange ? query : { lower: query, upper: query }, open = steps === 1;
      query = range(back ? { lower: near.lower, lowerOpen: near.lowerOpen, upper: key, upperOpen: open }
        : { lower: key, lowerOpen: open, upper: near.upper, upperOpen: near.upperOpen });
      if (query === null) return null;
    }
    const args = back ? [{ query, count, direction }] : [query, count];
    return [source.getAllKeys(...args), ...(keysOnly ? [] : [source.getAll(...args)])];
  };

  // What follows is for the Go package wasm/idb. Its driver, go-indexeddb, keeps requests and transactions to itself, so it is
  // given stand-ins that note the latest request, for Go to wait on in its own way.
  let latest = null, staged = null;
  const types = globalThis.IDBRequest ? [IDBRequest, IDBTransaction, IDBObjectStore, IDBIndex] : [];
  const shown = (value) => (types.some((type) => value instanceof type) ? noted(value) : value);
  const noted = (target) => new Proxy(target, {
    get(_, name) {
      if (name === 'raw') return target;
      const member = target[name];
      if (typeof member !== 'function') return shown(member);
      return (...args) => {
        const made = member.apply(target, args);
        if (made instanceof IDBRequest) latest = made;
        return shown(made);
      };
    },
  });

  // Programs and results cross as UTF-8 in two buffers, which each Go program has for itself and are kept: {input, output}.
  const encoder = new TextEncoder(), decoder = new TextDecoder();
  const received = ({ input }, size) => JSON.parse(decoder.decode(input.subarray(0, size)));
  const fill = (io, text) => {
    let { read, written } = encoder.encodeInto(text, io.output);
    if (read < text.length) {
      io.output = new Uint8Array(text.length * 3);
      ({ written } = encoder.encodeInto(text, io.output));
    }
    return written;
  };

  // Notes that a holder ends its transaction. That of a read transaction is told of no other end than the browser's own.
  const ending = (tx) => {
    if (tx.mode === 'readonly') tx.oncomplete = tx.onabort = null;
    const state = held.get(tx);
    if (state) state.over = true;
    return state;
  };

  const go = {
    factory: globalThis.indexedDB && noted(indexedDB),
    // A factory whose one database answers every transaction() with the staged one.
    transactions: {
      open: () => Object.create(IDBRequest.prototype, {
        result: { value: { transaction: () => staged } },
        addEventListener: { value() {} },
        removeEventListener: { value() {} },
      }),
    },
    stage: (tx) => (staged = noted(tx)),
    buffers: () => ({ input: new Uint8Array(1 << 14), output: new Uint8Array(1 << 14) }),
    input: (io, size) => (io.input.length < size ? (io.input = new Uint8Array(2 * size)) : io.input),
    output: (io) => io.output,

    // Tells notify about the latest request, which opens or deletes a database, and about the connection that comes of it.
    watch: (notify) => {
      const request = latest;
      let tx = null;
      request.onblocked = ({ oldVersion, newVersion }) => notify('blocked', oldVersion, newVersion ?? 0);
      request.onupgradeneeded = ({ oldVersion, newVersion }) => {
        tx = request.transaction;
        notify('upgrade', oldVersion, newVersion, tx);
        rest(tx);
      };
      request.onerror = (event) => { event.preventDefault(); notify('error', failure(tx, request.error)); };
      request.onsuccess = () => {
        const db = request.result;
        if (db) db.onversionchange = ({ oldVersion, newVersion }) => notify('versionchange', oldVersion, newVersion ?? 0);
        if (db) db.onclose = () => notify('close');
        notify('success', db);
      };
    },
    forget: (db) => { db.onversionchange = db.onclose = null; },

    begin: (db, stores, mode, durability, done, io) => {
      const tx = db.transaction(stores, mode, { durability });
      if (mode === 'readonly') tx.oncomplete = tx.onabort = () => done(null);
      else hold(tx, done, io);
      return tx;
    },
    hold,
    commit: (tx) => {
      const state = ending(tx);
      try {
        // An upgrade is left to commit by itself: Chromium never ends one that was asked to. So is a writer where a request
        // that still fails must undo it.
        if (tx.mode === 'versionchange' || !tx.commit || (HASTY && tx.mode === 'readwrite')) touch(tx);
        else tx.commit();
      } catch (error) {
        if (go.abort(tx) && state) state.expired = true;   // it was not active, so its holder has waited for something else
        throw error;
      }
    },
    // Returns whether it was not too late.
    abort: (tx) => {
      ending(tx);
      try {
        tx.abort();
        return true;
      } catch {
        return false;
      }
    },

    // Calls done(error) or done(null, result) once, when the latest request settles.
    settle: (done) => {
      const request = latest, tx = request.transaction;
      waiting(tx, 1);
      const deliver = (...answer) => { waiting(tx, -1); done(...answer); rest(tx); };
      request.onsuccess = () => deliver(null, request.result);
      request.onerror = (event) => {
        event.preventDefault();
        event.stopPropagation();
        deliver(failure(tx, request.error));
      };
    },
    // Calls done(error) or done(null, rows) once, never before it returns: see visit.
    page: async (stand, query, direction, keysOnly, key, primary, steps, count, done) => {
      const source = stand.raw, { transaction: tx } = source.objectStore ?? source;
      let answer;
      waiting(tx, 1);
      try {
        const requests = atOnce(source, query, direction, keysOnly, key, steps, count);
        if (requests === undefined) {
          const request = source[keysOnly ? 'openKeyCursor' : 'openCursor'](query, direction);
          answer = [null, await visit(request, direction, key, primary, steps, count)];
        } else {
          const [keys, values] = requests ? await all(requests) : [{ result: [] }];
          answer = [null, keys.result.flatMap((k, i) => [k, k, values?.result[i]])];
        }
      } catch (error) {
        await null;
        answer = [failure(tx, error)];
      }
      waiting(tx, -1);
      done(...answer);
      rest(tx);
    },
    // Puts a row in place of the one with that primary key, as a cursor's update does.
    update: (store, value, primary) => {
      const path = store.keyPath;
      if (path === null) return store.put(value, primary);
      if (indexedDB.cmp(at(value, path), primary) !== 0) {
        throw new DOMException('a row must keep its key', 'DataError');
      }
      return store.put(value);
    },
    // The text of the key that a request is of: one that was given, or that of a value.
    keyOf: (source, given, value) => told(given ?? at(value, source.keyPath)),
    // Runs a program, that many bytes of the input, as a transaction's last, and commits it: its callback tells the end.
    finish: async (tx, size, io) => {
      const state = held.get(tx);
      state.waiting++;
      try {
        state.results = await execute(tx, received(io, size), true);
      } catch (error) {
        state.failed = error;
        go.abort(tx);
      }
    },
    // Runs the program in the first `size` bytes of the input, in a transaction or in a shared read transaction of a database.
    // Calls done(error) or done(null, size of the output) once, never before it returns. Steps that are given themselves
    // instead of the size are answered by their results themselves.
    run: async (target, size, done, io) => {
      waiting(target, 1);
      let answer;
      try {
        const bytes = typeof size === 'number', program = bytes ? received(io, size) : size;
        const results = await (target instanceof IDBDatabase ? query(target, program) : execute(target, program));
        answer = [null, bytes ? fill(io, JSON.stringify(results)) : results];
      } catch (error) {
        await null;
        answer = [error];
      }
      waiting(target, -1);
      done(...answer);
      rest(target);
    },
  };

  globalThis.larderIDB = Object.freeze({
    // Runs a program, JSON text or steps, in a transaction; resolves with the results, one per step.
    run: async (tx, program) => {
      waiting(tx, 1);
      try {
        return await execute(tx, typeof program === 'string' ? JSON.parse(program) : program);
      } finally {
        waiting(tx, -1);
        rest(tx);
      }
    },
    // For who makes the requests of a write itself, all at once: begins it, and gives a row the keys that indexes have.
    begin: (db, stores) => (readers.delete(db), db.transaction(stores, 'readwrite')), marked,
    read: async (db, step) => (await query(db, [step]))[0],   // runs one step; resolves with its result
    // Adds operations to those of programs, or puts some in place of theirs. They are made of what make is given.
    extend: (make) => Object.assign(operations, make({ operations: { ...operations }, range, list, visit, key, plain })),
    go: Object.freeze(go),
  });
})();
