/**
 * Asks the browser to keep the origin's data when it needs room; resolves with whether it does. Some browsers ask the
 * user, who may never answer: after the timeout, in milliseconds, the answer is that of now.
 */
export async function persist(timeout) {
  const storage = globalThis.navigator?.storage;
  const asked = await within(timeout, storage?.persist?.());
  return asked ?? persisted(timeout);
}

/** How many bytes the origin uses and may use, about, and whether they are kept; null for what the browser does not say. */
export async function estimate(timeout) {
  const { usage = null, quota = null } = await within(timeout, globalThis.navigator?.storage?.estimate?.()) ?? {};
  return { usage, quota, persisted: await persisted(timeout) };
}

const persisted = async (timeout) => await within(timeout, globalThis.navigator?.storage?.persisted?.()) ?? false;

/** What a promise gives, or undefined when it does not settle in time or fails. */
export async function within(timeout, promise) {
  let timer;
  const late = new Promise((resolve) => { timer = setTimeout(resolve, timeout); });
  try {
    return await Promise.race([promise, late]);
  } catch { // a browser that refuses to say has not said it
    return undefined;
  } finally {
    clearTimeout(timer);
  }
}
