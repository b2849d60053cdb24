// Package feed decides what a write does, and gives every write its place in its table's order.
//
// The pushes of many clients share one transaction, because the commit is what costs. Each operation is judged before
// anything of it is written, so that one that is refused has no effect and costs its neighbours nothing.
//
// A write's number is taken from a counter that the transaction holds until it commits: whoever has read up to a number
// has seen all the lower ones. The number with the server's boot id is the record's version; updatedAt comes from the same
// counter and never falls, whatever the clock does.
package feed

import (
	"cmp"
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/larder-sync/larder/server/db"
	"github.com/larder-sync/larder/table"
)

const (
	maxJobs = 256  // pushes in one commit
	maxOps  = 4096 // operations after which a commit takes no further push, so that nobody waits long

	// How long pushes that are expected are waited for: as long as a commit takes, in these bounds. The way of an answer to
	// its client and of the next push back is no shorter because commits are.
	minPatience = 500 * time.Microsecond
	maxPatience = 2 * time.Millisecond
)

// DefaultKeep is how long verdicts and deleted rows are kept.
const DefaultKeep = 90 * day

const day = 24 * time.Hour

// Options is how a [Feed] works. The zero value is what a server wants.
type Options struct {
	Now    func() time.Time // time.Now when nil
	Boot   string           // letters and digits, never used before with the database; random when empty
	NewID  func() string    // ids for records that come without one; UUIDs in the order of time when nil
	Keep   time.Duration    // how long verdicts and deleted rows are kept; DefaultKeep when 0
	Former []string         // stored names of the tables in which what records held before is kept, for [db.DB.Former]
	Inline bool             // every push commits by itself, in its caller's goroutine: one order of events, for a simulator

	// Committed is told of each commit, after it, by the goroutine that made it; nil for nobody.
	Committed func(Commit)
	// Wrote is told what commits wrote, in their order and of each the tables in the order of names, by the same goroutine, when
	// those whose pushes were in it have their answers; nil for nobody. What it wakes runs next, where the commit ran.
	Wrote func([]db.Piece)
	// Logger is told what nobody waits for the answer of; nothing is logged when nil.
	Logger *slog.Logger
}

// Commit is what became of the pushes that one transaction carried out.
type Commit struct {
	Pushes     int
	Operations int
	Took       time.Duration
	Err        error // nil when it is durable
}

// Feed writes to a database. It is made by [Open] and safe for concurrent use.
type Feed struct {
	db      db.DB
	o       Options
	owners  map[string]string // stored table to the column that says whose a record is
	lineage *lineage
	columns width

	jobs    chan *job
	stopped chan struct{} // closed when the writing goroutine has ended

	upkeep upkeep

	mu     sync.RWMutex // held for reading while a push is handed over; closed is set under the write lock
	closed bool
}

// job is one push on its way.
type job struct {
	ctx     context.Context
	ops     []Op
	answers []Answer
	err     error
	done    chan struct{}
}

// Open makes the tables that are not there yet, with their seeds, and starts to take pushes. The caller closes the feed
// before the database.
func Open(ctx context.Context, d db.DB, tables []*db.Table, o Options) (*Feed, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.NewID == nil {
		o.NewID = newID
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	o.Boot = cmp.Or(o.Boot, strings.ToLower(rand.Text()[:10]))
	if strings.ContainsAny(o.Boot, "-.~") || len(o.Boot) > 48 {
		return nil, table.Errorf(table.CodeInvalid, "the boot id ", o.Boot, " is not made of at most 48 letters and digits")
	}
	o.Keep = cmp.Or(o.Keep, DefaultKeep)
	f := &Feed{db: d, o: o, owners: map[string]string{}, lineage: newLineage(o.Boot),
		jobs: make(chan *job, maxJobs), stopped: make(chan struct{})}
	for _, t := range tables {
		if t.Owner != "" {
			f.owners[t.StoredName()] = t.Owner
		}
		f.upkeep.tables = append(f.upkeep.tables, t.StoredName())
	}
	slices.Sort(f.upkeep.tables)
	f.upkeep.tables = slices.Compact(f.upkeep.tables)
	if err := f.columns.load(ctx, d, tables); err != nil {
		return nil, err
	}
	if err := d.Update(ctx, func(tx db.Tx) error { return f.prepare(tx, tables) }); err != nil {
		return nil, err
	}
	if o.Inline {
		close(f.stopped)
	} else {
		go f.run()
	}
	return f, nil
}

func (f *Feed) prepare(tx db.Tx, tables []*db.Table) error {
	var seeds []Op
	schemas := map[string][]*table.Schema{}
	// In the order of names, as every writer takes what it will hold.
	for _, t := range slices.SortedStableFunc(slices.Values(tables), func(a, b *db.Table) int {
		return cmp.Compare(a.StoredName(), b.StoredName())
	}) {
		created, err := tx.Create(t.StoredName())
		if err != nil {
			return err
		}
		schemas[t.StoredName()] = append(schemas[t.StoredName()], t.Schema)
		for i := 0; created && i < len(t.Seed); i++ {
			row := table.Record{table.ColumnID: f.o.NewID()}
			if t.AutoIncrement {
				row[table.ColumnID] = strconv.Itoa(i + 1)
			}
			for name, v := range t.Seed[i] {
				row[name] = v
			}
			row, err := t.Schema.Normalize(row)
			if err != nil {
				return err
			}
			seeds = append(seeds, Op{Table: t, Action: Put, ID: row.ID(), Record: row})
		}
	}
	for _, name := range slices.Sorted(maps.Keys(schemas)) {
		if err := tx.Index(name, schemas[name]...); err != nil {
			return err
		}
	}
	c, err := f.begin(tx, seeds)
	if err != nil {
		return err
	}
	for i := range seeds {
		if _, err := c.apply(&seeds[i]); err != nil {
			return err
		}
	}
	err = c.flush()
	f.columns.learn(c, err)
	return err
}

// newID makes an id that begins with the time: ids that were made one after another stand together in the database's index, so
// that a commit writes one page of it and not one for each record.
func newID() string { return uuid.Must(uuid.NewV7()).String() }

// NewID returns an id for a record that came without one.
func (f *Feed) NewID() string { return f.o.NewID() }

// Push carries out operations in order, as one unit of a commit, and returns one answer for each once they are durable. An
// operation that is refused does not stop the others, but for those of its group.
//
// An error means that the whole push may or may not have happened: sent again, operations that have a client are
// carried out once. Its code is [table.CodeClosed] after [Feed.Close], and [table.CodeStorage] when the database
// failed.
func (f *Feed) Push(ctx context.Context, ops []Op) ([]Answer, error) {
	j := &job{ctx: ctx, ops: ops, done: make(chan struct{})}
	f.mu.RLock()
	if f.closed {
		f.mu.RUnlock()
		return nil, table.Errorf(table.CodeClosed, "the server is stopping: try again")
	}
	if f.o.Inline {
		defer f.mu.RUnlock()
		f.tell(f.commit(ctx, []*job{j}))
		f.maintain(context.WithoutCancel(ctx))
		return j.answers, j.err
	}
	select {
	case f.jobs <- j:
		f.mu.RUnlock()
	case <-ctx.Done():
		f.mu.RUnlock()
		return nil, ctx.Err()
	}
	select {
	case <-j.done:
		return j.answers, j.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// Close refuses further pushes and waits until those that were taken are committed, or the context ends.
func (f *Feed) Close(ctx context.Context) error {
	f.mu.Lock()
	if !f.closed {
		f.closed = true
		close(f.jobs)
	}
	f.mu.Unlock()
	select {
	case <-f.stopped:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// run commits what waits, as much of it at once as is allowed.
func (f *Feed) run() {
	defer close(f.stopped)
	expected, patience := 1, minPatience // pushes, and how long they are waited for
	for {
		var first *job
		select {
		case j, ok := <-f.jobs:
			if !ok {
				return
			}
			first = j
		case <-f.upkeep.due(f.o.Now()):
			f.maintain(context.Background())
			continue
		}
		jobs := f.gather(first, expected, patience)
		start := time.Now()
		wrote := f.commit(context.Background(), jobs)
		// Fewer are expected step by step only: one who is late once is not gone.
		came := len(f.jobs) + len(jobs)
		expected, patience = max(came, (expected+came)/2), min(max(time.Since(start), minPatience), maxPatience)
		for _, j := range jobs {
			close(j.done)
		}
		f.tell(wrote)
		f.maintain(context.Background())
	}
}

// gather adds to the first job what waits, as much of it as is allowed. Those who are answered by a commit are often back in a
// moment: waiting that long for them is cheaper than a commit for them and one for the others, in turn.
func (f *Feed) gather(first *job, expected int, patience time.Duration) []*job {
	jobs, ops := []*job{first}, len(first.ops)
	var enough <-chan time.Time
	for len(jobs) < maxJobs && ops < maxOps {
		if len(jobs) >= min(expected, maxJobs) && len(f.jobs) == 0 {
			return jobs
		}
		if enough == nil {
			enough = time.After(patience)
		}
		select {
		case j, ok := <-f.jobs:
			if !ok {
				return jobs
			}
			jobs, ops = append(jobs, j), ops+len(j.ops)
		case <-enough:
			expected = len(jobs) // and what waits already
		}
	}
	return jobs
}

// tell tells what was written.
func (f *Feed) tell(wrote []db.Piece) {
	if f.o.Wrote != nil && len(wrote) > 0 {
		f.o.Wrote(wrote)
	}
}

// commit carries out the jobs in one transaction, and returns what was written. If that fails for what was in it, each is tried
// alone, so that no job fails for what another one brought. Where the storage failed all fail: nobody knows whether they
// happened.
func (f *Feed) commit(ctx context.Context, jobs []*job) (wrote []db.Piece) {
	wrote, err := f.attempt(ctx, jobs)
	for _, j := range jobs {
		if err != nil && len(jobs) > 1 && table.CodeOf(err) != table.CodeStorage {
			var own []db.Piece
			own, j.err = f.attempt(ctx, []*job{j})
			wrote = append(wrote, own...)
		} else if err != nil {
			j.err = err
		}
		if table.CodeOf(j.err) == table.CodeConstraint {
			wrote = append(wrote, f.sift(ctx, j)...)
		}
	}
	return wrote
}

// sift carries out a job that holds something which the database cannot keep, group by group, and refuses the groups that do.
func (f *Feed) sift(ctx context.Context, j *job) (wrote []db.Piece) {
	j.answers, j.err = nil, nil
	for start, end := 0, 0; start < len(j.ops); start = end {
		end = groupEnd(j.ops, start)
		part := &job{ctx: j.ctx, ops: j.ops[start:end]}
		for i := range part.ops {
			part.ops[i].New = false // it may be just this that does not hold
		}
		own, err := f.attempt(ctx, []*job{part})
		wrote = append(wrote, own...)
		if err = cmp.Or(err, part.err); err != nil && table.CodeOf(err) != table.CodeConstraint {
			j.answers, j.err = nil, err
			return wrote
		}
		if err != nil {
			part.answers = nil
			for range part.ops {
				part.answers = append(part.answers, Refusal(http.StatusUnprocessableEntity, table.CodeConstraint, err.Error()))
			}
		}
		j.answers = append(j.answers, part.answers...)
	}
	return wrote
}

// attempt is one transaction over the jobs. A panic in it is a job's failure and not the server's.
func (f *Feed) attempt(ctx context.Context, jobs []*job) (wrote []db.Piece, err error) {
	done, start := Commit{Pushes: len(jobs)}, time.Now()
	var ops []Op
	for _, j := range jobs {
		ops = append(ops, j.ops...)
	}
	done.Operations = len(ops)
	var c *commit
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("a write panicked: %v\n%s", p, debug.Stack())
		}
		if c != nil {
			f.lineage.learn(c.feeds, err)
			f.columns.learn(c, err)
			if err == nil {
				wrote = c.pieces
			}
		}
		if done.Took, done.Err = time.Since(start), err; f.o.Committed != nil {
			f.o.Committed(done)
		}
	}()
	return nil, f.db.Update(ctx, func(tx db.Tx) (err error) {
		if c, err = f.begin(tx, ops); err != nil {
			return err
		}
		for _, j := range jobs {
			if j.err = j.ctx.Err(); j.err != nil { // nobody waits for it any more, and nothing was promised
				continue
			}
			if j.answers, err = c.push(j.ops); err != nil {
				return err
			}
		}
		return c.flush()
	})
}

// Waiting returns how many pushes wait for the next commit.
func (f *Feed) Waiting() int { return len(f.jobs) }
