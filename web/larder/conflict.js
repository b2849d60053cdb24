import { isObject, need } from './argument.js';
import { encode, revive } from './codec.js';

/** Has the app's handler decide a conflict. Gives the decision as the engine reads it; without a handler, or where it is undecided, it waits. */
export async function decide(handler, dates, { table, local, server, base }) {
  if (!handler) return JSON.stringify({ choice: 'later' });
  for (const side of [local, server, base]) if (side) revive(side, dates);
  const choice = await handler({ table, id: (local ?? server ?? base).id, local, server, base });
  if (isObject(choice)) return `{"choice":"record","record":${encode(choice, () => 'the conflict\'s handler')}}`;
  if (choice === undefined) return JSON.stringify({ choice: 'later' });
  if (['local', 'server', 'cancel', 'discard'].includes(choice)) return JSON.stringify({ choice });
  return need(false, 'a conflict\'s handler returns "local", "server", a record, "cancel", "discard" or nothing', choice);
}

/** How to go on with a server that has another past: what the first handler says that decides. Undefined is the engine's own way. */
export async function course(answers) {
  const chosen = (await Promise.all(answers)).find((answer) => answer !== undefined);
  need([undefined, 'offer', 'server', 'keep'].includes(chosen), 'an epoch\'s handler returns "offer", "server", "keep" or nothing', chosen);
  return chosen;
}
