package idb

import (
	"errors"

	"github.com/larder-sync/larder/table"
)

// Error is a failure of IndexedDB, or of the Go function that ran in its transaction. Name is the DOMException's name, or
// one of this package's own: "BlockedError", "ClosedError", "UpgradeError", "PanicError". Op, Store and Key say what was
// being done, where that is known.
//
// Two Errors are the same for errors.Is if their names are: compare with the Err variables of this package.
// Specification: https://w3c.github.io/IndexedDB/#exceptions
type Error struct {
	Name    string
	Message string
	Op      string // "open", "upgrade", "transaction", "commit", "delete database", or the operation on a store
	Store   string
	Key     string // of the row that failed, as JSON text, where it is known
	Err     error  // the cause in Go, such as the context's error or an upgrade function's, or nil
}

// Failures that callers branch on, when a database is opened.
var (
	ErrVersion = &Error{Name: "VersionError"} // the stored database is newer than the version asked for
	ErrBlocked = &Error{Name: "BlockedError"} // another connection keeps an older version open
	ErrUpgrade = &Error{Name: "UpgradeError"} // the upgrade function failed; the old version is intact
)

// Failures of shaping stores, and of using IndexedDB at all.
var (
	ErrInvalidAccess = &Error{Name: "InvalidAccessError"} // what cannot be together, such as a list of key paths and a key generator
	ErrSyntax        = &Error{Name: "SyntaxError"}        // not a key path, or not a program
	ErrSecurity      = &Error{Name: "SecurityError"}      // the page or the user's settings forbid storage here
	ErrNotAllowed    = &Error{Name: "NotAllowedError"}    // the browser's policy does
	ErrType          = &Error{Name: "TypeError"}          // an argument out of its range
)

// Failures of transactions.
var (
	ErrAbort               = &Error{Name: "AbortError"}               // aborted: by the caller, its context or the browser
	ErrTransactionInactive = &Error{Name: "TransactionInactiveError"} // over: it was used too late, or left waiting
	ErrReadOnly            = &Error{Name: "ReadOnlyError"}            // a write in a read transaction
	ErrClosed              = &Error{Name: "ClosedError"}              // the database connection was closed
	ErrPanic               = &Error{Name: "PanicError"}               // the function panicked; the cause has the value
)

// Failures of requests.
var (
	ErrConstraint   = &Error{Name: "ConstraintError"}    // the key exists already, or a unique index refused the value
	ErrData         = &Error{Name: "DataError"}          // not a valid key, range or step
	ErrDataClone    = &Error{Name: "DataCloneError"}     // a value that cannot be stored, such as a function
	ErrInvalidState = &Error{Name: "InvalidStateError"}  // used in the wrong moment
	ErrNotFound     = &Error{Name: "NotFoundError"}      // no store or index of that name
	ErrQuota        = &Error{Name: "QuotaExceededError"} // the disk or the origin's share of it is full
	ErrUnknown      = &Error{Name: "UnknownError"}       // the browser's storage failed
	ErrNotReadable  = &Error{Name: "NotReadableError"}   // the value is there, and the disk does not give it out
	ErrTimeout      = &Error{Name: "TimeoutError"}       // the browser gave up waiting for a lock
)

// Is reports whether target is an Error of the same name.
func (e *Error) Is(target error) bool {
	t, ok := target.(*Error)
	return ok && t.Name == e.Name
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Error says what was being done, what went wrong, and where there is one, the way out.
func (e *Error) Error() string {
	var b []byte
	if e.Op != "" {
		b = append(b, e.Op...)
		if e.Store != "" {
			b = append(b, " in store "...)
			b = append(b, e.Store...)
			if e.Key != "" {
				b = append(b, " of "...)
				b = append(b, e.Key...)
			}
		}
		b = append(b, ": "...)
	}
	b = append(b, e.Name...)
	for _, text := range [...]string{e.Message, e.hint()} {
		if text != "" {
			b = append(b, ": "...)
			b = append(b, text...)
		}
	}
	if e.Err != nil {
		b = append(b, ": "...)
		b = append(b, e.Err.Error()...)
	}
	return string(b)
}

func (e *Error) hint() string {
	switch e.Name {
	case ErrTransactionInactive.Name:
		return "do only the transaction's own work inside its function, and wait for anything else before or after it"
	case ErrBlocked.Name:
		return "close the app's other tabs, or let them close their connection on a version change"
	case ErrVersion.Name:
		return "this code is older than the stored data: load the current one"
	case ErrQuota.Name:
		return "free some space, or ask for persistent storage"
	}
	return ""
}

// Code returns the table.Code that this failure is to a user of the store.
func (e *Error) Code() table.Code {
	switch e.Name {
	case "ConstraintError":
		return table.CodeConstraint
	case "QuotaExceededError":
		return table.CodeQuota
	case "AbortError":
		return table.CodeAborted
	case "PanicError":
		return table.CodeEngine
	case "TransactionInactiveError", "ReadOnlyError", "InvalidStateError", "InvalidAccessError":
		return table.CodeTransaction
	case "VersionError":
		return table.CodeVersion
	case "BlockedError":
		return table.CodeBlocked
	case "UpgradeError":
		return table.CodeMigration
	case "ClosedError":
		return table.CodeClosed
	case "DataError", "DataCloneError", "SyntaxError", "TypeError":
		return table.CodeInvalid
	case "NotFoundError":
		return table.CodeNotFound
	}
	return table.CodeStorage
}

// Code returns the table.Code of err: the one that a table.Error in its chain has, or else the one of an Error in it.
// It is "" for nil and for an error that is neither.
func Code(err error) table.Code {
	if code := table.CodeOf(err); code != "" {
		return code
	}
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Code()
	}
	return ""
}
