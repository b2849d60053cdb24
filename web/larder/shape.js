import { isCanonicalDate, isExactNumber, isStorableText } from './codec.js';

/**
 * What of a query its plan depends on: the same query with stand-ins for the values that columns are compared with, and for
 * those that it begins after. So a plan is made once for all queries of that shape, and the values are put into it.
 *
 * A plan depends on values as well where a column has several conditions, which may contradict each other or be one. Those
 * queries have no shape, but for a range between two ends.
 */
export class Shape {
  #values = new Map(); // by stand-in

  /** The shape of a query's parts; undefined where the plan may depend on the values. */
  static of({ where = [], filter = [], after, skip, take, ...parts }) {
    const shape = new Shape();
    const columns = conditionsOf(where, filter);
    if (!columns || ![...columns.values()].every(isApart) || Object.keys(after ?? {}).some((name) => columns.has(name))) return undefined;
    const conditions = [];
    for (const [column, list] of columns) {
      for (const [operator, value] of list) conditions.push({ [column]: { [operator]: shape.#standIn(value) } });
    }
    shape.parts = { ...parts, where: conditions, take: take === undefined ? undefined : 1 };
    if (after) shape.parts.after = Object.fromEntries(Object.entries(after).map(([name, value]) => [name, shape.#standIn(value)]));
    shape.slice = { skip, take };
    return shape;
  }

  /** The step of the shape's plan with the query's values in it. It is changed. */
  fill(step) { return Object.assign(this.#filled(step), this.slice); }

  #filled(v) {
    if (this.#values.has(v)) return this.#values.get(v);
    if (v !== null && typeof v === 'object') for (const name in v) v[name] = this.#filled(v[name]);
    return v;
  }

  /** Stand-ins of a kind are in the order in which they are made. */
  #standIn(value) {
    const make = standIns[kindOf(value)];
    if (!make) return value;
    const standIn = make(this.#values.size);
    this.#values.set(standIn, value);
    return standIn;
  }
}

/** Stand-ins are values that no plan has of its own. */
const standIns = {
  number: (n) => n - Number.MAX_SAFE_INTEGER,
  date: (n) => new Date(Date.UTC(9999, 0) + n).toJSON(),
  text: (n) => `?${String(n).padStart(6, '0')}`,
};

/** The kind of a value; undefined for what is to be looked at by the engine. */
function kindOf(value) {
  if (value === null || typeof value === 'boolean') return 'constant';
  if (isExactNumber(value)) return 'number';
  if (isCanonicalDate(value)) return 'date';
  return isStorableText(value) ? 'text' : undefined;
}

/** Whether conditions on one column leave a plan that any values of their kinds have: one condition, or a range's two ends. */
function isApart(list) {
  if (list.length === 1) return true;
  const [[from, low], [to, high]] = list.sort(([a], [b]) => (a < b ? -1 : 1)); // ge and gt come before le and lt
  return list.length === 2 && from[0] === 'g' && to[0] === 'l' && kindOf(low) === kindOf(high) && low < high;
}

const LONGEST = 1000; // characters of a filter: longer ones are the engine's to refuse or not
const comparison = /(?!(?:true|false|null|not) )(\w+) (eq|gt|ge|lt|le) (-?(?:0|[1-9]\d*)(?:\.\d+)?|'(?:[^']|'')*')/;
const comparisons = new RegExp(`^${comparison.source}(?: and ${comparison.source})*$`);
const operators = ['eq', 'gt', 'ge', 'lt', 'le'];

/** The conditions of a query by column, [operator, value]; undefined where there are others than comparisons with values. */
function conditionsOf(where, filter) {
  const columns = new Map();
  let simple = true;
  const add = (column, operator, value) => {
    if (!operators.includes(operator) || !kindOf(value)) simple = false;
    columns.set(column, [...(columns.get(column) ?? []), [operator, value]]);
  };
  for (const [column, value] of where.flatMap(Object.entries)) {
    if (value === null || typeof value !== 'object') add(column, 'eq', value);
    else if (Array.isArray(value)) simple = false;
    else for (const [operator, part] of Object.entries(value)) add(column, operator, part);
  }
  for (const text of filter) {
    if (text.length > LONGEST || !comparisons.test(text)) return undefined;
    for (const [, column, operator, value] of text.matchAll(new RegExp(comparison, 'g'))) {
      add(column, operator, value[0] === "'" ? value.slice(1, -1).replaceAll("''", "'") : Number(value));
    }
  }
  return simple ? columns : undefined;
}
