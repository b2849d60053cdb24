// Package live tells connections what changes in tables, as server-sent events.
//
// The feed is read once for all connections, and what is read stays for a while in one ring for each table; a connection is
// no more than the number up to which it was told. So a slow one costs no memory: when the ring has gone on without it, it
// is told to pull.
//
// Commits of this process bring what they wrote; those of others the hub finds by asking where the feeds stand, and sooner where
// the database gives a hint.
package live

import (
	"cmp"
	"context"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/larder-sync/larder/server/db"
)

// The values for [Options] that are left out.
const (
	DefaultMax           = 10_000
	DefaultMaxPerUser    = 64
	DefaultMaxPerAddress = 1024
	DefaultHeartbeat     = 15 * time.Second
	DefaultPoll          = 100 * time.Millisecond
)

// Options is how a [Hub] works. The zero value is what a server wants.
type Options struct {
	Max           int           // connections at once; DefaultMax when 0
	MaxPerUser    int           // of one user; DefaultMaxPerUser when 0
	MaxPerAddress int           // from one address without a user; DefaultMaxPerAddress when 0
	Heartbeat     time.Duration // after how long without events a connection is told that it lives; DefaultHeartbeat when 0
	Poll          time.Duration // how often it is asked what other processes wrote, while somebody listens; DefaultPoll when 0
	Keep          int           // events of a table that are kept for those who are slow or come back; 1024 when 0
	Logger        *slog.Logger  // nothing is logged when nil

	// Lag is told how long after its write an event was read, by the clocks of both servers; nil for nobody.
	Lag func(time.Duration)
}

// Hub reads the feeds of tables for all connections. It is made by [New] and safe for concurrent use.
type Hub struct {
	db db.DB
	o  Options

	wake   chan struct{} // has one element when there is something to read
	cancel context.CancelFunc
	ended  chan struct{} // closed when connections must end
	done   chan struct{} // closed when the reading goroutine has ended

	replays chan struct{} // has an element for each connection for which entries are read

	mu      sync.Mutex
	topics  map[string]*topic // by stored names; somebody listens to each
	counts  map[source]int    // connections by where they come from
	total   int
	sockets map[*connection]struct{} // connections that were taken over
	closed  bool

	open sync.WaitGroup // goroutines of the sockets

	came arrivals
}

// arrivals is what the reading goroutine is to look at.
type arrivals struct {
	mu     sync.Mutex
	pieces []db.Piece
	bytes  int  // of the pieces' data
	look   bool // in the database: it has what is not among the pieces
}

// New starts a hub. The caller closes it before the database.
func New(d db.DB, o Options) *Hub {
	o.Max = cmp.Or(o.Max, DefaultMax)
	o.MaxPerUser = cmp.Or(o.MaxPerUser, DefaultMaxPerUser)
	o.MaxPerAddress = cmp.Or(o.MaxPerAddress, DefaultMaxPerAddress)
	o.Heartbeat = cmp.Or(o.Heartbeat, DefaultHeartbeat)
	o.Poll = cmp.Or(o.Poll, DefaultPoll)
	o.Keep = cmp.Or(o.Keep, 1024)
	o.Logger = cmp.Or(o.Logger, slog.New(slog.DiscardHandler))
	ctx, cancel := context.WithCancel(context.Background())
	h := &Hub{db: d, o: o, wake: make(chan struct{}, 1), cancel: cancel, ended: make(chan struct{}), done: make(chan struct{}),
		replays: make(chan struct{}, replays), topics: map[string]*topic{}, counts: map[source]int{},
		sockets: map[*connection]struct{}{}}
	go h.run(ctx)
	h.open.Go(func() { h.beats(ctx) })
	return h
}

// Committed tells what this process has committed, in the order of commits.
func (h *Hub) Committed(pieces []db.Piece) {
	if len(pieces) == 0 || h.Connections() == 0 {
		return
	}
	h.came.mu.Lock()
	for _, p := range pieces {
		for _, e := range p.Entries {
			h.came.bytes += len(e.Data)
		}
	}
	if h.came.pieces = append(h.came.pieces, pieces...); h.came.bytes > maxBytes || len(h.came.pieces) > maxPieces {
		h.came.pieces, h.came.bytes, h.came.look = nil, 0, true
	}
	h.came.mu.Unlock()
	h.awake()
}

// look tells that the database may have something new.
func (h *Hub) look() {
	h.came.mu.Lock()
	h.came.look = true
	h.came.mu.Unlock()
	h.awake()
}

func (h *Hub) awake() {
	select {
	case h.wake <- struct{}{}:
	default:
	}
}

// take takes what has come.
func (a *arrivals) take() (pieces []db.Piece, look bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	pieces, look = a.pieces, a.look
	a.pieces, a.bytes, a.look = nil, 0, false
	return pieces, look
}

// Connections returns how many there are.
func (h *Hub) Connections() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.total
}

// End ends the connections, and refuses new ones. Clients come back to whoever serves next.
func (h *Hub) End() {
	h.mu.Lock()
	if !h.closed {
		h.closed = true
		close(h.ended)
	}
	h.mu.Unlock()
	for _, c := range h.taken() {
		c.end()
	}
}

// attend takes care of a connection that was taken over.
func (h *Hub) attend(c *connection) {
	h.mu.Lock()
	closed := h.closed
	if !closed {
		h.sockets[c] = struct{}{}
		h.open.Go(c.wait)
	}
	h.mu.Unlock()
	if closed {
		c.close()
	}
}

// taken returns the connections that were taken over.
func (h *Hub) taken() []*connection {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Collect(maps.Keys(h.sockets))
}

// beats lets these connections show that they live. Two beats are one heartbeat: none is silent for longer.
func (h *Hub) beats(ctx context.Context) {
	tick := time.NewTicker(max(h.o.Heartbeat/2, 1))
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		for _, c := range h.taken() {
			c.beat()
		}
	}
}

// Close ends the connections and what reads for them.
func (h *Hub) Close() {
	h.End()
	h.cancel()
	<-h.done
	h.open.Wait()
}

// run reads what is new.
func (h *Hub) run(ctx context.Context) {
	defer close(h.done)
	if hinter, ok := h.db.(db.Hinter); ok {
		go hinter.Hint(ctx, h.look)
	}
	poll := time.NewTicker(h.o.Poll)
	defer poll.Stop()
	failed := false
	for {
		select {
		case <-ctx.Done():
			return
		case <-h.wake:
		case <-poll.C:
			h.look()
		}
		pieces, look := h.came.take()
		for _, p := range pieces {
			look = !h.append(p) || look
		}
		if !look {
			continue
		}
		err := h.read(ctx)
		if err != nil && !failed && ctx.Err() == nil { // once: it is tried again soon, and again
			h.o.Logger.Error("live connections are not told of changes", "error", err.Error())
		}
		failed = err != nil
	}
}

// read brings the topics that somebody listens to up to where their feeds stand.
func (h *Hub) read(ctx context.Context) error {
	h.mu.Lock()
	watched := slices.Collect(maps.Values(h.topics))
	h.mu.Unlock()
	if len(watched) == 0 {
		return nil
	}
	heads, err := h.db.Heads(ctx)
	if err != nil {
		return err
	}
	for _, t := range watched {
		last, err := t.read(ctx, h.db, heads[t.name])
		if err != nil {
			return err
		}
		h.measure(last)
	}
	return nil
}

// append brings a topic forward by what this process has committed. It reports false where that does not continue what was read:
// another process wrote meanwhile.
func (h *Hub) append(p db.Piece) bool {
	h.mu.Lock()
	t := h.topics[p.Table]
	h.mu.Unlock()
	if t == nil {
		return true // nobody listens
	}
	last, ok := t.append(p)
	h.measure(last)
	return ok
}

// measure tells how old an event is that was read, if there is one.
func (h *Hub) measure(last time.Time) {
	if h.o.Lag != nil && !last.IsZero() {
		h.o.Lag(max(0, time.Since(last)))
	}
}

// join lets a connection hear of a topic, which stands where its table's feed does now if it is a new one.
func (h *Hub) join(ctx context.Context, name string, c *connection) (*topic, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	t := h.topics[name]
	if t == nil {
		h.mu.Unlock()
		heads, err := h.db.Heads(ctx)
		h.mu.Lock()
		if err != nil {
			return nil, err
		}
		if t = h.topics[name]; t == nil { // still
			t = newTopic(name, h.o.Keep, heads[name])
			h.topics[name] = t
		}
	}
	t.join(c)
	return t, nil
}
