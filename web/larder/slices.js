const SLICE = 250; // records handed over at a time, which takes a few milliseconds

/**
 * Hands records to the engine slice by slice, each as the bytes of a JSON array, when the engine asks for them. So the page's
 * thread is never held for long, and the storage works on one slice while the next is made.
 */
export class Slices {
  failure; // what the encoding of a record, or the progress, threw
  #records;
  #encode;
  #progress;
  #done = 0;
  #encoder = new TextEncoder();
  #bytes = new Uint8Array(1 << 16);

  /** encode(record, position) gives a record's JSON text, or throws. progress({ done, known }) hears of each slice taken. */
  constructor(records, encode, progress) {
    this.#records = records.slice();
    this.#encode = encode;
    this.#progress = progress;
  }

  /** The next slice, good until the next call; null when there is none, and false when a record cannot be encoded. */
  next() {
    const from = this.#done, end = Math.min(from + SLICE, this.#records.length);
    try {
      if (from > 0) this.#progress?.({ done: from, known: this.#records.length });
      if (from === end) return null;
      let text = '[';
      for (let i = from; i < end; i++) text += `${i > from ? ',' : ''}${this.#encode(this.#records[i], i)}`;
      this.#done = end;
      return this.#encoded(`${text}]`);
    } catch (error) {
      this.failure = error;
      return false;
    }
  }

  #encoded(text) {
    let { read, written } = this.#encoder.encodeInto(text, this.#bytes);
    if (read < text.length) {
      this.#bytes = new Uint8Array(3 * text.length);
      ({ written } = this.#encoder.encodeInto(text, this.#bytes));
    }
    return this.#bytes.subarray(0, written);
  }
}
