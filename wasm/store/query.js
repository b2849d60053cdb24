// Runs the queries of programs: see Plan.AppendJSON in package store, which says what a step has, and package table, whose
// language the filters are in. A classic script, to be loaded after idb.js.
'use strict';
larderIDB.extend(({ operations, range: rangeOf, list, visit, key, plain }) => {
  const FEW = 64, MANY = 500;   // rows read at once while most may be in vain, and at most, so that no task holds the thread for long
  const ALIKE = 4000;           // the same of rows with one key, which a cursor must go on with
  const WHOLE = 5000;           // the same where all are wanted: half of what a task may take
  const SPARE = 10;             // rows with the key of the row to begin after that may come before it
  const WIDE = 32;              // ranges read at once

  // Filters are compiled to functions of a row, and of an array's element inside an any. Null is what is not known.

  const unknown = (v) => v === null || v === undefined;
  const comparable = (a, b) => typeof a === typeof b && typeof a !== 'object';

  // A date as ParseDate of package table reads it, or null.
  const DATE = /^(\d{4})-(\d\d)-(\d\d)(?:[Tt ](\d\d):(\d\d)(?::(\d\d)(?:\.(\d+))?)?(?:[Zz]|([+-])(\d\d):?(\d\d)))?$/;
  const date = (text) => {
    const m = typeof text === 'string' && DATE.exec(text);
    if (!m) return null;
    const [year, month, day, hour, minute, second] = m.slice(1, 7).map((n) => Number(n ?? 0));
    const d = new Date(0);
    d.setUTCFullYear(year, month - 1, day);
    const east = (m[8] === '-' ? -1 : 1) * (Number(m[9] ?? 0) * 60 + Number(m[10] ?? 0));
    if (d.getUTCMonth() !== month - 1 || d.getUTCDate() !== day || hour > 23 || minute > 59 || second > 59 || m[9] > 23 || m[10] > 59) return null;
    d.setUTCHours(hour, minute - east, second, Number((m[7] ?? '').slice(0, 3).padEnd(3, '0')));
    return d.getUTCFullYear() >= 0 && d.getUTCFullYear() <= 9999 ? d : null;
  };
  const canonical = (v) => date(v)?.toISOString() ?? null;

  // Case is that of single characters, one for one, as Go has it, with Unicode 15: the young are left as they are, and those
  // special that JavaScript maps to more than one.
  const YOUNG = /[\u019b\u0264\u1c89\u1c8a\ua7cb-\ua7cf\ua7d2-\ua7d5\ua7da-\ua7dc\u{10d50}-\u{10d85}\u{16ea0}-\u{16ed3}]/u;
  const SPECIAL = { toLowerCase: { '\u0130': 'i' }, toUpperCase: { '\u1fb3': '\u1fbc', '\u1fc3': '\u1fcc', '\u1ff3': '\u1ffc' } };
  for (const from of [0x1f80, 0x1f90, 0x1fa0]) {
    for (let c = from; c < from + 8; c++) SPECIAL.toUpperCase[String.fromCharCode(c)] = String.fromCharCode(c + 8);
  }
  const cased = (method) => (s) => (/^[\0-\x7f]*$/.test(s) ? s[method]() : Array.from(s, (c) => {
    const to = SPECIAL[method][c] ?? (YOUNG.test(c) ? c : c[method]());
    return to.length === 1 || to.length === c.length ? to : c;
  }).join(''));
  const points = (s) => {
    let n = 0;
    for (const _ of s) n++;
    return n;
  };
  const round = (f) => (Math.abs(f - Math.trunc(f)) < 0.5 ? Math.trunc(f) : Math.trunc(f) + Math.sign(f));
  const part = (method, more = 0) => ['string', (s) => {
    const d = date(s);
    return d && d[method]() + more;
  }];
  const text = (f) => ['string', f], number = (f) => ['number', (n) => f(n) + 0];
  const functions = {
    substringof: text((a, b) => b.includes(a)),
    startswith: text((a, b) => a.startsWith(b)),
    endswith: text((a, b) => a.endsWith(b)),
    concat: text((a, b) => a + b),
    indexof: text((a, b) => (a.includes(b) ? points(a.slice(0, a.indexOf(b))) : -1)),
    replace: text((a, b, c) => (b === '' ? a : a.replaceAll(b, () => c))),
    tolower: text(cased('toLowerCase')),
    toupper: text(cased('toUpperCase')),
    trim: text((s) => s.replace(/^ +| +$/g, '')),
    length: text(points),
    floor: number(Math.floor),
    ceiling: number(Math.ceil),
    round: number(round),
    year: part('getUTCFullYear'),
    month: part('getUTCMonth', 1),
    day: part('getUTCDate'),
    hour: part('getUTCHours'),
    minute: part('getUTCMinutes'),
    second: part('getUTCSeconds'),
    fractionalseconds: ['string', (s) => date(s) && date(s).getUTCMilliseconds() / 1000],
    date: ['string', (s) => canonical(s) && `${canonical(s).slice(0, 10)}T00:00:00.000Z`],
  };
  const isDate = ([name, v]) => name === 'date' && typeof v === 'string';   // the literal, not the function
  const comparisons = {
    eq: (a, b) => a === b, ne: (a, b) => a !== b, gt: (a, b) => a > b, ge: (a, b) => a >= b, lt: (a, b) => a < b, le: (a, b) => a <= b,
  };
  const calculations = {
    add: (a, b) => a + b,
    sub: (a, b) => a - b,
    mul: (a, b) => a * b,
    div: (a, b) => (Number.isInteger(a) && Number.isInteger(b) ? Math.trunc(a / b) : a / b),
    mod: (a, b) => (Number.isSafeInteger(a) && Number.isSafeInteger(b) ? a % b : a - b * Math.trunc(a / b)),
  };

  const compareTo = (name, left, right) => {
    const a = compile(left), b = compile(right), compare = comparisons[name];
    if (right[0] === 'value' && right[1] === null) {
      if (name === 'eq') return (row, element) => unknown(a(row, element));
      if (name === 'ne') return (row, element) => !unknown(a(row, element));
      return () => null;
    }
    const asDates = [!isDate(left) && isDate(right), isDate(left)];
    return (row, element) => {
      let x = a(row, element), y = b(row, element);
      if (asDates[0]) x = canonical(x);
      if (asDates[1]) y = canonical(y);
      return comparable(x, y) ? compare(x, y) : null;
    };
  };
  const logic = (decides, parts) => {
    const all = parts.map(compile);
    return (row, element) => {
      let result = !decides;
      for (const f of all) {
        const v = f(row, element);
        if (v === decides) return decides;
        if (typeof v !== 'boolean') result = null;
      }
      return result;
    };
  };
  const among = (left, list) => {
    const f = compile(left), moment = isDate(left), items = list.map((item) => [compile(item), isDate(item)]);
    return (row, element) => {
      const value = f(row, element);
      let result = false;
      for (const [item, literal] of items) {
        const x = literal && !moment ? canonical(value) : value;
        const y = moment ? canonical(item(row, element)) : item(row, element);
        if (!comparable(x, y)) result = null;
        else if (x === y) return true;
      }
      return result;
    };
  };
  const any = (column, inside) => {
    const f = inside ? compile(inside) : () => true;
    const array = columnOf(column);
    return (row) => {
      const list = array(row);
      return Array.isArray(list) && list.some((element) => f(row, element ?? null) === true);
    };
  };
  const columnOf = (name) => (name in Object.prototype
    ? (row) => (Object.hasOwn(row, name) ? row[name] ?? null : null)
    : (row) => row[name] ?? null);
  const nodes = {
    value: (v) => () => v,
    date: (v) => (typeof v === 'string' ? () => v : call('date', [compile(v)])),
    column: columnOf,
    element: () => (row, element) => element,
    not: (x) => {
      const f = compile(x);
      return (row, element) => {
        const v = f(row, element);
        return typeof v === 'boolean' ? !v : null;
      };
    },
    negate: (x) => {
      const f = compile(x);
      return (row, element) => {
        const v = f(row, element);
        return typeof v === 'number' ? 0 - v : null;
      };
    },
    and: (...parts) => logic(false, parts),
    or: (...parts) => logic(true, parts),
    in: (left, ...list) => among(left, list),
    any,
    substring: (...parts) => {
      const all = parts.map(compile);
      return (row, element) => {
        const [s, start, length = Infinity] = all.map((f) => f(row, element));
        if (typeof s !== 'string' || typeof start !== 'number' || typeof length !== 'number' || Math.trunc(length) < 0) return null;
        const from = Math.trunc(start);
        return Array.from(s).slice(Math.max(from, 0), Math.max(from + Math.trunc(length), 0)).join('');
      };
    },
  };
  const compile = ([name, ...parts]) => {
    if (Object.hasOwn(nodes, name)) return nodes[name](...parts);
    if (Object.hasOwn(comparisons, name)) return compareTo(name, ...parts);
    const all = parts.map(compile);
    if (Object.hasOwn(calculations, name)) {
      const [a, b] = all, calculate = calculations[name];
      return (row, element) => {
        const x = a(row, element), y = b(row, element);
        const v = typeof x === 'number' && typeof y === 'number' ? calculate(x, y) : NaN;
        return Number.isFinite(v) ? v + 0 : null;
      };
    }
    return call(name, all);
  };
  const call = (name, args) => {
    if (!Object.hasOwn(functions, name)) throw new DOMException(`a filter has no ${name}: the files are of different versions`, 'DataError');
    const [type, f] = functions[name];
    return (row, element) => {
      const values = args.map((arg) => arg(row, element));
      return values.every((v) => typeof v === type) ? f(...values) : null;
    };
  };

  // Order: nulls, then numbers and booleans, then texts, then all else.

  const rank = (v) => (unknown(v) ? 0 : typeof v === 'string' ? 2 : typeof v === 'object' ? 3 : 1);
  const compareValues = (a, b) => {
    const r = rank(a), d = r - rank(b);
    if (d !== 0 || r === 0 || r === 3) return d;
    return a < b ? -1 : a > b ? 1 : 0;
  };
  const comparer = (order, id) => {
    const keys = [...order, [id, false]].map(([name, descending]) => [columnOf(name), descending ? -1 : 1]);
    return (a, b) => {
      for (const [column, sign] of keys) {
        const c = compareValues(column(a), column(b));
        if (c !== 0) return c * sign;
      }
      return 0;
    };
  };

  // Scans are generators of rows in slices. Where a slice ends among rows with one key, the next begins with that key again
  // and leaves out those that were there; a cursor goes on where these are too many.

  const same = (a, b) => (Array.isArray(a) && Array.isArray(b) ? a.length === b.length && a.every((k, i) => same(k, b[i])) : a === b);
  const keyIn = (source, range) => {
    if (isOne(range)) return () => key(range.lower);
    const paths = [source.keyPath].flat().map((path) => path.split('.'));
    const value = (row, path) => path.reduce((v, name) => v[name], row);
    return Array.isArray(source.keyPath) ? (row) => paths.map((path) => value(row, path)) : (row) => value(row, paths[0]);
  };
  const isOne = (range) => range.lower !== undefined && same(key(range.lower), key(range.upper));
  // How many rows to read, each time one asks: more and more.
  const sizes = (range, n) => {
    const most = isOne(range) ? ALIKE : MANY;
    let next = n >= MANY ? Math.max(n, most) : n;
    return () => {
      const now = next;
      next = Math.max(now, Math.min(2 * now, most));
      return now;
    };
  };

  async function* straight(source, id, range, back, n) {
    const bound = back ? 'upper' : 'lower', open = `${bound}Open`, direction = back ? 'prev' : 'next';
    const isIndex = source instanceof IDBIndex, keyOf = isIndex ? keyIn(source, range) : (row) => row[id];
    const size = sizes(range, n);
    let { after: last, ...left } = range, crowded = last !== undefined && isOne(range);
    for (let spare = last === undefined ? 0 : SPARE; ; spare = 0) {
      const take = size() + spare;
      let rows, full;
      if (crowded) {
        const request = source.openCursor(rangeOf(left), direction);
        rows = (await visit(request, direction, key(left[bound]), last, 1, take)).filter((_, i) => i % 3 === 2);
        full = rows.length === take;
      } else {
        rows = await list(source, 'getAll', { range: left, direction, take });
        full = rows.length === take;
        if (last !== undefined) {
          const fresh = rows.findIndex((row) => (back ? row[id] < last : row[id] > last) || !same(keyOf(row), key(left[bound])));
          rows = fresh < 0 ? [] : rows.slice(fresh);
        }
        if (full && rows.length === 0) {
          crowded = true;
          continue;
        }
      }
      const end = rows[rows.length - 1], k = end && keyOf(end);   // before who gets the rows takes their keys off
      if (end) yield rows;
      if (!full) return;
      crowded = isOne(range) || (crowded && same(k, key(left[bound])));
      left = { ...left, [bound]: k, [open]: !isIndex };
      if (isIndex) last = end[id];
    }
  }

  async function* descending(source, id, range, n) {
    const keyOf = keyIn(source, range), size = sizes(range, n + 1);
    let { after, ...left } = range;
    const alike = async function* (k, last) {
      yield* straight(source, id, { lower: k, upper: k, after: last }, false, n);
    };
    if (after !== undefined) {
      yield* alike(left.upper, after);
      left = { ...left, upperOpen: true };
    }
    for (;;) {
      const take = size();
      const rows = await list(source, 'getAll', { range: left, direction: 'prev', take });
      if (rows.length === 0) return;
      const keys = rows.map(keyOf), end = keys[rows.length - 1];
      let whole = rows.length;
      if (rows.length === take) while (whole > 0 && same(keys[whole - 1], end)) whole--;
      if (whole > 0) yield turned(rows, keys, whole);
      if (rows.length < take) return;
      if (whole === 0) yield* alike(end);
      left = { ...left, upper: end, upperOpen: whole === 0 };
    }
  }
  // The first rows, with each run of equal keys turned round.
  const turned = (rows, keys, end) => {
    const out = [];
    for (let from = 0, to; from < end; from = to) {
      for (to = from + 1; to < end && same(keys[to], keys[from]);) to++;
      for (let i = to - 1; i >= from; i--) out.push(rows[i]);
    }
    return out;
  };

  const scan = (source, id, range, direction, n) =>
    (direction === 'down' ? descending(source, id, range, n) : straight(source, id, range, direction === 'prev', n));
  const sourceOf = (store, index) => (index === undefined ? store : store.index(index));

  // Calls found for each row in the order of the scans, which returns 1 if that one counts towards the limit.
  const find = async (store, { scans, filter, order, after, merge, distinct }, limit, found) => {
    const id = store.keyPath, match = filter ? compile(filter) : null, seen = distinct ? new Set() : null;
    const compare = after ? comparer(order, id) : null;
    const size = Math.min(MANY, match ? Math.max(FEW, limit) : limit);
    const wanted = (row) => {
      if (seen?.has(row[id]) || (compare && compare(row, after) <= 0) || (match && match(row) !== true)) return false;
      seen?.add(row[id]);
      return true;
    };
    let left = limit;
    for (const { index, ranges = [{}], direction } of scans) {
      const source = sourceOf(store, index), all = direction ? [...ranges].reverse() : ranges;
      for (let from = 0; from < all.length && left > 0; from += WIDE) {
        const readers = all.slice(from, from + WIDE).map((range) => {
          const slices = scan(source, id, range, direction, size), first = slices.next();
          first.catch(() => null);
          return { slices, first };
        });
        for (const { slices, first } of readers) {
          if (merge) left = limit;
          for (let { value, done } = await first; !done && left > 0; { value, done } = await slices.next()) {
            for (const row of value) if (left > 0 && wanted(row)) left -= found(row);
            if (left <= 0) break;
          }
        }
        if (merge) left = limit;
      }
    }
  };

  // What makes of a stored row what is asked for: of some columns another one, else itself.
  const maker = (columns, each) => {
    const make = columns ? (row) => Object.fromEntries(columns.filter((name) => Object.hasOwn(row, name)).map((name) => [name, row[name]])) : plain;
    return each ? (row) => each(make(row)) : make;
  };
  const inPlace = (rows, make) => {
    for (let i = 0; i < rows.length; i++) rows[i] = make(rows[i]);
    return rows;
  };
  // Rows of one range, each made of a stored one, in an order that the source has.
  const all = async (source, id, { ranges: [range = {}] = [], direction }, skip, take, make) => {
    if (skip + take <= WHOLE) {
      const step = { range, direction, skip, take };
      return inPlace(await (skip > 0 ? operations.getAll(source, step) : list(source, 'getAll', step)), make);
    }
    const rows = [];
    let left = skip;
    for await (const slice of straight(source, id, range, direction === 'prev', WHOLE)) {
      for (let i = left; i < slice.length && rows.length < take; i++) rows.push(make(slice[i]));
      if (rows.length === take) break;
      left = Math.max(0, left - slice.length);
    }
    return rows;
  };
  // A caller in JavaScript may have each row made into another, slice by slice.
  const query = async (store, step) => {
    const { scans: [first, ...others], filter, order, merge, skip = 0, take = Infinity, select, each } = step;
    const made = maker(select, each);
    if (take <= 0) return [];
    if (others.length === 0 && !filter && !order && first.direction !== 'down' && (first.ranges?.length ?? 1) === 1 && !first.ranges?.[0].after) {
      return all(sourceOf(store, first.index), store.keyPath, first, skip, take, made);
    }
    const enough = skip + take, compare = order && comparer(order, store.keyPath);
    let rows = [];
    const sorted = () => { rows = rows.sort(compare).slice(0, enough); };
    await find(store, step, order && !merge ? Infinity : enough, (row) => {
      if (rows.push(row) > 2 * enough + MANY && order) sorted();
      return 1;
    });
    if (order) sorted();
    return inPlace(rows.slice(skip, enough), made);
  };
  const count = async (store, step) => {
    if (!step.scans) return operations.count(store, step);
    const { scans: [first, ...others], filter, distinct, skip = 0, take = Infinity } = step;
    let n = 0;
    if (filter || distinct || others.length > 0) {
      await find(store, step, Infinity, () => { n++; return 0; });
    } else {
      for (const range of first.ranges ?? [{}]) n += await operations.count(sourceOf(store, first.index), { range });
    }
    return Math.max(0, Math.min(n - skip, take));
  };
  return { query, count };
});
