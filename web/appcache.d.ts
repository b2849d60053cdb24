/**
 * window.applicationCache as appcache.js makes it: AppCache's own members, and what is new. In browsers without service workers, and in pages
 * without a manifest, it is there too, and stays UNCACHED.
 */

/** Why an update failed. */
export type CacheFailure =
  | 'manifest' | 'signature' | 'resource' | 'policy' | 'hash' | 'changed' | 'abort' | 'quota' // what was fetched, and what became of it
  | 'unsupported' | 'worker' | 'evicted' | 'obsolete' | 'unknown';

/** What an error event tells besides its type, and what `check` is rejected with. */
export interface CacheErrorDetail {
  readonly reason: CacheFailure;
  readonly message: string;
  /** The file that it is about, or ''. */
  readonly url: string;
  /** The HTTP status that it was answered with, or 0. */
  readonly status: number;
  /** With reason 'hash': the hash that the manifest has, and that of what came. */
  readonly expected?: string;
  readonly got?: string;
}

export interface CacheEventMap {
  checking: Event;
  noupdate: Event;
  downloading: Event;
  progress: ProgressEvent;
  cached: Event;
  updateready: Event;
  obsolete: Event;
  error: Event & CacheErrorDetail;
  /** The browser has deleted a file of this page's version, and the server has another one: only a reload makes the page whole. */
  unrecoverable: Event & CacheErrorDetail;
}

type Handlers = { [E in keyof CacheEventMap as `on${E}`]: ((this: ApplicationCache, event: CacheEventMap[E]) => unknown) | null };

export interface ApplicationCache extends EventTarget, Handlers {
  readonly UNCACHED: 0;
  readonly IDLE: 1;
  readonly CHECKING: 2;
  readonly DOWNLOADING: 3;
  readonly UPDATEREADY: 4;
  readonly OBSOLETE: 5;
  readonly status: 0 | 1 | 2 | 3 | 4 | 5;
  /** Whether this page has a complete version, told once. Never rejected. */
  readonly ready: Promise<boolean>;
  /** Looks for a new version; the events tell what comes of it. Throws an InvalidStateError where there is no version to update. */
  update(): void;
  /** The same for new code: fulfilled with whether there is a newer version than this page's, rejected with what the error event says. */
  check(): Promise<boolean>;
  /** Ends an update that is running, with an error event. */
  abort(): void;
  /** Lets what this page loads from now on come from the newest version. Throws an InvalidStateError where there is none. */
  swapCache(): Promise<void>;
  addEventListener<E extends keyof CacheEventMap>(type: E, listener: (this: ApplicationCache, event: CacheEventMap[E]) => unknown,
    options?: boolean | AddEventListenerOptions): void;
  addEventListener(type: string, listener: EventListenerOrEventListenerObject | null, options?: boolean | AddEventListenerOptions): void;
}

declare global {
  interface Window { readonly applicationCache: ApplicationCache }
  var applicationCache: ApplicationCache;
}
