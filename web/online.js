// Whether our own server can be reached, and the one event that tells when that changes.
//
// What the browser says about being online is a hint at best: it says yes with the server down, behind a captive portal or without a link,
// and no while a local server answers. So hints only decide when to ask; the answer comes from a probe: our server answers
// GET {url}/__probe?n=NONCE with 204 and the nonce in the header Larder-Probe, which a portal does not. While online nothing is polled;
// while offline the probe is repeated, ever more slowly.

const FIRST = 1000, LAST = 60000, TIMEOUT = 3000; // milliseconds

/**
 * Watches the connection to a server and calls onChange({ online, reason }) when it changes, the first time when the first probe is decided.
 *
 * reason is 'ok'; 'server' when something answers with an HTTP error, so that there is a connection and trouble at the other end (online
 * stays true, as trying is what finds out more); and while offline 'network', 'timeout', or 'portal' when somebody else answers in the
 * server's place. Before the first probe it is 'unknown'.
 *
 * @param {{ url?: string, onChange?: (state: { online: boolean, reason: string }) => void,
 *   ask?: (url: string) => Promise<{ online: boolean, reason: string }> }} [options]
 *   url is the server's base, '' the page's own origin; ask is the app's own probe, for a server that is not Larder's: one that throws is offline.
 * @returns online and reason as they are now; check(), which probes and resolves to { online, reason }; report(ok), which tells how a request
 *   of the app went: true if the server answered, false if it could not be reached; and stop().
 */
export function watchConnection({ url = '', onChange = () => {}, ask = probe } = {}) {
  let state = { online: globalThis.navigator?.onLine !== false, reason: 'unknown' };
  let running = null, again = false, outrun = false, stopped = false, timer, pause = FIRST;

  function decide({ online, reason, final = online }) {
    clearTimeout(timer);
    if (stopped) return;
    const changed = online !== state.online || reason !== state.reason;
    state = { online, reason };
    if (final) pause = FIRST;
    else {
      timer = setTimeout(check, pause * (0.5 + Math.random() / 2));
      pause = Math.min(pause * 2, LAST);
    }
    if (changed) onChange({ ...state });
  }

  async function rounds() {
    do {
      again = outrun = false;
      const answer = await ask(url).catch(() => ({ online: false, reason: 'network' }));
      if (!again && !outrun) decide(answer);
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

  // Cordova fires on document what browsers fire on window, and some fire on body: the same news may come three times, and is told once.
  const { document } = globalThis;
  const hints = [globalThis, document, document?.body].flatMap((target) => ['online', 'offline'].map((type) => [target, type]));
  hints.push([document, 'visibilitychange'], [document, 'resume'], [document, 'deviceready'], [globalThis.navigator?.connection, 'change']);
  for (const [target, type] of hints) target?.addEventListener?.(type, hint);
  check();

  return {
    get online() { return state.online; },
    get reason() { return state.reason; },
    check,
    report(ok) {
      if (ok) decide({ online: outrun = true, reason: 'ok' }); // newer than what a probe on its way has seen
      else if (state.online) check();
    },
    stop() {
      stopped = true;
      clearTimeout(timer);
      for (const [target, type] of hints) target?.removeEventListener?.(type, hint);
    },
  };
}

// probe asks the server once. A final answer need not be asked for again: a server's error passes, but one without a probe will not grow one.
async function probe(url) {
  const nonce = Math.random().toString(36).slice(2), signal = AbortSignal.timeout(TIMEOUT);
  try {
    const { status, headers } = await fetch(`${url.replace(/\/$/, '')}/__probe?n=${nonce}`, {
      cache: 'no-store', credentials: 'omit', redirect: 'manual', signal,
    });
    if (status === 204 && headers.get('larder-probe') === nonce) return { online: true, reason: 'ok' };
    return status >= 400 ? { online: true, reason: 'server', final: status < 500 && status !== 429 } : { online: false, reason: 'portal' };
  } catch { // what engines throw at the end of the time has different names
    return { online: false, reason: signal.aborted ? 'timeout' : 'network' };
  }
}
