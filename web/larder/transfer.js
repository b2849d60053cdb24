import { isObject, optionsOf } from './argument.js';
import { asLarderError, failure, invalid } from './error.js';

const SLICE = 250; // records at a time: reading, writing or sending so many takes a few milliseconds

/**
 * The rows of tables as JSON lines: first {"larder":1,"name":…,"version":…}, then {"table":…,"row":…} for each. Every
 * slice is of one moment, and the whole is if nothing writes meanwhile. What waits in the outbox is shown by the rows.
 */
export function exported({ name, version, tables }, read, { signal, progress }) {
  const encoder = new TextEncoder();
  const left = [...tables];
  let after, done = 0, text = `${JSON.stringify({ larder: 1, name, version })}\n`;
  return new ReadableStream({
    async pull(controller) {
      try {
        signal?.throwIfAborted();
        const [table] = left;
        if (text === '' && table === undefined) return controller.close();
        const rows = table === undefined ? [] : await read(table, { orderBy: ['id'], take: SLICE, after });
        for (const row of rows) text += `${JSON.stringify({ table, row })}\n`;
        if (rows.length < SLICE) {
          left.shift();
          after = undefined;
        } else {
          after = { id: rows.at(-1).id };
        }
        controller.enqueue(encoder.encode(text));
        text = '';
        done += rows.length;
        if (rows.length) progress?.({ table, done });
        if (!left.length) controller.close();
      } catch (error) {
        controller.error(signal?.aborted ? failure('aborted', 'the export was aborted by its signal', error) : asLarderError(error));
      }
      return undefined;
    },
  }, { highWaterMark: 0 });
}

/**
 * Puts the records of an export: a stream, Blob, Response or text. Each slice is a transaction, checked and journaled as
 * any other put; system columns are the server's and are left out. convert(table, version, rows) migrates an older export.
 */
export async function imported(db, source, version, convert, options) {
  const { signal, progress } = optionsOf('import', options, ['signal', 'progress']);
  let done = 0, line = 0, batch = [], table, from;
  const flush = async () => {
    if (!batch.length) return;
    const rows = from < version ? await convert(table, from, batch) : batch;
    await db.table(table).bulkPut(rows, { signal });
    done += batch.length;
    batch = [];
    progress?.({ table, done });
  };
  for await (const text of lines(source, signal)) {
    line++;
    const value = parsed(text, line);
    if (line === 1) {
      if (value.larder !== 1 || !Number.isSafeInteger(value.version)) throw invalid('import: line 1 is not the beginning of an export');
      if (value.version > version) throw failure('version', `import: the export is of version ${value.version}, and this app of ${version}`);
      from = value.version;
      continue;
    }
    if (typeof value.table !== 'string' || !isObject(value.row)) throw invalid(`import: line ${line} is not a row of a table`);
    if (value.table !== table || batch.length === SLICE) {
      await flush();
      ({ table } = value);
      db.table(table); // which says when there is none
    }
    batch.push(withoutSystem(value.row));
  }
  if (line === 0) throw invalid('import: there is nothing in it');
  await flush();
  return done;
}

function withoutSystem({ createdAt, updatedAt, version, deleted, ...row }) { return row; }

function parsed(text, line) {
  try {
    const value = JSON.parse(text);
    if (isObject(value)) return value;
  } catch { // said below, with the line
  }
  throw invalid(`import: line ${line} is not a JSON object`);
}

const LONGEST = 1 << 24; // characters of a line: far above any record that can be stored

/** The lines of a stream, Blob, Response or text, without their ends and without empty ones. */
async function* lines(source, signal) {
  const stream = typeof source === 'string' ? new Blob([source]).stream() : source?.body ?? source?.stream?.() ?? source;
  if (typeof stream?.getReader !== 'function') throw invalid('import takes a ReadableStream, a Blob, a Response or text');
  const reader = stream.getReader(), decoder = new TextDecoder();
  let rest = '';
  try {
    for (;;) {
      signal?.throwIfAborted();
      const { done, value } = await reader.read();
      rest += done ? decoder.decode() : decoder.decode(value, { stream: true });
      const all = rest.split('\n');
      rest = done ? '' : all.pop();
      if (rest.length > LONGEST) throw invalid('import: a line is too long');
      for (const line of all) if (line.trim() !== '') yield line;
      if (done) return;
    }
  } catch (error) {
    throw signal?.aborted ? failure('aborted', 'the import was aborted by its signal; what was imported stays', error) : asLarderError(error);
  } finally {
    reader.cancel().catch(() => {}); // what is left of it is not wanted
  }
}
