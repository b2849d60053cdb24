// The pill: online or offline, how much waits, when it last synced. One place in the page says it, and it is never out
// of step with the engine, because it is drawn from db.status and the queue alone.

const relative = new Intl.RelativeTimeFormat('en', { numeric: 'auto' });
const clock = new Intl.DateTimeFormat('en', { dateStyle: 'medium', timeStyle: 'short' });
const slow = 400; // ms: a sync shorter than this is not worth a flicker

/**
 * Draws the state of `db` into #pill and #synced whenever it changes. `pill.dataset` has the same for machines: state
 * (opening, online, offline, syncing, attention), pending, quarantined; #synced's <time> has the moment. Returns the
 * function that draws at once, to be called with the pending rows where they are known.
 */
export function watchStatus(db) {
  const pill = document.getElementById('pill');
  const synced = document.getElementById('synced');
  const text = pill.querySelector('.pill-text');
  let rows = null;
  let since = 0;

  const draw = (pending) => {
    rows = pending ?? rows;
    const status = db.status;
    const stuck = rows ? rows.filter((row) => row.state === 'quarantined').length : status.quarantined ?? 0;
    const waiting = rows ? rows.length - stuck : Math.max(0, status.pending ?? 0);
    const online = status.online !== false;
    if (!status.syncing) since = 0;
    else if (!since) {
      since = Date.now();
      setTimeout(() => draw(), slow);
    }
    const syncing = online && status.syncing && Date.now() - since >= slow;
    pill.dataset.state = stuck ? 'attention' : syncing ? 'syncing' : online ? 'online' : 'offline';
    pill.dataset.online = String(online);
    pill.dataset.pending = String(waiting);
    pill.dataset.quarantined = String(stuck);
    const parts = [syncing ? 'Syncing' : online ? 'Online' : 'Offline'];
    if (waiting) parts.push(`${waiting} waiting`);
    if (stuck) parts.push(stuck === 1 ? '1 needs you' : `${stuck} need you`);
    if (!waiting && !stuck && online && !syncing && status.lastSync) parts.push('all saved');
    text.textContent = parts.join(' · ');
    drawTime(synced, status.lastSync);
  };

  for (const event of ['online', 'offline', 'sync', 'quarantine']) db.on(event, () => draw());
  setInterval(() => draw(), 30_000); // "a minute ago" grows old by itself
  draw();
  return draw;
}

function drawTime(place, moment) {
  if (!moment) {
    place.textContent = 'Not synced yet';
    return;
  }
  const date = new Date(moment);
  const time = document.createElement('time');
  time.dateTime = date.toISOString();
  time.title = clock.format(date);
  time.textContent = ago(date);
  place.replaceChildren('Synced ', time);
}

/** A past moment as people say it: "just now", "5 minutes ago", "yesterday". */
export function ago(date, now = Date.now()) {
  const seconds = Math.round((now - date) / 1000);
  if (seconds < 45) return 'just now';
  for (const [unit, size, until] of [['minute', 60, 45 * 60], ['hour', 3600, 22 * 3600], ['day', 86400, 26 * 86400]]) {
    if (seconds < until) return relative.format(-Math.max(1, Math.round(seconds / size)), unit);
  }
  return clock.format(date);
}
