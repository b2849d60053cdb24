/** Every failure is a LarderError with a stable `code`; what caused it, a DOMException for one, is its `cause`. */
export class LarderError extends Error {
  constructor(code, message, cause) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
  }

  get name() { return this.constructor.name; }
}

export class InvalidError extends LarderError {}
export class QueryError extends LarderError {}
export class ExistsError extends LarderError {}
export class NotFoundError extends LarderError {}
export class ConstraintError extends LarderError {}
export class ConflictError extends LarderError {}
export class TransactionError extends LarderError {}
export class AbortedError extends LarderError {}
export class BlockedError extends LarderError {}
export class VersionError extends LarderError {}
export class MigrationError extends LarderError {}
export class QuotaError extends LarderError {}
export class StorageError extends LarderError {}
export class ClosedError extends LarderError {}
export class NetworkError extends LarderError {}
export class AuthError extends LarderError {}
export class ServerError extends LarderError {}
export class EpochError extends LarderError {}
export class ForkError extends LarderError {}
export class ExpiredError extends LarderError {}
export class LimitError extends LarderError {}
export class EngineError extends LarderError {}

const classes = {
  invalid: InvalidError, query: QueryError, exists: ExistsError, 'not-found': NotFoundError, constraint: ConstraintError,
  conflict: ConflictError, transaction: TransactionError, aborted: AbortedError, blocked: BlockedError,
  version: VersionError, migration: MigrationError, quota: QuotaError, storage: StorageError, closed: ClosedError,
  network: NetworkError, auth: AuthError, server: ServerError, epoch: EpochError, fork: ForkError,
  expired: ExpiredError, limit: LimitError, engine: EngineError,
};

/** The error of the class that belongs to a code. */
export function failure(code, message, cause) {
  return new (classes[code] ?? LarderError)(code, message, cause);
}

/** Codes of the DOMExceptions that IndexedDB raises. */
const domCodes = {
  AbortError: 'aborted', ConstraintError: 'constraint', DataError: 'invalid', DataCloneError: 'invalid',
  InvalidStateError: 'closed', NotFoundError: 'not-found', QuotaExceededError: 'quota', ReadOnlyError: 'transaction',
  TransactionInactiveError: 'transaction', VersionError: 'version',
};

/** What IndexedDB says when the browser has closed the database, or is about to. */
const losses = ['InvalidStateError', 'UnknownError', 'AbortError'];

export const isLoss = (error) => losses.includes(error.name);

/** Turns whatever was thrown into a LarderError; what is one already stays as it is. */
export function asLarderError(error) {
  if (error instanceof LarderError) return error;
  if (error && typeof error.code === 'string' && typeof error.message === 'string') {
    return failure(error.code, error.message, error.cause);
  }
  if (error && domCodes[error.name]) return failure(domCodes[error.name], error.message, error);
  return failure('storage', error?.message ?? String(error), error);
}

/** The error of a wrong argument or value. */
export function invalid(message, cause) {
  return failure('invalid', message, cause);
}

/** The error of a call that its signal ended, whatever the signal's reason is. */
export function aborted(signal) {
  return failure('aborted', 'the call was aborted by its signal', signal.reason);
}
