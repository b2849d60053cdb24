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

// cdp is a connection in the Chrome DevTools Protocol: JSON messages, each ended by a zero byte, one pipe for each
// direction. Sessions, one per page or worker, share it.
type cdp struct {
	out  chan []byte
	down chan struct{} // closed when the connection has ended

	mu       sync.Mutex
	err      error // why it has ended
	lastID   int64
	waiting  map[int64]*cdpCall
	sessions map[string]func(method string, params json.RawMessage)
}

type cdpCall struct {
	session string
	reply   chan cdpReply // holds one
}

type cdpReply struct {
	result json.RawMessage
	err    error
}

type cdpRequest struct {
	ID      int64  `json:"id"`
	Session string `json:"sessionId,omitempty"`
	Method  string `json:"method"`
	Params  any    `json:"params,omitempty"`
}

type cdpMessage struct {
	ID      int64           `json:"id"`
	Session string          `json:"sessionId"`
	Method  string          `json:"method"`
	Params  json.RawMessage `json:"params"`
	Result  json.RawMessage `json:"result"`
	Error   *cdpError       `json:"error"`
}

// cdpError is what the browser answers to a call that it refuses.
type cdpError struct {
	Code    int    `json:"code"`
	Message string `json:"message"`
	Data    string `json:"data"`
}

func (e *cdpError) Error() string {
	if e.Data == "" {
		return e.Message
	}
	return e.Message + " (" + e.Data + ")"
}

// dialCDP starts to talk over r and w, and closes both when either fails. Events of a session, "" for the browser's own,
// go to the function that on was given for it, one after the other: it must not wait for anything.
func dialCDP(r io.ReadCloser, w io.WriteCloser) *cdp {
	c := &cdp{
		out:      make(chan []byte),
		down:     make(chan struct{}),
		waiting:  make(map[int64]*cdpCall),
		sessions: make(map[string]func(string, json.RawMessage)),
	}
	go func() {
		defer w.Close()
		for {
			select {
			case b := <-c.out:
				if _, err := w.Write(b); err != nil {
					c.fail(err)
					return
				}
			case <-c.down:
				return
			}
		}
	}()
	go func() {
		defer r.Close()
		c.fail(c.receive(r))
	}()
	return c
}

func (c *cdp) receive(r io.Reader) error {
	in := bufio.NewReaderSize(r, 64<<10)
	for {
		b, err := in.ReadBytes(0)
		if err != nil {
			return err
		}
		var m cdpMessage
		if err := json.Unmarshal(bytes.TrimSuffix(b, []byte{0}), &m); err != nil {
			return fmt.Errorf("unreadable message: %w", err)
		}
		c.mu.Lock()
		call := c.waiting[m.ID]
		delete(c.waiting, m.ID)
		handle := c.sessions[m.Session]
		c.mu.Unlock()
		switch {
		case call != nil && m.Error != nil:
			call.reply <- cdpReply{err: m.Error}
		case call != nil:
			call.reply <- cdpReply{result: m.Result}
		case m.Method != "" && handle != nil:
			handle(m.Method, m.Params)
		}
	}
}

// on sets the function that takes a session's events.
func (c *cdp) on(session string, handle func(method string, params json.RawMessage)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.sessions[session] = handle
}

// fail ends the connection and all calls that wait for an answer. The first error stays.
func (c *cdp) fail(err error) {
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
		call.reply <- cdpReply{err: c.err}
	}
}

// drop ends one session: its calls fail with err, and it has no more events.
func (c *cdp) drop(session string, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.sessions, session)
	for id, call := range c.waiting {
		if call.session == session {
			delete(c.waiting, id)
			call.reply <- cdpReply{err: err}
		}
	}
}

// call calls a method of a session, "" for the browser itself.
func (c *cdp) call(ctx context.Context, session, method string, params any) (json.RawMessage, error) {
	call := &cdpCall{session: session, reply: make(chan cdpReply, 1)}
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

	b, err := json.Marshal(cdpRequest{id, session, method, params})
	if err != nil {
		return nil, fmt.Errorf("browser: %s: %w", method, err)
	}
	select {
	case c.out <- append(b, 0):
	case <-c.down:
	case <-ctx.Done():
		return nil, fmt.Errorf("browser: %s: %w", method, context.Cause(ctx))
	}
	select {
	case r := <-call.reply:
		var refused *cdpError
		if errors.As(r.err, &refused) {
			return nil, fmt.Errorf("browser: %s: %w", method, refused)
		}
		return r.result, r.err
	case <-ctx.Done():
		return nil, fmt.Errorf("browser: %s: %w", method, context.Cause(ctx))
	}
}

// ask is call with the result unmarshalled into dst.
func (c *cdp) ask(ctx context.Context, session, method string, params, dst any) error {
	b, err := c.call(ctx, session, method, params)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(b, dst); err != nil {
		return fmt.Errorf("browser: answer to %s: %w", method, err)
	}
	return nil
}
