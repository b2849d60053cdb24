// Whether our own server can be reached, and the one event that tells when that changes.
//
// What the browser says about being online is a hint at best: it says yes with the server down, behind a captive portal or without a link, and no while a
// local server answers. So hints only decide when to ask; the answer comes from a probe: GET {url}/__probe?n=NONCE is answered with 204 and the nonce, which
// nothing between us and the server can make up. While online nothing is polled; while offline the probe is repeated, ever more slowly.

const FIRST = 1000, LAST = 60000, TIMEOUT = 3000; // milliseconds

/**
 * Watches the connection to a server and calls onChange({ online, reason }) when it changes, the first time when the first probe is decided.
 *
 * reason: 'ok'; 'server' when something answers with an HTTP error, so there is a connection and trouble at the other end (online stays true, as trying is
 * what finds out more); and while offline 'network', 'timeout', or 'portal' when somebody else answers in the server's place. 'unknown' before the first probe.
 *
 * @param {{ url?: string, onChange?: (state: { online: boolean, reason: string }) => void }} [options] url is the server's base, '' the page's own origin.
 * @returns online and reason as they are now; check(), which probes and resolves to { online, reason }; report(ok), which tells how a request of the app went:
 *   true if the server answered, false if it could not be reached; and stop().
 */
export function watchConnection({ url = '', onChange = () => {} } = {}) {
  let state = { online: globalThis.navigator?.onLine !== false, reason: 'unknown' };
  let running = null, again = false, stopped = false, timer, pause = FIRST;

  function decide(online, reason) {
    clearTimeout(timer);
    if (stopped) return;
    const changed = online !== state.online || reason !== state.reason;
    state = { online, reason };
    if (reason === 'ok') pause = FIRST;
    else {
      timer = setTimeout(check, pause * (0.5 + Math.random() / 2));
      pause = Math.min(pause * 2, LAST);
    }
    if (changed) onChange({ ...state });
  }

  async function rounds() {
    do {
      again = false;
      const [online, reason] = await probe(url);
      if (!again) decide(online, reason);
    } while (again && !stopped);
    running = null;
    return { ...state };
  }

  // One probe at a time. A hint during a probe asks for another one: that probe may have left before what the hint is about.
  function check() {
    again = Boolean(running);
    return running ??= rounds();
  }

  function hint(event) {
    if (event.type === 'visibilitychange' && document.hidden) return;
    pause = FIRST;
    check();
  }

  // Cordova fires on document what browsers fire on window, and old pages listen on body; the same news may come three times, and is asked about once.
  const { document } = globalThis;
  const hints = [globalThis, document, document?.body].flatMap((target) => ['online', 'offline'].map((type) => [target, type]));
  hints.push([document, 'visibilitychange'], [document, 'resume'], [document, 'deviceready']);
  for (const [target, type] of hints) target?.addEventListener(type, hint);
  check();

  return {
    get online() { return state.online; },
    get reason() { return state.reason; },
    check,
    report(ok) {
      if (!ok) check();
      else if (!running) decide(true, 'ok');
    },
    stop() {
      stopped = true;
      clearTimeout(timer);
      for (const [target, type] of hints) target?.removeEventListener(type, hint);
    },
  };
}

// probe asks the server once, and says what came of it: whether it can be reached, and the reason.
async function probe(url) {
  const nonce = crypto.randomUUID();
  try {
    const response = await fetch(`${url.replace(/\/$/, '')}/__probe?n=${nonce}`, {
      cache: 'no-store', credentials: 'omit', redirect: 'manual', signal: AbortSignal.timeout(TIMEOUT),
    });
    if (response.status === 204 && response.headers.get('larder-probe') === nonce) return [true, 'ok'];
    return response.status >= 400 ? [true, 'server'] : [false, 'portal'];
  } catch (cause) {
    return [false, cause.name === 'TimeoutError' ? 'timeout' : 'network'];
  }
}
