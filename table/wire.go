package table

// Names of the wire: paths, headers and parameters that both sides use.
const (
	PathTables = "/tables/"       // followed by a table's name, and an id
	PathBatch  = "/tables/$batch" // OData JSON batch
	PathDigest = "/$digest"       // after a table's path, with a delta token: what the server has, as digests by ranges of ids
	PathProbe  = "/__probe"       // answers 204 and repeats its query parameter "n" in HeaderProbe

	HeaderZUMOVersion = "ZUMO-API-VERSION"
	HeaderRequestID   = "Repeatability-Request-ID" // the operation's id
	HeaderClientID    = "Repeatability-Client-ID"  // "<client id>.<sequence number>"
	HeaderProbe       = "Larder-Probe"
	HeaderLost        = "Larder-Lost" // a Lost, of an operation that brings back what the server lost
	ParamDeltaToken   = "$deltatoken" // empty: a first pull
	ParamSeen         = "$seen"       // a Mark that the client has seen; of a batch "table:mark,table:mark"
	ParamAfter        = "after"       // of PathDigest: the range begins after this id; "" where it begins with the first
	ParamTo           = "to"          // of PathDigest: the range's last id; "" where nothing bounds it
	ParamSize         = "size"        // of PathDigest: records in each part
	ParamParts        = "parts"       // of PathDigest: how many parts at most
	ParamRecords      = "records"     // of PathDigest: "true" for the records as well
	FieldNextLink     = "@odata.nextLink"
	FieldDeltaLink    = "@odata.deltaLink"
	FieldCount        = "@odata.count"
	FieldRemoved      = "@removed"
	FieldPast         = "@larder.past" // of a page: the table's Past, where the client may not know it
	FieldPasts        = "past"         // of the answer 410 with code "epoch": the Past of each table that was asked for
	TokenBeginning    = "-0"           // a $deltatoken: all changes since the beginning, deleted records among them
	ReasonDeleted     = "deleted"      // the record is gone
	ReasonChanged     = "changed"      // the record left the filter or the caller's rights
	MaxBatch          = 1000           // operations in one batch, at most
	MaxDigest         = 10_000         // records in one answer to PathDigest, at most
	DefaultDeltaPage  = 1000           // rows in one delta page when $top is absent
	ZUMOVersion       = "2.0.0"
)

// Request is one request of a batch.
type Request struct {
	ID      string            // names the answer; unique within the batch
	Group   string            // atomicityGroup; "" for none
	Method  string            // POST, PATCH, DELETE
	URL     string            // relative to /tables/: "todoitem" or "todoitem/42", percent-encoded
	Headers map[string]string // lower-case names
	Body    Record            // nil for none
}

// Response is one answer of a batch.
type Response struct {
	ID      string
	Status  int
	Headers map[string]string // lower-case names
	Body    Record            // the server's record, or {"error": text, "code": code}; nil for none
}

// Page is one page of a delta: what changed in a table after a cursor.
type Page struct {
	Changes []Change // in the server's commit order
	Token   string   // the $deltatoken that continues after this page
	More    bool     // there are further pages now (the page had a nextLink)
	Count   int      // live rows known to the server, if it said so; else -1
	Past    Past     // the table's, if the server said it; else ""
}

// Change is one entry of a [Page].
type Change struct {
	Row            // with neither text nor record when removed
	Removed string // "", ReasonDeleted or ReasonChanged
	Version string // when removed: of the tombstone, or of the record as it left; "" if the server did not say
}
