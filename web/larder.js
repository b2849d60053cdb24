/**
 * Larder: an app's data in the browser, there without a network, in sync when it is back.
 *
 *   import { open } from './larder.js';
 *   const db = await open('app', { version: 1, tables: { todoitem: { columns: { text: 'string' } } } });
 *   await db.table('todoitem').insert({ text: 'bread' });
 *
 * Types and documentation are in larder.d.ts.
 */
import { locate } from './larder/engine.js';

locate(new URL('.', import.meta.url)); // the engine lies beside this file

export { open, destroy } from './larder/open.js';
export {
  LarderError, InvalidError, QueryError, ExistsError, NotFoundError, ConstraintError, ConflictError, TransactionError,
  AbortedError, BlockedError, VersionError, MigrationError, QuotaError, StorageError, ClosedError, NetworkError,
  AuthError, ServerError, EpochError, ForkError, ExpiredError, LimitError, EngineError,
} from './larder/error.js';
