package table

import "errors"

// Code says what kind of failure an [Error] is. Codes are stable: programs on both sides of the wire, in Go and in
// JavaScript, branch on them.
type Code string

// Failures of what the caller asked for.
const (
	CodeInvalid    Code = "invalid"    // a value, id, column or argument that cannot be stored
	CodeQuery      Code = "query"      // a query that cannot be read, or names what is not there
	CodeExists     Code = "exists"     // an insert of an id that is taken
	CodeNotFound   Code = "not-found"  // an update or lookup of an id, table or database that is not there
	CodeConstraint Code = "constraint" // a unique index refused the value
	CodeConflict   Code = "conflict"   // the other side changed the record meanwhile
)

// Failures of the store in the browser.
const (
	CodeTransaction Code = "transaction" // used outside its transaction, or waited inside it on something else
	CodeAborted     Code = "aborted"     // the caller's context, signal or function ended it
	CodeBlocked     Code = "blocked"     // another tab keeps an older version open
	CodeVersion     Code = "version"     // the stored database is newer than this code
	CodeMigration   Code = "migration"   // a migration failed; the older version is intact
	CodeQuota       Code = "quota"       // the disk or the origin's share of it is full
	CodeStorage     Code = "storage"     // the browser's storage failed in another way
	CodeClosed      Code = "closed"      // the handle was closed
	CodeEngine      Code = "engine"      // the engine itself could not start or has stopped
)

// Failures of the way to the server and of the server.
const (
	CodeNetwork Code = "network" // no answer: offline, refused, cut off
	CodeAuth    Code = "auth"    // not signed in, expired, or not allowed
	CodeServer  Code = "server"  // the server answered, and the answer is an error or cannot be understood
	CodeEpoch   Code = "epoch"   // the server does not know the past that the client refers to
	CodeFork    Code = "fork"    // another copy of this client has used the operation's number: it needs a new client id
	CodeExpired Code = "expired" // the token is no good any more: pull all again, and drop what does not come
	CodeLimit   Code = "limit"   // a limit of the server: body, depth, rate
)

// Error is the one error type that Larder's packages return for what callers branch on. Its text names the thing and
// the way out. Most callers use [CodeOf], or errors.AsType.
//
// The zero value is not meaningful. An Error is immutable once returned, and so safe for concurrent use.
type Error struct {
	Code    Code
	Message string
	Err     error // the cause, or nil
}

// Errorf makes an Error. The message is fixed text followed by the parts, joined as they are: no formatting verbs, so
// that the engine's size does not depend on package fmt.
func Errorf(code Code, parts ...string) *Error {
	n := 0
	for _, p := range parts {
		n += len(p)
	}
	b := make([]byte, 0, n)
	for _, p := range parts {
		b = append(b, p...)
	}
	return &Error{Code: code, Message: string(b)}
}

// Because returns a copy of e whose cause is err.
func (e *Error) Because(err error) *Error {
	c := *e
	c.Err = err
	return &c
}

// Error returns the message, followed by the cause if there is one.
func (e *Error) Error() string {
	if e.Err != nil {
		return e.Message + ": " + e.Err.Error()
	}
	return e.Message
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// CodeOf returns the code of the first [Error] in err's chain, or "" if there is none (also for a nil error).
func CodeOf(err error) Code {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Code
	}
	return ""
}
