// How apps use window.applicationCache and the connection, as TypeScript sees it.
import '../../web/appcache.js';
import { watchConnection } from '../../web/online.js';

const cache = window.applicationCache;
cache.addEventListener('progress', ({ loaded, total }) => loaded / total);
cache.addEventListener('error', ({ reason, url, expected }) => (reason === 'hash' ? `${url} ${expected}` : url));
cache.onupdateready = (event) => event.type;
cache.onunrecoverable = ({ message }) => message;
// @ts-expect-error there is no such event
cache.onupdated = null;
if (cache.status === cache.UPDATEREADY) await cache.swapCache();
const newer: boolean = await cache.check();
const whole: boolean = await applicationCache.ready;
// @ts-expect-error the status is the browser's
cache.status = 1;

const watch = watchConnection({ url: '', onChange: ({ online, reason }) => [online, reason], ask: async () => ({ online: newer && whole, reason: 'mine' }) });
watch.report(false);
// @ts-expect-error what went wrong is told by a boolean
watch.report('network');
export const state: boolean = (await watch.check()).online;
