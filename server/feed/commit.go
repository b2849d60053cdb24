package feed

import (
	"cmp"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/larder-sync/larder/server/db"
	"github.com/larder-sync/larder/table"
)

// perTick is how many writes of a table share one updatedAt at most. Azure's client, whose page is 50, compares updatedAt by
// the millisecond, and loses rows when a whole page has one value.
const perTick = 32

// commit is a transaction in the making. Operations are judged against what earlier ones left in memory; [commit.flush]
// then writes the last state of each row once.
type commit struct {
	tx    db.Tx
	o     Options
	now   time.Time
	boot  string
	feeds map[string]*tableFeed
	known *width
	fresh map[string][]string // columns that are met for the first time, by table

	clients map[string]db.Client
	kept    map[db.Repeat]db.Verdict // of earlier commits
	settled map[db.Repeat]db.Verdict // of this one

	journal []func() // undoes the writes of the group that is being judged, last first
	pieces  []db.Piece
}

// tableFeed is what a commit does to one table.
type tableFeed struct {
	was  db.Counter
	now  db.Counter
	base int64 // updatedAt of the first write, in milliseconds

	owner string // the column that says whose a record is; "" for none
	rows  map[string]*row
}

// row is a row that the commit looked at.
type row struct {
	was    db.Row // as the transaction found it; Seq is 0 where there was none
	now    db.Row
	record table.Record // now.Data, parsed; nil where there is none or nobody asked yet
}

// exists reports whether there is a record that is not deleted.
func (r *row) exists() bool { return r.now.Seq != 0 && !r.now.Deleted }

// begin takes the counters of all tables that the operations name, in the order of names, so that two servers on one
// database never wait for each other in a circle. Then it reads at once what the operations will be judged by.
func (f *Feed) begin(tx db.Tx, ops []Op) (*commit, error) {
	c := &commit{tx: tx, o: f.o, now: f.o.Now(), known: &f.columns, feeds: map[string]*tableFeed{}, clients: map[string]db.Client{},
		kept: map[db.Repeat]db.Verdict{}, settled: map[db.Repeat]db.Verdict{}}
	ids := named(ops)
	for _, name := range slices.Sorted(maps.Keys(ids)) {
		counter, err := tx.Counter(name)
		if err != nil {
			return nil, err
		}
		c.feeds[name] = &tableFeed{was: counter, now: counter, owner: f.owners[name], rows: map[string]*row{},
			base: max(c.now.UnixMilli(), counter.At+1)}
	}
	c.boot = f.lineage.boot(c.feeds)
	for name, t := range c.feeds {
		if err := c.load(name, looked(ids[name])); err != nil {
			return nil, table.Errorf(table.CodeOf(err), "rows of ", name, " cannot be read").Because(err)
		}
		for id := range ids[name] {
			if t.rows[id] == nil {
				t.rows[id] = &row{}
			}
		}
	}
	return c, c.recollect(ops)
}

// named returns the ids of the rows that the operations are about, by table; false for those that are new, and need no look. If
// they are asked for again, something did not hold the first time, and none counts as new.
func named(ops []Op) map[string]map[string]bool {
	ids := map[string]map[string]bool{}
	for i := range ops {
		if ops[i].Table == nil {
			continue
		}
		name := ops[i].Table.StoredName()
		if ids[name] == nil {
			ids[name] = map[string]bool{}
		}
		if id := ops[i].ID; id != "" && ops[i].Refused == nil {
			ids[name][id] = ids[name][id] || !ops[i].New
			ops[i].New = false
		}
	}
	return ids
}

// looked returns the ids to look at, in order.
func looked(ids map[string]bool) (list []string) {
	for id, look := range ids {
		if look {
			list = append(list, id)
		}
	}
	slices.Sort(list)
	return list
}

// load reads rows.
func (c *commit) load(name string, ids []string) error {
	if len(ids) == 0 {
		return nil
	}
	found, err := c.tx.Rows(name, ids)
	if err != nil {
		return err
	}
	for _, was := range found {
		c.feeds[name].rows[was.ID] = &row{was: was, now: was}
	}
	return nil
}

// row returns a row as the commit has left it so far, parsed.
func (c *commit) row(name, id string) (*row, error) {
	f := c.feeds[name]
	if f.rows[id] == nil {
		f.rows[id] = &row{}
		if err := c.load(name, []string{id}); err != nil {
			return nil, err
		}
	}
	r := f.rows[id]
	if r.now.Seq == 0 || r.record != nil {
		return r, nil
	}
	var err error
	if r.record, err = table.ParseRecord(r.now.Data); err != nil {
		return nil, table.Errorf(table.CodeServer, "the stored record ", name, "/", id, " is damaged").Because(err)
	}
	return r, nil
}

// apply judges one operation and, if it may be, carries it out in memory. An error is the database's.
func (c *commit) apply(op *Op) (Answer, error) {
	if op.Refused != nil {
		return *op.Refused, nil
	}
	if err := c.number(op); err != nil {
		return Answer{}, err
	}
	r, err := c.row(op.Table.StoredName(), op.ID)
	if table.CodeOf(err) == table.CodeServer { // one damaged record holds up nothing else
		return Refusal(http.StatusInternalServerError, table.CodeServer, err.Error()), nil
	}
	if err != nil {
		return Answer{}, err
	}
	hidden := r.now.Seq != 0 && op.Sees != nil && !op.Sees(r.record)
	switch op.Action {
	case Insert:
		// A client that keeps an outbox may delete a record and make it again; others undelete it, as Azure's do.
		if r.exists() || r.now.Seq != 0 && (hidden || op.Table.SoftDelete && op.Client == "") {
			if hidden {
				return Refusal(http.StatusConflict, table.CodeExists, "the id is taken: choose another"), nil
			}
			return r.answer(http.StatusConflict), nil
		}
		return c.write(op, r, columns(op.Record, nil), false).answer(http.StatusCreated), nil
	case Put:
		return c.put(op, r), nil
	case Undelete:
		if r.now.Seq == 0 || hidden || r.now.Deleted && !op.Table.SoftDelete {
			return gone(false), nil
		}
	default:
		if !r.exists() || hidden {
			return gone(r.now.Deleted && !hidden), nil
		}
	}
	if op.Match != "" && op.Match != r.record.Version() || op.Holds != nil && !op.Holds(r.record) {
		return r.answer(http.StatusPreconditionFailed), nil
	}
	return c.change(op, r), nil
}

// change carries out an operation on a record that is there.
func (c *commit) change(op *Op, r *row) Answer {
	switch {
	case op.Action == Undelete && op.Record == nil:
		return c.write(op, r, columns(r.record, nil), false).answer(http.StatusCreated)
	case op.Action == Undelete:
		return c.write(op, r, columns(op.Record, nil), false).answer(http.StatusOK)
	case op.Action == Delete:
		return c.write(op, r, columns(r.record, nil), true).answer(http.StatusOK)
	case op.Action == Replace:
		return c.write(op, r, columns(op.Record, nil), false).answer(http.StatusOK)
	case !names(op.Record):
		return r.answer(http.StatusOK)
	}
	return c.write(op, r, columns(op.Record, r.record), false).answer(http.StatusOK)
}

// number gives an id to a new record of a table that is numbered: the number of its write, or the next one that is free.
func (c *commit) number(op *Op) error {
	if op.ID != "" || op.Action != Insert && op.Action != Put {
		return nil
	}
	name := op.Table.StoredName()
	for n := c.feeds[name].now.Seq + 1; ; n++ {
		id := strconv.FormatInt(n, 10)
		r, err := c.row(name, id)
		if err != nil && table.CodeOf(err) != table.CodeServer {
			return err
		}
		if err == nil && r.now.Seq == 0 {
			op.ID = id
			return nil
		}
	}
}

// put makes the record what the operation says. A record that is that already keeps its place in the feed.
func (c *commit) put(op *Op, r *row) Answer {
	status := http.StatusOK
	next := columns(op.Record, nil)
	if !r.exists() {
		status = http.StatusCreated
	} else if table.Equal(next, columns(r.record, nil)) {
		return Answer{Status: http.StatusNotModified}
	}
	return c.write(op, r, next, false).answer(status)
}

// columns returns what an app may write of a record, laid over base, without nulls.
func columns(r, base table.Record) table.Record {
	out := make(table.Record, len(r)+len(base)+4)
	for _, from := range [...]table.Record{base, r} {
		for name, v := range from {
			switch {
			case table.IsSystem(name):
			case v == nil:
				delete(out, name)
			default:
				out[name] = v
			}
		}
	}
	return out
}

// names reports whether an update names a column to change.
func names(r table.Record) bool {
	for name := range r {
		if name != table.ColumnID && !table.IsSystem(name) {
			return true
		}
	}
	return false
}

// write gives the record its place in the feed: the next number, the version, and the time.
func (c *commit) write(op *Op, r *row, next table.Record, deleted bool) *row {
	f := c.feeds[op.Table.StoredName()]
	before, counter := *r, f.now
	c.journal = append(c.journal, func() { *r, f.now = before, counter })

	f.now.Seq++
	f.now.Boot = c.boot
	f.now.At = f.base + (f.now.Seq-f.was.Seq-1)/perTick
	switch {
	case r.exists() && deleted:
		f.now.Live--
	case !r.exists() && !deleted:
		f.now.Live++
	}
	at := time.UnixMilli(f.now.At).UTC().Format("2006-01-02T15:04:05.000Z")
	next[table.ColumnID] = op.ID
	next[table.ColumnCreatedAt] = at
	if created, ok := r.record[table.ColumnCreatedAt]; ok && op.Action != Insert {
		next[table.ColumnCreatedAt] = created
	}
	next[table.ColumnUpdatedAt] = at
	next[table.ColumnVersion] = f.now.Mark().String()
	if lost := cmp.Or(op.Lost, table.LostOf(r.record.Version()).AndChanged()); lost != "" {
		next[table.ColumnVersion] = f.now.Mark().String() + "~" + string(lost)
	}
	next[table.ColumnDeleted] = deleted
	r.record = next
	r.now = db.Row{Seq: f.now.Seq, ID: op.ID, Deleted: deleted, Data: table.AppendJSON(nil, next)}
	if f.owner != "" {
		r.now.Owner, _ = next[f.owner].(string)
	}
	return r
}

// answer is an answer with the record as it is now.
func (r *row) answer(status int) Answer {
	return Answer{Status: status, Body: r.now.Data, Version: r.record.Version()}
}

// flush writes what the commit has decided.
func (c *commit) flush() error {
	for _, name := range slices.Sorted(maps.Keys(c.feeds)) {
		if err := c.flushTable(name, c.feeds[name]); err != nil {
			return err
		}
		if err := c.widen(name, c.feeds[name]); err != nil {
			return err
		}
	}
	if len(c.settled) == 0 {
		return nil
	}
	var verdicts []db.Verdict
	for _, key := range slices.SortedFunc(maps.Keys(c.settled), compareRepeat) {
		verdicts = append(verdicts, c.settled[key])
	}
	return c.tx.Settle(verdicts)
}

func (c *commit) flushTable(name string, f *tableFeed) error {
	if f.now == f.was {
		return nil
	}
	if err := c.tx.Advance(name, f.was, f.now); err != nil {
		return err
	}
	var moves []db.Move
	for _, r := range f.rows {
		if r.now.Seq == r.was.Seq {
			continue
		}
		m := db.Move{Row: r.now, Old: r.was.Seq}
		if r.was.Owner != r.now.Owner {
			m.Left = r.was.Owner
		}
		if r.was.Seq != 0 && slices.Contains(c.o.Former, name) {
			m.Was = r.was.Data
		}
		moves = append(moves, m)
	}
	// In order, so that the database appends.
	slices.SortFunc(moves, func(a, b db.Move) int { return cmp.Compare(a.Seq, b.Seq) })
	piece := db.Piece{Table: name, From: f.was, To: f.now, Entries: make([]db.Entry, 0, len(moves))}
	for _, m := range moves {
		if m.Left != "" {
			piece.Entries = append(piece.Entries, db.Entry{Row: db.Row{Seq: m.Seq, ID: m.ID, Owner: m.Left}, Left: true})
		}
		piece.Entries = append(piece.Entries, db.Entry{Row: m.Row})
	}
	c.pieces = append(c.pieces, piece)
	return c.tx.Put(name, moves)
}
