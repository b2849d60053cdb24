package browser

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"
)

// wire carries whole messages to a browser and back. One goroutine reads and one writes; either end of it fails both.
type wire interface {
	read() ([]byte, error)
	write(message []byte) error
	Close() error
}

// pipes is a wire of one stream for each direction, on which each message ends with a byte that is in none.
type pipes struct {
	in  *bufio.Reader
	r   io.Closer
	out io.WriteCloser
	end byte
}

func newPipes(r io.ReadCloser, w io.WriteCloser, end byte) *pipes {
	return &pipes{in: bufio.NewReaderSize(r, 64<<10), r: r, out: w, end: end}
}

func (p *pipes) read() ([]byte, error) {
	b, err := p.in.ReadBytes(p.end)
	return bytes.TrimSuffix(b, []byte{p.end}), err
}

func (p *pipes) write(message []byte) error {
	_, err := p.out.Write(append(message, p.end))
	return err
}

func (p *pipes) Close() error { return errors.Join(p.r.Close(), p.out.Close()) }

// dialect is what tells the Chrome DevTools Protocol from WebDriver BiDi, which are alike: calls with an id and their
// answers, and events in between.
type dialect int

const (
	cdp  dialect = iota // sessions, one per page or worker, share the connection
	bidi                // there is one session, and the parameters name the page
)

// conn is a connection to a browser in one of the dialects.
type conn struct {
	dialect dialect
	out     chan []byte
	down    chan struct{} // closed when the connection has ended

	mu       sync.Mutex
	err      error // why it has ended
	lastID   int64
	waiting  map[int64]*pendingCall
	sessions map[string]func(method string, params json.RawMessage)
}

type pendingCall struct {
	session string
	reply   chan reply // holds one
}

type reply struct {
	result json.RawMessage
	err    error
}

type request struct {
	ID      int64  `json:"id"`
	Session string `json:"sessionId,omitempty"`
	Method  string `json:"method"`
	Params  any    `json:"params,omitempty"`
}

type incoming struct {
	ID      int64           `json:"id"`
	Session string          `json:"sessionId"`
	Method  string          `json:"method"`
	Params  json.RawMessage `json:"params"`
	Result  json.RawMessage `json:"result"`
	Error   *refusal        `json:"error"`
	Message string          `json:"message"` // beside an error in BiDi
}

// refusal is what the browser answers to a call that it refuses.
type refusal struct {
	Message string
	Data    string // more about it; in BiDi the message, beside the kind of error
}

// UnmarshalJSON takes the object of one dialect and the word of the other.
func (e *refusal) UnmarshalJSON(b []byte) error {
	if b[0] == '"' {
		return json.Unmarshal(b, &e.Message)
	}
	type object refusal
	return json.Unmarshal(b, (*object)(e))
}

func (e *refusal) Error() string {
	if e.Data == "" {
		return e.Message
	}
	return e.Message + " (" + e.Data + ")"
}

// dial starts to talk over a wire, and closes it when it fails. Events of a session, "" for the browser's own, go to
// the function that on was given for it, one after the other: it must not wait for anything.
func dial(d dialect, w wire) *conn {
	c := &conn{
		dialect:  d,
		out:      make(chan []byte),
		down:     make(chan struct{}),
		waiting:  make(map[int64]*pendingCall),
		sessions: make(map[string]func(string, json.RawMessage)),
	}
	go func() {
		defer w.Close()
		for {
			select {
			case b := <-c.out:
				if err := w.write(b); err != nil {
					c.fail(err)
					return
				}
			case <-c.down:
				return
			}
		}
	}()
	go func() { c.fail(c.receive(w)) }()
	return c
}

func (c *conn) receive(w wire) error {
	for {
		b, err := w.read()
		if err != nil {
			return err
		}
		var m incoming
		if err := json.Unmarshal(b, &m); err != nil {
			return fmt.Errorf("unreadable message: %w", err)
		}
		if m.Error != nil && c.dialect == bidi {
			m.Error.Data = m.Message
		}
		c.mu.Lock()
		call := c.waiting[m.ID]
		delete(c.waiting, m.ID)
		handle := c.sessions[m.Session]
		c.mu.Unlock()
		switch {
		case call != nil && m.Error != nil:
			call.reply <- reply{err: m.Error}
		case call != nil:
			call.reply <- reply{result: m.Result}
		case m.Method != "" && handle != nil:
			handle(m.Method, m.Params)
		}
	}
}

// on sets the function that takes a session's events.
func (c *conn) on(session string, handle func(method string, params json.RawMessage)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.sessions[session] = handle
}

// fail ends the connection and all calls that wait for an answer. The first error stays.
func (c *conn) fail(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err != nil {
		return
	}
	if errors.Is(err, io.EOF) {
		err = errors.New("it ended")
	}
	c.err = fmt.Errorf("browser: %w: %w", ErrGone, err)
	close(c.down)
	for id, call := range c.waiting {
		delete(c.waiting, id)
		call.reply <- reply{err: c.err}
	}
}

// drop ends one session: its calls fail with err, and it has no more events.
func (c *conn) drop(session string, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.sessions, session)
	for id, call := range c.waiting {
		if call.session == session {
			delete(c.waiting, id)
			call.reply <- reply{err: err}
		}
	}
}

// call calls a method of a session, "" for the browser itself. In BiDi the session is only a name for [conn.drop].
func (c *conn) call(ctx context.Context, session, method string, params any) (json.RawMessage, error) {
	call := &pendingCall{session: session, reply: make(chan reply, 1)}
	c.mu.Lock()
	if c.err != nil {
		defer c.mu.Unlock()
		return nil, c.err
	}
	c.lastID++
	id := c.lastID
	c.waiting[id] = call
	c.mu.Unlock()
	defer func() {
		c.mu.Lock()
		delete(c.waiting, id)
		c.mu.Unlock()
	}()

	r := request{id, session, method, params}
	if c.dialect == bidi {
		r.Session = ""
		if params == nil {
			r.Params = struct{}{} // they may not be left out
		}
	}
	b, err := json.Marshal(r)
	if err != nil {
		return nil, fmt.Errorf("browser: %s: %w", method, err)
	}
	select {
	case c.out <- b:
	case <-c.down:
	case <-ctx.Done():
		return nil, fmt.Errorf("browser: %s: %w", method, context.Cause(ctx))
	}
	select {
	case r := <-call.reply:
		var refused *refusal
		if errors.As(r.err, &refused) {
			return nil, fmt.Errorf("browser: %s: %w", method, refused)
		}
		return r.result, r.err
	case <-ctx.Done():
		return nil, fmt.Errorf("browser: %s: %w", method, context.Cause(ctx))
	}
}

// ask is call with the result unmarshalled into dst.
func (c *conn) ask(ctx context.Context, session, method string, params, dst any) error {
	b, err := c.call(ctx, session, method, params)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(b, dst); err != nil {
		return fmt.Errorf("browser: answer to %s: %w", method, err)
	}
	return nil
}
