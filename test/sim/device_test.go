package sim_test

import (
	"context"
	"encoding/base64"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/larder-sync/larder/table"
	"github.com/larder-sync/larder/wasm/replica"
	"github.com/larder-sync/larder/wasm/store"
)

// device is a browser profile: one database, and the tabs that have it open.
type device struct {
	*world
	name   string
	disk   *disk
	tabs   []*tab
	holder *tab     // of the origin's lock, or nil
	flying *session // that waits for the answer to a push, or nil

	owner    string    // whose it is
	signedIn bool      // the owner was
	tokens   int       // counts the owner's
	version  int       // of the schema
	clones   []*device // that were one with this one, itself among them

	last   map[string]wrote // what the device wrote last, by record
	shown  map[string]int   // the highest number of each record that was shown
	forgot map[string]bool  // records whose change the app has dropped since
	kept   map[string]bool  // records of which a cancelled change was left here

	heard   string // the id of the last event of its stream
	heardAt int    // how many effects there had been then
}

// wrote is a local write.
type wrote struct {
	text string // "" for a delete
	was  bool   // there was a record of the server's
}

// tab is one open connection with its engine.
type tab struct {
	*device
	number  int
	store   *store.Store
	replica *replica.Replica
	session *session
}

// session is a tab from its start to its end.
type session struct {
	*tab
	over     bool
	requests int // of the sync that runs
	fuse     int // calls until its context ends, or 0
	cancel   context.CancelFunc
}

// light returns a context that sometimes ends at one of the calls of the network or the storage that are made with it, and a
// function that ends it.
func (t *session) light() (context.Context, context.CancelFunc) {
	inner, cancel := context.WithCancel(ctx)
	if t.chance(8) {
		t.fuse, t.cancel = 1+t.rng.IntN(20), cancel
	}
	return inner, func() {
		t.fuse = 0
		cancel()
	}
}

// burn counts one call.
func (t *session) burn() {
	if t.fuse > 0 && t.disk.quiets == 0 {
		if t.fuse--; t.fuse == 0 {
			t.meet("a call is cancelled")
			t.note("%s.%d: cancelled", t.name, t.number)
			t.cancel()
		}
	}
}

func newDevice(w *world, name string, tabs int) *device {
	d := &device{world: w, name: name, owner: "anna", version: 1, last: map[string]wrote{}, shown: map[string]int{},
		forgot: map[string]bool{}, kept: map[string]bool{}}
	d.clones = []*device{d}
	d.disk = &disk{device: d, open: store.Memory()}
	for i := range tabs {
		t := &tab{device: d, number: i}
		if err := t.start(); err != nil {
			w.t.Fatal(err)
		}
		d.tabs = append(d.tabs, t)
	}
	return d
}

// start opens the tab: what may fail is an upgrade alone.
func (t *tab) start() error {
	if !t.disk.upgrading {
		quiet := t.disk.quiet()
		defer quiet()
	}
	// The client's clock jumps as it likes.
	now := func() string { return fmt.Sprintf("20%02d-01-01T00:00:00.000Z", 10+t.rng.IntN(80)) }
	t.session = &session{tab: t}
	outbox := replica.NewOutbox(replica.OutboxOptions{NewID: t.newID, Now: now})
	opened, err := store.Open(ctx, store.Options{Name: "app", Schema: schemas[t.version], Migrate: migrations[t.version],
		Open: t.disk.opener(t), Journal: outbox, NewID: t.newID})
	if err != nil {
		return err
	}
	t.store = opened
	options := replica.Options{Outbox: outbox, Network: t.session, Now: now, Conflict: t.decide, Jitter: t.rng.Float64,
		Wait: func(context.Context, time.Duration) error { return nil },
		Token: func(_ context.Context, fresh bool) (string, error) {
			switch {
			case t.chance(6):
				t.meet("the app has no token")
				return "", errApp
			case t.signedIn && t.chance(20):
				t.meet("another user signs in")
				return tokenOf("ben", 0), nil
			}
			return t.token(), nil
		},
		Epoch: func(context.Context, *replica.Epoch) (replica.Course, error) {
			t.meet("a device finds that the server's past has changed")
			return replica.CourseOffer, nil
		},
		Lock: t.lock}
	if t.defect.lock {
		options.Lock = nil
	}
	t.replica = replica.New(t.store, options)
	return nil
}

// token is the owner's token of now.
func (d *device) token() string { return tokenOf(d.owner, d.tokens) }

// tokenOf is a token of which nobody looks at more than whose it is.
func tokenOf(sub string, n int) string {
	return "h." + base64.RawURLEncoding.EncodeToString([]byte(`{"sub":"`+sub+`"}`)) + "." + strconv.Itoa(n)
}

// restart closes the tab and opens it again.
func (t *tab) restart() {
	t.session.over = true
	if err := t.store.Close(); err != nil {
		t.fail("%s: the store does not close: %v", t.name, err)
	}
	t.open()
}

// open is start where nothing may fail.
func (t *tab) open() {
	if err := t.start(); err != nil {
		t.fail("%s: tab %d does not open: %v", t.name, t.number, err)
		t.t.Fatalf("seed %d: %s", t.seed, t.violation) // no step can go on without it
	}
}

// lock is the lock of the origin: who does not get it at once would wait, which one goroutine cannot.
func (t *tab) lock(context.Context) (func(), error) {
	if t.holder != nil {
		return nil, errBusy
	}
	t.holder = t
	turn := t.session
	return func() {
		if t.holder == t && !turn.over { // else it was killed, and its lock with it
			t.holder = nil
		}
	}, nil
}

var (
	errBusy = table.Errorf(table.CodeAborted, "another tab syncs")
	errApp  = table.Errorf(table.CodeAuth, "the app has no token now")
)

// write does a random local write, or two that are one unit.
func (t *tab) write() {
	if t.rng.IntN(4) == 0 {
		t.pair()
		return
	}
	id := fmt.Sprint("r", t.rng.IntN(records))
	before := t.rows()[id]
	t.writes++
	text := fmt.Sprintf("w%06d", t.writes)
	kind := t.rng.IntN(6)
	fn := func(tx *store.Tx) error {
		items := tx.Table("item")
		var err error
		switch {
		case kind == 0:
			text = ""
			err = items.Delete(ctx, id)
		case kind < 3 && before != nil:
			_, err = items.Update(ctx, table.Record{"id": id, "text": text})
		default:
			_, err = items.Put(ctx, table.Record{"id": id, "text": text, "rank": float64(t.rng.IntN(3))})
		}
		return err
	}
	ctx, end := t.session.light()
	err := t.store.Update(ctx, []string{"item"}, fn)
	end()
	t.note("%s.%d: write %s %q: %v", t.name, t.number, id, text, err)
	if t.disk.recover() { // nobody was told whether it was done; what is shown is
		after := t.rows()[id]
		if shown, _ := after["text"].(string); (text != "" || before == nil) && shown != text || text == "" && after != nil {
			return
		}
	} else if err != nil {
		t.typed(err)
		return
	}
	if text == "" && before == nil {
		return
	}
	t.last[id] = wrote{text, before.Version() != ""}
	delete(t.forgot, id)
}

// pair writes two records in one atomic transaction.
func (t *tab) pair() {
	first := t.rng.IntN(records)
	ids := [...]string{fmt.Sprint("r", first), fmt.Sprint("r", (first+1+t.rng.IntN(records-1))%records)}
	t.writes++
	text := fmt.Sprintf("w%06d", t.writes)
	ctx, end := t.session.light()
	err := t.store.Atomic(ctx, []string{"item"}, func(tx *store.Tx) error {
		_, err := tx.Table("item").Put(ctx, table.Record{"id": ids[0], "text": text}, table.Record{"id": ids[1], "text": text})
		return err
	})
	end()
	t.note("%s.%d: write %v together %q: %v", t.name, t.number, ids, text, err)
	if !t.disk.recover() && err != nil {
		t.typed(err)
		return
	}
	rows := t.rows()
	one, two := rows[ids[0]]["text"] == text, rows[ids[1]]["text"] == text
	if one != two {
		t.fail("%s: half of a transaction is there", t.name)
	}
	for _, id := range ids {
		if one {
			t.last[id] = wrote{text: text}
			delete(t.forgot, id)
		}
	}
}

// sync pushes and pulls. Whatever stops it has a code, and stops nothing else.
func (t *tab) sync() {
	patience := time.Duration(0)
	if t.whole || t.rng.IntN(2) == 0 {
		patience = 5 * time.Minute
	}
	t.session.requests = 0
	ctx, end := t.session.light()
	result, err := t.replica.Run(ctx, replica.Job{Push: true, Pulls: replica.Whole("item"), Patience: patience, PageSize: 2})
	end()
	t.note("%s.%d: sync pushed %d pulled %d quarantined %d: %v", t.name, t.number, result.Pushed, result.Pulled,
		len(result.Quarantined), err)
	crashed := t.disk.recover()
	switch {
	case err == nil || crashed:
	case t.whole:
		t.fail("%s: nothing goes wrong any more, but the sync does: %v", t.name, err)
	default:
		t.typed(err)
	}
}

// typed fails unless the error is one that callers know.
func (t *tab) typed(err error) {
	known := []table.Code{table.CodeNetwork, table.CodeServer, table.CodeAuth, table.CodeQuota, table.CodeStorage,
		table.CodeClosed, table.CodeAborted, table.CodeConflict}
	if !slices.Contains(known, table.CodeOf(err)) {
		t.fail("%s: an error without a known code: %v (%s)", t.name, err, table.CodeOf(err))
	}
}

// decide is the app's handler of conflicts.
func (t *tab) decide(_ context.Context, c *replica.Conflict) (replica.Decision, error) {
	if had := t.history.records[c.Base.Version()]; t.kept[c.RecordID] || t.history.undone {
		// What a cancelled change has left here is what the next one was made on; and what is brought back is based on what is
		// there.
	} else if had != nil {
		if t.meet("a conflict has its true base"); differ(had, c.Base) {
			t.fail("%s: a conflict of %s is told to be based on %v, and the server had %v", t.name, c.RecordID, c.Base, had)
		}
	} else if c.Base.Version() != "" {
		t.fail("%s: a conflict of %s is told to be based on %v, which the server never had", t.name, c.RecordID, c.Base)
	}
	n := t.rng.IntN(8)
	if t.whole {
		n = 7
	}
	drop := func(choice replica.Choice) (replica.Decision, error) {
		t.forgot[c.RecordID] = true
		t.note("%s.%d: conflict of %s: %s", t.name, t.number, c.RecordID, choice)
		return replica.Decision{Choice: choice}, nil
	}
	switch n {
	case 0:
		return drop(replica.ChooseServer)
	case 1:
		return drop(replica.ChooseDiscard)
	case 2:
		t.kept[c.RecordID] = true
		return drop(replica.ChooseCancel)
	case 3:
		t.forgot[c.RecordID] = true
		return replica.Decision{Choice: replica.ChooseRecord, Record: table.Record{"id": c.RecordID, "text": "decided"}}, nil
	case 4:
		return replica.Decision{}, errApp
	case 5: // the app goes on writing while it is asked
		t.tabs[t.rng.IntN(len(t.tabs))].write()
	}
	return replica.Decision{Choice: replica.ChooseLocal}, nil
}

// tidy retries and discards what waits.
func (t *tab) tidy() {
	for _, op := range t.pending() {
		var err error
		before := t.pending()
		discards := t.rng.IntN(3) == 0
		if discards {
			err = t.replica.Discard(ctx, op.ID)
			t.note("%s.%d: discard %s: %v", t.name, t.number, op.RecordID, err)
		} else {
			err = t.replica.Retry(ctx, op.ID)
		}
		killed := t.disk.recover()
		if discards {
			t.dropped(before)
		}
		if killed {
			return
		}
		if err != nil && table.CodeOf(err) != table.CodeNotFound { // it may have gone with another
			t.typed(err)
		}
	}
}

// dropped notes the changes that have left the outbox by the app's own will.
func (t *tab) dropped(before []*table.Operation) {
	left := map[uint64]bool{}
	for _, op := range t.pending() {
		left[op.Seq] = true
	}
	for _, op := range before {
		if !left[op.Seq] {
			t.forgot[op.RecordID] = true
		}
	}
}

// retry takes everything out of quarantine.
func (t *tab) retry() {
	for _, op := range t.pending() {
		if op.State == table.StateQuarantined {
			if err := t.replica.Retry(ctx, op.ID); err != nil && table.CodeOf(err) != table.CodeNotFound {
				t.fail("%s: retry: %v", t.name, err)
			}
		}
	}
}

func (t *tab) pending() []*table.Operation {
	quiet := t.disk.quiet()
	defer quiet()
	ops, err := t.replica.Pending(ctx)
	if err != nil {
		t.fail("%s: the outbox cannot be read: %v", t.name, err)
	}
	return ops
}

// rows are the records as the app sees them, by id.
func (t *tab) rows() map[string]table.Record {
	quiet := t.disk.quiet()
	defer quiet()
	out := map[string]table.Record{}
	if err := t.store.View(ctx, []string{"item"}, func(tx *store.Tx) error {
		rows, err := tx.Table("item").Query(ctx, table.NewQuery())
		for _, r := range rows {
			out[r.ID()] = r
		}
		return err
	}); err != nil {
		t.fail("%s: the rows cannot be read: %v", t.name, err)
	}
	return out
}
