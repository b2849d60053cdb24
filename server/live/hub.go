// Package live tells connections what changes in tables, as server-sent events.
//
// The feed is read once for all connections, and what is read stays for a while in one ring for each table; a connection is
// no more than the number up to which it was told. So a slow one costs no memory: when the ring has gone on without it, it
// is told to pull.
//
// Commits of this process wake the hub; those of others it finds by asking where the feeds stand, and sooner where the
// database gives a hint.
package live

import (
	"cmp"
	"context"
	"log/slog"
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

	wake   chan struct{} // has one element when there may be something to read
	cancel context.CancelFunc
	ended  chan struct{} // closed when connections must end
	done   chan struct{} // closed when the reading goroutine has ended

	replays chan struct{} // has an element for each connection for which entries are read

	mu     sync.Mutex
	topics map[string]*topic // by stored names
	counts map[source]int    // connections by where they come from
	total  int
	closed bool
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
		replays: make(chan struct{}, replays), topics: map[string]*topic{}, counts: map[source]int{}}
	go h.run(ctx)
	return h
}

// Wake tells that this process has committed something.
func (h *Hub) Wake() {
	select {
	case h.wake <- struct{}{}:
	default:
	}
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
	defer h.mu.Unlock()
	if !h.closed {
		h.closed = true
		close(h.ended)
	}
}

// Close ends the connections and what reads for them.
func (h *Hub) Close() {
	h.End()
	h.cancel()
	<-h.done
}

// run reads what is new.
func (h *Hub) run(ctx context.Context) {
	defer close(h.done)
	if hinter, ok := h.db.(db.Hinter); ok {
		go hinter.Hint(ctx, h.Wake)
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
	var watched []*topic
	for name, t := range h.topics {
		if t.listeners() == 0 {
			delete(h.topics, name)
			continue
		}
		watched = append(watched, t)
	}
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
		if h.o.Lag != nil && !last.IsZero() {
			h.o.Lag(max(0, time.Since(last)))
		}
	}
	return nil
}

// topic returns the topic of a table, which stands where its feed does now if it is a new one.
func (h *Hub) topic(ctx context.Context, name string) (*topic, error) {
	h.mu.Lock()
	t := h.topics[name]
	h.mu.Unlock()
	if t != nil {
		return t, nil
	}
	heads, err := h.db.Heads(ctx)
	if err != nil {
		return nil, err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if t := h.topics[name]; t != nil {
		return t, nil
	}
	t = newTopic(name, h.o.Keep, heads[name])
	h.topics[name] = t
	return t, nil
}
