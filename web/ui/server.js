/**
 * The address of the server with the tables: where the page comes from, or what <meta name="larder-server"> says, in an app
 * that does not come from a server.
 */
export const server = document.querySelector('meta[name="larder-server"]')?.content ?? new URL('..', import.meta.url).href.replace(/\/$/, '');
