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
	ParamDeltaToken   = "$deltatoken" // empty: a first pull
	ParamAfter        = "after"       // of PathDigest: the range begins after this id; "" where it begins with the first
	ParamTo           = "to"          // of PathDigest: the range's last id; "" where nothing bounds it
	ParamSize         = "size"        // of PathDigest: records in each part
	ParamParts        = "parts"       // of PathDigest: how many parts at most
	ParamRecords      = "records"     // of PathDigest: "true" for the records as well
	FieldNextLink     = "@odata.nextLink"
	FieldDeltaLink    = "@odata.deltaLink"
	FieldCount        = "@odata.count"
	FieldRemoved      = "@removed"
	TokenBeginning    = "-0"      // a $deltatoken: all changes since the beginning, deleted records among them
	ReasonDeleted     = "deleted" // the record is gone
	ReasonChanged     = "changed" // the record left the filter or the caller's rights
	MaxBatch          = 1000      // operations in one batch, at most
	MaxDigest         = 10_000    // records in one answer to PathDigest, at most
	DefaultDeltaPage  = 1000      // rows in one delta page when $top is absent
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
}

// Change is one entry of a [Page].
type Change struct {
	Row            // with neither text nor record when removed
	Removed string // "", ReasonDeleted or ReasonChanged
	Version string // with ReasonChanged: of the record as it left; "" if the server did not say
}
