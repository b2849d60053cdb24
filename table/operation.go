package table

// Action is what an [Operation] does to its record.
type Action string

// The three actions. A put is an insert when the record is new here, else an update.
const (
	ActionInsert Action = "insert"
	ActionUpdate Action = "update"
	ActionDelete Action = "delete"
)

// State is where an [Operation] stands in the outbox.
type State string

// The states of an operation. An operation that is settled leaves the outbox.
const (
	StateWaiting     State = "waiting"     // will be sent by the next push
	StateSending     State = "sending"     // was sent; immutable until its verdict is known, across restarts
	StateQuarantined State = "quarantined" // refused; waits for a person or the app
)

// Operation is one change of one record that the server has not confirmed yet. It is the row of the outbox, and is
// stored as a plain JSON object with the names given here.
type Operation struct {
	Seq       uint64 // key in the outbox and the client's sequence number: ascending, never used twice
	ID        string // UUID v7; the wire's Repeatability-Request-ID
	Table     string
	RecordID  string
	Action    Action
	Record    Record // the record as the app left it; nil for a delete
	Base      Record // the server's record that the change was made on; nil for an insert, or when it is not known yet
	Server    Record // the server's newer record, where a conflict or a pull has brought it; {"id", "deleted": true} if it is gone
	State     State
	Reason    string   // why it is quarantined: a Code or the server's text; else ""
	Attempts  int      // how often it was sent
	Principal string   // who made it; it is pushed as nobody else
	Schema    int      // the schema version it was written under
	Groups    []string // the atomic transactions that it is part of; what shares one takes effect together or not at all
	Lost      Lost     // of an operation that brings back what the server lost, when it was restored
	CreatedAt string   // ISO time of the first local write it holds, by the local clock: for people, never for order
}
