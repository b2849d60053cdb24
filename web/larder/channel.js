/**
 * What one tab posts, the others of the origin receive. Where there is no BroadcastChannel, messages go by localStorage,
 * whose other tabs hear of each change; where there is neither, a tab hears of itself only.
 */
export class Channel {
  #raw;
  #local;
  #stop;

  constructor(name, receive) {
    if (globalThis.BroadcastChannel) {
      this.#raw = new BroadcastChannel(name);
      this.#raw.onmessage = ({ data }) => receive(data);
      return;
    }
    this.#local = { store: localStore(), name };
    const heard = ({ key, newValue }) => { if (key === name && newValue) receive(JSON.parse(newValue).message); };
    globalThis.addEventListener?.('storage', heard);
    this.#stop = () => globalThis.removeEventListener?.('storage', heard);
  }

  post(message) {
    this.#raw?.postMessage(message);
    if (!this.#local?.store) return;
    try { // the random number makes every message a change
      this.#local.store.setItem(this.#local.name, JSON.stringify({ message, nonce: Math.random() }));
      this.#local.store.removeItem(this.#local.name);
    } catch { // a full localStorage: the others see it when they next look
    }
  }

  close() {
    this.#raw?.close();
    this.#stop?.();
    this.#local = undefined;
  }
}

function localStore() {
  try {
    return globalThis.localStorage;
  } catch { // forbidden by the browser's settings
    return undefined;
  }
}
