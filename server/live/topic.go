package live

import (
	"context"
	"maps"
	"runtime"
	"slices"
	"sort"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/larder-sync/larder/server/db"
	"github.com/larder-sync/larder/table"
)

const (
	readAtOnce = 500     // entries
	maxBytes   = 8 << 20 // of the data that a topic keeps
	maxPieces  = 64      // commits that may wait until the hub comes to them; of more it reads what they wrote
	atOnce     = 32      // connections that one processor tells of an event before it looks whether there are more
)

// event is an entry of a table's feed, ready to be sent.
type event struct {
	db.Entry
	mark  db.Mark // zero where the entry is news to a former owner
	after int64   // whoever is told of it has been told all up to this number
	at    time.Time
	data  []byte // JSON, on one line
}

// topic is the feed of one table, as far as it was read, with the last of its events.
type topic struct {
	name string
	keep int

	mu     sync.Mutex
	events []*event
	bytes  int
	base   int64   // events holds all entries with numbers above it
	head   db.Mark // up to which the feed was read
	sinks  map[*connection]struct{}
	list   []*connection // the sinks, never changed; nil when they have changed since
}

func newTopic(name string, keep int, c db.Counter) *topic {
	return &topic{name: name, keep: keep, base: c.Seq, head: c.Mark(), sinks: map[*connection]struct{}{}}
}

// listeners returns the connections that listen.
func (t *topic) listeners() []*connection {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.list == nil {
		t.list = slices.Collect(maps.Keys(t.sinks))
	}
	return t.list
}

func (t *topic) join(c *connection) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.sinks[c], t.list = struct{}{}, nil
}

// leave reports whether nobody listens any more.
func (t *topic) leave(c *connection) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.sinks, c)
	t.list = nil
	return len(t.sinks) == 0
}

// read takes what the feed has up to the counter, and returns when the last of it was written. A counter that is behind belongs
// to another past: all are told to pull.
func (t *topic) read(ctx context.Context, d db.DB, c db.Counter) (last time.Time, err error) {
	head := t.at()
	begin := head.Seq // and not where each part begins: rows that were written again meanwhile have moved on
	if c.Seq < head.Seq {
		t.add(nil, c.Mark(), true)
		return last, nil
	}
	for head.Seq < c.Seq {
		list, err := d.Tail(ctx, t.name, head.Seq, readAtOnce)
		if err != nil {
			return last, err
		}
		events, err := newEvents(db.Whole(list, readAtOnce), begin)
		if err != nil {
			return last, err
		}
		for _, e := range events {
			if e.mark.Seq > 0 {
				head, last = e.mark, e.at
			}
		}
		if len(list) < readAtOnce && head.Seq < c.Seq { // its last rows have moved on, to be read with the next counter
			head = c.Mark()
		}
		t.add(events, head, false)
	}
	return last, nil
}

// append takes a piece of the feed that continues what was read; ok is false where it does not.
func (t *topic) append(p db.Piece) (last time.Time, ok bool) {
	if t.at() != p.From.Mark() {
		return last, false
	}
	events, err := newEvents(p.Entries, p.From.Seq)
	if err != nil {
		return last, false // to be told when it is read
	}
	t.add(events, p.To.Mark(), false)
	return time.UnixMilli(p.To.At), true
}

func (t *topic) at() db.Mark {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.head
}

// add appends events, and lets the connections know. Where there are many all processors take part, each as it comes to that.
func (t *topic) add(events []*event, head db.Mark, anew bool) {
	t.keepEvents(events, head, anew)
	list := t.listeners()
	var taken atomic.Int64
	tell := func() {
		var before said
		for {
			end := int(taken.Add(atOnce))
			for _, c := range list[min(end-atOnce, len(list)):min(end, len(list))] {
				c.tell(&before)
			}
			if end >= len(list) {
				return
			}
		}
	}
	var others sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), (len(list)+atOnce-1)/atOnce) - 1 {
		others.Go(tell)
	}
	tell()
	others.Wait()
}

// keepEvents appends events, and forgets those that are too many.
func (t *topic) keepEvents(events []*event, head db.Mark, anew bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.head = head
	if anew {
		t.events, t.bytes, t.base = nil, 0, head.Seq
	}
	for _, e := range events {
		t.events, t.bytes = append(t.events, e), t.bytes+len(e.data)
	}
	drop, bytes := max(0, len(t.events)-t.keep), t.bytes
	for i := range drop {
		bytes -= len(t.events[i].data)
	}
	for ; bytes > maxBytes; drop++ {
		bytes -= len(t.events[drop].data)
	}
	// Not before there is a good part to drop: what stays is copied.
	if drop > t.keep/4 || t.bytes > 2*maxBytes {
		t.base, t.bytes = t.events[drop-1].Seq, bytes
		t.events = slices.Clone(t.events[drop:])
	}
}

// since returns the events with numbers above after, and up to where they lead; lost is true when some are forgotten, or when
// after is of another past.
func (t *topic) since(after int64) (events []*event, head db.Mark, lost bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if after < t.base || after > t.head.Seq {
		return nil, t.head, true
	}
	i := sort.Search(len(t.events), func(i int) bool { return t.events[i].Seq > after })
	return t.events[i:len(t.events):len(t.events)], t.head, false
}

// holds reports whether since has all events after a number.
func (t *topic) holds(after int64) bool {
	_, _, lost := t.since(after)
	return !lost
}

func newEvents(list []db.Entry, after int64) (events []*event, err error) {
	events = make([]*event, len(list))
	for i := range list {
		if events[i], err = newEvent(list[i], after); err != nil {
			return nil, err
		}
	}
	return events, nil
}

// newEvent makes an entry ready to be sent.
func newEvent(e db.Entry, after int64) (*event, error) {
	out := &event{Entry: e, after: after, data: e.Data}
	if e.Left {
		out.data = removed(e.ID, table.ReasonChanged)
		return out, nil
	}
	r, err := table.ParseRecord(e.Data)
	if err != nil {
		return nil, table.Errorf(table.CodeServer, "the stored record ", e.ID, " is damaged").Because(err)
	}
	boot, _, _ := strings.Cut(r.Version(), "-")
	out.mark = db.Mark{Boot: boot, Seq: e.Seq}
	at, _ := r[table.ColumnUpdatedAt].(string)
	out.at, _ = time.Parse(time.RFC3339Nano, at)
	if e.Deleted {
		out.Data, out.data = nil, removed(e.ID, table.ReasonDeleted)
	}
	return out, nil
}

func removed(id, reason string) []byte {
	return table.AppendJSON(nil, map[string]any{table.ColumnID: id, table.FieldRemoved: map[string]any{"reason": reason}})
}
