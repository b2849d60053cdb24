package replica

import (
	"strconv"
	"time"

	"github.com/larder-sync/larder/table"
)

// Event is what has happened: the input of [Machine.Step].
type Event interface{ event() }

// Effect is what is to be done next: the output of [Machine.Step]. Its result is the next event.
type Effect interface{ effect() }

// The events.
type (
	Started struct{}               // begin
	Taken   struct{ Batch *Batch } // the answer to Take
	Answer  struct {               // the answer to Send
		Status     int
		RetryAfter time.Duration // 0 if the server did not say
		Body       []byte
		Err        error // no answer came: the network failed
	}
	Settled  struct{ Settlement *Settlement } // the answer to Settle
	Decided  struct{ Decision Decision }      // the answer to Ask
	Resolved struct{ Again *Conflict }        // the answer to Resolve
	Cursor   struct{ Token, Seen string }     // the answer to LoadCursor and Forget
	Applied  struct{ Unsettled bool }         // the answer to Apply; Unsettled: not stored, a verdict is missing
	Woke     struct{}                         // the answer to Wait
	Token    struct{ Fresh bool }             // the answer to Refresh: whether there is a fresh token
	Picked   struct{ After string }           // the answer to Pick
	Compared struct {                         // the answer to Compare
		Parts     *table.Parts
		Rows      []int          // local records in each part
		Equal     []bool         // whether each is as the server's
		Differing []table.Change // where records were asked for: what a pull would have to bring
	}
	Healed struct{ Records int } // the answer to Heal: how many records are as the server's now
	Broken struct{ Err error }   // storage failed, or the context ended: nothing more can be done
)

// The effects.
type (
	Take struct { // mark and load operations
		Limit int  // at most
		Sent  bool // only those that were sent before
	}
	Send struct { // send a request to the server
		Method, Path string // Path begins with "/tables/"
		Body         []byte
		Headers      map[string]string // lower-case names; beside those that every request has
	}
	Settle struct { // apply verdicts
		Operations []*table.Operation
		Answers    map[string]*table.Response // by operation id

		flight flight // of their batch
	}
	Ask     struct{ Conflict *Conflict } // ask the app
	Resolve struct {                     // carry out a decision
		Conflict *Conflict
		Decision Decision
	}
	LoadCursor struct{ Pull }
	Forget     struct { // the cursor leads nowhere any more
		Pull
		Expired bool // and what the new pull does not bring is gone
	}
	Apply struct { // store a page and its cursor
		Pull
		Page *table.Page
		From string // the token that was sent
		Last bool   // the job is done then: note the time as well
	}
	Pick struct { // choose the range of a sample
		Pull
		At float64 // how far into the table, from 0 to 1
	}
	Compare struct { // compare local records with digests
		Pull
		After   string // the first part begins after this id
		Parts   *table.Parts
		Records bool // the parts have the records themselves
	}
	Heal struct { // store what the server has
		Pull
		Changes []table.Change
	}
	Wait struct {
		For      time.Duration
		Failures int // how often the server has now said that it cannot, in a row; 0 where no answer came
	}
	Refresh struct{} // get a fresh token
	Done    struct { // the end
		Result Result
		Err    error // nil when everything was done; else what stopped it
		Quiet  Wait  // how long the server is to be left alone, where patience has ended before
	}
)

func (Started) event()  {}
func (Taken) event()    {}
func (Answer) event()   {}
func (Settled) event()  {}
func (Decided) event()  {}
func (Resolved) event() {}
func (Cursor) event()   {}
func (Applied) event()  {}
func (Woke) event()     {}
func (Token) event()    {}
func (Picked) event()   {}
func (Compared) event() {}
func (Healed) event()   {}
func (Broken) event()   {}

func (Take) effect()       {}
func (Send) effect()       {}
func (Settle) effect()     {}
func (Ask) effect()        {}
func (Resolve) effect()    {}
func (LoadCursor) effect() {}
func (Forget) effect()     {}
func (Apply) effect()      {}
func (Pick) effect()       {}
func (Compare) effect()    {}
func (Heal) effect()       {}
func (Wait) effect()       {}
func (Refresh) effect()    {}
func (Done) effect()       {}

// Result is what a push, a pull or a sync came to.
type Result struct {
	Pushed      int                // operations that the server accepted
	Pulled      int                // changes that came from the server
	Quarantined []*table.Operation // refused in this push, conflicts that nobody decided among them
	Requests    int                // round trips
	Verified    []Verification     // one for each pull, where the job was to verify
}

// Pull names what is pulled: a table, or the part of it that meets a filter. Each has a cursor of its own, and a table's
// records are those of all its pulls.
type Pull struct {
	Table  string
	Filter string // OData text; "": the whole table
}

// Job is what a [Machine] shall do: push, then pull.
type Job struct {
	Push     bool
	Pulls    []Pull
	Patience time.Duration // how long it may wait for retries, all in all
	PageSize int           // rows in a page; 0: 1,000
	Verify   bool          // compare what was pulled with the server, and heal it
	Sample   bool          // of Verify: a random range of one of the pulls only, by one request if it is equal

	early bool // there is more to be done after it

	Progress func(table string, done, known int) // after each page; known is -1 where the server did not say; may be nil
}

// maxRounds bounds how often one conflict is asked again because the record was changed meanwhile, and maxStalled how
// many batches in a row may end in nothing but new conflicts.
const (
	maxRounds  = 5
	maxStalled = 10
)

// Machine is one run of the engine as a pure state machine: the same events give the same effects. Feed it [Started]
// and then the result of each effect it returns, until that is [Done]. It is for one goroutine.
type Machine struct {
	job    Job
	jitter func() float64 // in [0, 1)

	pushing   bool
	limit     int  // operations in the next batch
	grows     bool // with each batch that is answered, after it was made small for one record
	batch     *Batch
	asked     []*table.Response // what became of its first operations, while it is asked for; nil while it is not
	conflicts []*Conflict
	decision  Decision
	rounds    int

	now    Pull        // what is pulled; the zero Pull while nothing is
	first  bool        // the next page is the table's first
	known  int         // rows of it that the server has, -1 if it did not say
	done   int         // rows of it that came
	page   *table.Page // that is being applied
	from   string      // the token that it was asked with
	check  *inspection // the verification of it, nil while there is none
	chosen int         // how many pulls come after the one that is sampled
	reset  bool        // its cursor was dropped in this run
	heals  int         // how often it waited for verdicts

	offers  bool   // to a source, and not to a server that speaks the wire
	trouble error  // what kept the source from giving all verdicts of the last batch
	doubt   string // a table of a server that seems to be a plain Azure one; "" for none

	last      Effect // the request that is under way, to be sent again
	attempts  int    // failures of it in a row
	before    int    // failures in a row that earlier runs have ended with
	waited    time.Duration
	undecided int // operations of the last batch that the server could not decide yet
	stalled   int // batches in a row that brought no operation to its end
	refreshed bool

	asking bool // the server is asked for its past, and nothing else
	judged bool // it was another one than was known
	lost   int  // pulls to be done before all else, which find out what the server has lost

	result Result
}

// NewMachine returns a machine for one job. jitter spreads retries and is asked for numbers in [0, 1).
func NewMachine(job Job, jitter func() float64) *Machine {
	if job.PageSize == 0 {
		job.PageSize = table.DefaultDeltaPage
	}
	m := &Machine{job: job, jitter: jitter, limit: table.MaxBatch}
	if job.Sample {
		m.chosen = int(jitter() * float64(len(job.Pulls)))
	}
	return m
}

// Step takes an event and returns the next effect.
func (m *Machine) Step(e Event) Effect {
	switch e := e.(type) {
	case Started:
		if m.job.Push {
			return m.take()
		}
		return m.nextTable()
	case Taken:
		if len(e.Batch.Reclaimed) > 0 {
			return m.reclaim(e.Batch.Reclaimed)
		}
		if len(e.Batch.Operations) == 0 {
			return m.pushedAll()
		}
		m.batch, m.asked = e.Batch, nil
		if m.offers {
			m.last = Offer{e.Batch}
			return m.again()
		}
		return m.send(Send{Method: "POST", Path: batchPath(e.Batch.Seen), Body: encodeBatch(e.Batch)})
	case Answer:
		return m.answer(e)
	case Offered:
		return m.offered(e)
	case Fetched:
		return m.fetched(e)
	case Settled:
		m.result.Pushed += e.Settlement.Accepted
		m.result.Quarantined = append(m.result.Quarantined, e.Settlement.Quarantined...)
		m.conflicts = append(m.conflicts, e.Settlement.Conflicts...)
		if m.stalled++; e.Settlement.Accepted+len(e.Settlement.Quarantined) > 0 {
			m.stalled = 0
		}
		return m.nextConflict()
	case Decided:
		m.decision = e.Decision
		return Resolve{m.conflicts[0], e.Decision}
	case Resolved:
		return m.resolved(e)
	case Recalled:
		m.asking = true
		return m.send(Send{Method: "POST", Path: batchPath(e.Seen), Body: encodeBatch(&Batch{})})
	case Judged:
		return m.reclaim(e.Pulls)
	case Cursor:
		return m.pull(e.Token, e.Seen)
	case Applied:
		return m.applied(e.Unsettled)
	case Picked:
		m.check.spans = []span{{after: e.After, size: sampleRows, top: true}}
		return m.nextSpan()
	case Compared:
		return m.compared(e)
	case Healed:
		m.check.Healed += e.Records
		return m.nextSpan()
	case Woke:
		return m.resume()
	case Token:
		if !e.Fresh {
			return m.stop(table.Errorf(table.CodeAuth, "the server wants a valid sign-in: give a fresh token"))
		}
		m.refreshed = true
		return m.resume()
	case Broken:
		return m.stop(e.Err)
	}
	return m.stop(table.Errorf(table.CodeEngine, "the sync engine was given an event that it does not know"))
}

// resume goes on after a pause: with what is to be pushed now, or with the request that failed.
func (m *Machine) resume() Effect {
	if m.pushing && m.batch == nil {
		return m.take()
	}
	return m.again()
}

func (m *Machine) send(s Effect) Effect {
	m.last, m.attempts, m.before = s, m.before, 0
	return m.again()
}

func (m *Machine) again() Effect {
	m.result.Requests++
	return m.last
}

func (m *Machine) stop(err error) Effect { return Done{Result: m.result, Err: err} }

// answer takes what the network brought and sorts it: try again, give up, or go on.
func (m *Machine) answer(a Answer) Effect {
	switch {
	case a.Err != nil:
		return m.retry(a, table.Errorf(table.CodeNetwork, "the server cannot be reached").Because(a.Err))
	case a.Status == 429 || a.Status == 408 || a.Status >= 500:
		return m.retry(a, table.Errorf(table.CodeServer, "the server answered ", strconv.Itoa(a.Status), serverText(a.Body)))
	case a.Status == 401 && m.refreshed:
		return m.stop(table.Errorf(table.CodeAuth, "the server refused the token", serverText(a.Body)))
	case a.Status == 401:
		return Refresh{}
	}
	m.refreshed = false
	if m.asking {
		return m.heard(a)
	}
	if m.batch != nil {
		return m.pushed(a)
	}
	if m.check != nil && m.check.asked {
		return m.inspected(a)
	}
	return m.pulled(a)
}

// retry waits and sends again, as long as patience lasts. An answer that says when decides the time; else the time
// doubles from half a second to half a minute, spread by jitter.
func (m *Machine) retry(a Answer, cause error) Effect {
	m.attempts++
	wait := a.RetryAfter
	if wait <= 0 {
		base := 500 * time.Millisecond << min(m.attempts-1, 6)
		wait = base/2 + time.Duration(m.jitter()*float64(base/2))
	}
	pause := Wait{For: wait, Failures: m.attempts}
	if a.Err != nil {
		pause.Failures = 0
	}
	if m.waited += wait; m.waited > m.job.Patience {
		return Done{m.result, cause, pause}
	}
	return pause
}

// codeOf returns the code of a refusal, or "".
func codeOf(body []byte) table.Code {
	r, _ := table.ParseRecord(body) // what is no refusal has no code
	code, _ := r["code"].(string)
	return table.Code(code)
}

func serverText(body []byte) string {
	if r, err := table.ParseRecord(body); err == nil {
		if text, _ := r["error"].(string); text != "" {
			return ": " + text
		}
	}
	return ""
}
