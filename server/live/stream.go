package live

import (
	"context"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/larder-sync/larder/server/db"
	"github.com/larder-sync/larder/table"
)

const (
	writeTime = 30 * time.Second // for what is sent at once; who takes longer, or half as long at times, has to come back
	maxReplay = 5000             // entries that are read for one who comes back; beyond it pulls
	maxAtOnce = 256 << 10        // bytes, about, that a connection is told at once; one for whom more had to be read pulls
	replays   = 8                // connections for which entries are read at the same time
)

// Table is a table that a connection listens to, and what it may know of it.
type Table struct {
	Name   string // as the connection calls it
	Stored string
	Scope  string // of its cursors

	// PerUser leaves only the rows of User, and the news of those that it lost.
	PerUser bool
	User    string
	// See returns what the connection is told of an entry, as JSON; nil for nothing. It has been told all up to after. Of a deleted
	// record there is no Data. When See is nil, the connection is told of each record as it is stored.
	See func(e db.Entry, after int64) []byte
}

// Stream is one connection's wish.
type Stream struct {
	Tables  []Table
	Named   bool      // each event has the table's name, and each id the cursors of all tables: "name:cursor,name:cursor"
	Last    string    // the id of the last event that it saw; "" for none: it listens from now on
	User    string    // who listens; "" for somebody without a name
	Address string    // where from, by which those without a name are counted; "" for where they are not
	Until   time.Time // when it must ask anew; zero for never
}

// source is what connections are counted by: a user, or an address.
type source struct{ user, address string }

func (s *Stream) source() source {
	if s.User != "" {
		return source{user: s.User}
	}
	return source{address: s.Address}
}

// connection is a stream that is open.
type connection struct {
	hub    *Hub
	stream Stream
	topics []*topic
	woken  chan struct{}

	mu     sync.Mutex // held by who tells it of something
	told   []db.Mark  // up to which it was told, by table
	socket *socket    // nil while its request serves it, which tells it without the lock
}

func (c *connection) wake() {
	select {
	case c.woken <- struct{}{}:
	default:
	}
}

// Serve sends events until the client goes, the hub ends, or the stream's time is over. It may return earlier, and the hub goes
// on by itself: a connection that is taken over from net/http holds nothing of its request. An error means that nothing was sent
// yet: its code is [table.CodeLimit] where there are too many connections, and [table.CodeClosed] where the hub has ended.
func (h *Hub) Serve(w http.ResponseWriter, r *http.Request, s Stream) error {
	if err := h.enter(s.source()); err != nil {
		return err
	}
	c := &connection{hub: h, stream: s, told: make([]db.Mark, len(s.Tables)), woken: make(chan struct{}, 1)}
	first, err := c.begin(r.Context())
	if err != nil {
		c.leave()
		return err
	}
	header := w.Header()
	header.Set("Content-Type", "text/event-stream; charset=utf-8")
	header.Set("Cache-Control", "no-store")
	header.Set("X-Accel-Buffering", "no") // or nginx keeps it all to itself
	header.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(http.StatusOK)
	a := &answer{w: w, control: http.NewResponseController(w)}
	switch {
	case a.send(first) != nil:
		c.leave()
	case !c.takeOver(r, a):
		c.serve(r.Context(), a)
		c.leave()
	}
	return nil
}

// enter counts a connection in.
func (h *Hub) enter(from source) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	most := h.o.MaxPerUser
	if from.user == "" {
		most = h.o.MaxPerAddress
	}
	switch {
	case h.closed:
		return table.Errorf(table.CodeClosed, "the server is stopping: try again")
	case h.total >= h.o.Max:
		return table.Errorf(table.CodeClosed, "the server has its ", strconv.Itoa(h.o.Max), " live connections: try again later")
	case from != source{} && h.counts[from] >= most:
		return table.Errorf(table.CodeLimit, "there are ", strconv.Itoa(most),
			" live connections of one user or address at most: close one, or listen to several tables by one")
	}
	h.total++
	h.counts[from]++
	return nil
}

// leave ends what the hub does for the connection, and counts it out.
func (c *connection) leave() {
	h, from := c.hub, c.stream.source()
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, t := range c.topics {
		if t.leave(c) {
			delete(h.topics, t.name)
		}
	}
	delete(h.sockets, c)
	h.total--
	if h.counts[from]--; h.counts[from] == 0 {
		delete(h.counts, from)
	}
}

// begin joins the topics, finds out from where on the connection is to be told, and returns what it is told first.
func (c *connection) begin(ctx context.Context) (first []byte, err error) {
	for _, t := range c.stream.Tables {
		topic, err := c.hub.join(ctx, t.Stored, c)
		if err != nil {
			return nil, err
		}
		c.topics = append(c.topics, topic)
	}
	// All come back at once when a server was started again; not all at the same moment.
	first = append(first, "retry: "...)
	first = strconv.AppendInt(first, 1000+rand.Int64N(4000), 10)
	first = append(first, '\n')
	for i := range c.told {
		c.told[i] = c.topics[i].at()
	}
	if c.stream.Last == "" {
		return c.appendID(first), nil
	}
	last := c.cursors()
	c.stream.Last = "" // the request's headers hang on it
	first = append(first, '\n')
	for i, t := range c.topics {
		if first, err = c.replay(ctx, first, i, last[i], t); err != nil {
			return nil, err
		}
	}
	return c.appendID(first), nil
}

// cursors reads the id of the last event, by table; the zero value where it has none, or one that cannot be read.
func (c *connection) cursors() []db.Cursor {
	list := make([]db.Cursor, len(c.topics))
	if !c.stream.Named {
		list[0], _ = db.ParseCursor(c.stream.Last)
		return list
	}
	for part := range strings.SplitSeq(c.stream.Last, ",") {
		name, text, _ := strings.Cut(part, ":")
		for i, t := range c.stream.Tables {
			if t.Name == name {
				list[i], _ = db.ParseCursor(text)
			}
		}
	}
	return list
}

// replay appends what happened in a table since a cursor, or that it has to be pulled.
func (c *connection) replay(ctx context.Context, out []byte, i int, from db.Cursor, t *topic) ([]byte, error) {
	of := &c.stream.Tables[i]
	now := c.told[i]
	if from.After != from.Anchor.Seq || from.Anchor.Seq == 0 && now.Seq > 0 || now.Seq-from.After > maxReplay {
		return c.appendResync(out, i), nil
	}
	// Whether the cursor is one of this table's, of this past and of these rights, is asked as a pull does.
	_, err := c.hub.db.Changes(ctx, of.Stored, db.Since{Cursor: from, Scope: of.Scope, Limit: 1,
		PerUser: of.PerUser, User: of.User})
	switch table.CodeOf(err) {
	case table.CodeEpoch, table.CodeExpired:
		return c.appendResync(out, i), nil
	}
	if err != nil {
		return nil, err
	}
	c.told[i] = from.Anchor
	if t.holds(from.After) { // as for all who were cut off a moment ago: nothing more is read, whatever their number
		c.wake()
		return out, nil
	}
	select {
	case c.hub.replays <- struct{}{}:
		defer func() { <-c.hub.replays }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	// What is told while this goes on comes from the ring.
	begin := len(out)
	for c.told[i].Seq < now.Seq {
		list, err := c.hub.db.Tail(ctx, t.name, c.told[i].Seq, readAtOnce)
		if err != nil {
			return nil, err
		}
		for _, e := range db.Whole(list, readAtOnce) {
			if e.Seq > now.Seq {
				list = nil
				break
			}
			event, err := newEvent(e, from.After)
			if err != nil {
				return nil, err
			}
			out = c.appendEvent(out, i, event)
		}
		if len(out)-begin > maxAtOnce {
			c.told[i] = now
			return c.appendResync(out[:begin], i), nil
		}
		if len(list) < readAtOnce {
			break
		}
	}
	c.told[i] = now
	return out, nil
}

// answer is the answer to the request for a stream.
type answer struct {
	w        http.ResponseWriter
	control  *http.ResponseController
	deadline time.Time
}

// send sends. An error means that the client has gone, or is as good as gone.
func (a *answer) send(out []byte) error {
	if now := time.Now(); a.deadline.Sub(now) < writeTime/2 {
		a.deadline = now.Add(writeTime)
		_ = a.control.SetWriteDeadline(a.deadline) // where it cannot be set, the connection's own limits hold
	}
	if _, err := a.w.Write(out); err != nil {
		return err
	}
	return a.control.Flush()
}

// serve sends until the connection ends.
func (c *connection) serve(ctx context.Context, a *answer) {
	var until <-chan time.Time
	if !c.stream.Until.IsZero() {
		until = time.After(time.Until(c.stream.Until))
	}
	beat := time.NewTimer(c.hub.o.Heartbeat)
	defer beat.Stop()
	for {
		var out []byte // an idle connection holds nothing
		select {
		case <-ctx.Done():
			return
		case <-c.hub.ended:
			return
		case <-until:
			return
		case <-beat.C:
			out = c.appendBeat(nil)
		case <-c.woken:
			var more bool
			if out, more = c.news(nil); more {
				c.wake()
			}
		}
		if len(out) > 0 {
			if a.send(out) != nil {
				return
			}
			beat.Reset(c.hub.o.Heartbeat)
		}
	}
}
