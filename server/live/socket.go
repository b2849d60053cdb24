package live

import (
	"net"
	"net/http"
	"slices"
	"strconv"
	"syscall"
	"time"

	"github.com/larder-sync/larder/server/db"
)

// socket is a connection that was taken over from net/http. The hub writes to it by itself as long as that goes without waiting,
// so that an event takes one system call for each connection, and no goroutine has to wake up for it. What the client is too slow
// for is written by a goroutine that ends when that is done. The one that stays waits for the connection's end.
type socket struct {
	conn net.Conn
	raw  syscall.RawConn // nil where nothing can be written without waiting

	// Guarded by the connection's lock:
	expiry *time.Timer // nil for never
	busy   bool        // a goroutine is writing, and looks for news before it ends
	quiet  bool        // nothing was sent since the last beat
	ending bool        // it gets no more news
	ended  bool        // nobody waits for it any more
}

// takeOver makes the stream independent of its request, whose answer has begun. It reports false where that is not possible:
// HTTP/2 has many streams in one connection, some middlewares change what is written, and hooks need the request.
func (c *connection) takeOver(r *http.Request, a *answer) bool {
	own := func(t Table) bool { return t.See != nil }
	if r.ProtoMajor != 1 || r.ProtoMinor < 1 || a.w.Header().Get("Content-Encoding") != "" ||
		slices.ContainsFunc(c.stream.Tables, own) {
		return false
	}
	conn, _, err := a.control.Hijack()
	if err != nil {
		return false
	}
	s := &socket{conn: conn, raw: raw(conn)}
	c.mu.Lock()
	c.socket = s
	c.mu.Unlock()
	c.hub.attend(c)
	c.mu.Lock()
	defer c.mu.Unlock()
	if until := c.stream.Until; !until.IsZero() && !s.ended {
		s.expiry = time.AfterFunc(time.Until(until), c.end)
	}
	return true
}

// wait tells what came meanwhile, and returns when the connection has ended. What the client still sends means nothing.
func (c *connection) wait() {
	c.tell(&said{})
	var some [16]byte
	for {
		if _, err := c.socket.conn.Read(some[:]); err != nil {
			break
		}
	}
	c.close()
}

// close forgets a connection that has ended, or is to be cut off.
func (c *connection) close() {
	c.mu.Lock()
	c.socket.ended = true
	if c.socket.expiry != nil {
		c.socket.expiry.Stop()
	}
	c.mu.Unlock()
	_ = c.socket.conn.Close() // it may have ended already
	c.leave()
}

// end ends the connection, in order if its client takes that within a second.
func (c *connection) end() {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.socket
	switch {
	case s.ended:
		return
	case !s.busy && s.try(last) == len(last):
		_ = s.conn.Close() // nothing more is written to it
		return
	}
	s.ending = true
	_ = s.conn.SetWriteDeadline(time.Now().Add(time.Second)) // where it fails the connection has ended
	if !s.busy {
		s.busy = true
		c.hub.open.Go(func() { c.catchUp(nil) })
	}
}

// said is what a connection was told, to be told again to those who are to hear the same.
type said struct {
	to       *connection // nil for nothing yet
	from, up db.Mark
	text     []byte // a chunk
	more     bool
}

// fits reports whether a connection is to hear just that: who listens alike to one table and stands at the same point.
func (s *said) fits(c *connection) bool {
	if s.to == nil || len(c.told) != 1 || len(s.to.told) != 1 || c.told[0] != s.from || c.topics[0] != s.to.topics[0] {
		return false
	}
	a, b := &c.stream.Tables[0], &s.to.stream.Tables[0]
	return !c.stream.Named && !s.to.stream.Named && a.Scope == b.Scope && a.PerUser == b.PerUser && (!a.PerUser || a.User == b.User)
}

// tell lets the connection know of what is new; before is what another one was told, and becomes what this one was.
func (c *connection) tell(before *said) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.socket == nil:
		c.wake()
		return
	case c.socket.busy:
		return
	case before.fits(c):
		c.told[0] = before.up
	default:
		before.to, before.from = c, c.told[0]
		before.text, before.more = c.news(append(before.text[:0], frame...))
		before.text, before.up = chunk(before.text), c.told[0]
	}
	c.put(before.text, before.more)
}

// beat shows the client that the connection lives, if it was not told of anything since the last beat.
func (c *connection) beat() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.socket.quiet && !c.socket.busy {
		c.put(chunk(c.appendBeat([]byte(frame))), false)
		return
	}
	c.socket.quiet = true
}

// put sends, and lets a goroutine send what the client is too slow for, or what comes after it.
func (c *connection) put(text []byte, more bool) {
	if len(text) == 0 && !more {
		return
	}
	c.socket.quiet = false
	rest := text[c.socket.try(text):]
	if len(rest) == 0 && !more {
		return
	}
	rest = slices.Clone(rest)
	c.socket.busy = true
	_ = c.socket.conn.SetWriteDeadline(time.Now().Add(writeTime)) // where it fails the connection has ended
	c.hub.open.Go(func() { c.catchUp(rest) })
}

// catchUp sends the rest of something, and then what has become new, until there is nothing more.
func (c *connection) catchUp(rest []byte) {
	for more := true; more; rest, more = c.further() {
		if _, err := c.socket.conn.Write(rest); err != nil {
			_ = c.socket.conn.Close() // it has gone, or is as good as gone
			return
		}
	}
}

// further returns what has become new; ok is false when there is nothing, and the goroutine that asks has to end.
func (c *connection) further() (out []byte, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.socket
	if s.ending {
		_, _ = s.conn.Write(last) // it ends in any case
		_ = s.conn.Close()
		return nil, false
	}
	out, more := c.news([]byte(frame))
	if out = chunk(out); len(out) == 0 && !more {
		s.busy = false
		_ = s.conn.SetWriteDeadline(time.Time{}) // or try would fail when it is over
		return nil, false
	}
	_ = s.conn.SetWriteDeadline(time.Now().Add(writeTime)) // as above
	return out, true
}

// last is the chunk that ends an answer.
var last = []byte("0\r\n\r\n")

// frame is the room for a chunk's length.
const frame = "--------\r\n"

// chunk makes what stands behind a frame a chunk, as HTTP has it; nothing stays nothing, which would mean the end.
func chunk(buffer []byte) []byte {
	size := len(buffer) - len(frame)
	if size == 0 {
		return nil
	}
	var hex [8]byte
	digits := strconv.AppendInt(hex[:0], int64(size), 16)
	begin := len(frame) - len("\r\n") - len(digits)
	copy(buffer[begin:], digits)
	return append(buffer, "\r\n"...)[begin:]
}
