/** Whether a server can be reached, and why it is thought so. 'server' answers with an error; 'portal' is somebody else who answers in its place. */
export interface ConnectionState {
  online: boolean;
  reason: 'ok' | 'server' | 'network' | 'timeout' | 'portal' | 'unknown' | (string & {});
}

export interface ConnectionWatch {
  readonly online: boolean;
  readonly reason: ConnectionState['reason'];
  /** Asks the server now. */
  check(): Promise<ConnectionState>;
  /** Tells how a request of the app went: true if the server answered, false if it could not be reached. */
  report(ok: boolean): void;
  stop(): void;
}

/** Watches the connection to a server; onChange hears of the first probe, and then of each change. */
export function watchConnection(options?: {
  /** The server's base; '' is the page's own origin. */
  url?: string;
  onChange?: (state: ConnectionState) => void;
  /** The app's own way to ask, for a server that is not Larder's. One that throws is offline. */
  ask?: (url: string) => Promise<ConnectionState>;
}): ConnectionWatch;
