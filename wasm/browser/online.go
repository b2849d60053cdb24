//go:build js && wasm

package browser

import (
	"context"
	"math/rand/v2"
	"strconv"
	"syscall/js"
	"time"

	"github.com/larder-sync/larder/table"
)

// Connection says whether a server can be reached, and why it is thought so: "ok"; "server" when something answers with an
// error, so that there is a connection and trouble at the other end; and while offline "network", "timeout", or "portal" when
// somebody else answers in the server's place. Before the first probe the reason is "unknown".
type Connection struct {
	Online bool
	Reason string
}

// ConnectionOptions are what [WatchConnection] watches, and how.
type ConnectionOptions struct {
	URL      string                           // the server's base; "" is the origin of the page
	OnChange func(Connection)                 // called in the watch's goroutine, for the first probe and then for each change
	Probe    func(context.Context) Connection // asks the server; nil asks Larder's own probe at URL
}

// Watch knows whether a server can be reached. It is safe for concurrent use.
type Watch struct {
	options ConnectionOptions
	hints   chan struct{}   // something may have changed: one is enough
	answers chan Connection // what requests of the app found out
	now     chan Connection // of one: the state
}

const (
	firstPause   = time.Second
	lastPause    = time.Minute
	probeTimeout = 3 * time.Second
)

// WatchConnection is web/online.js for programs in Go: what the browser says of being online only decides when to ask, and
// the answer comes from a probe. While online nothing is polled; while offline the probe is repeated, ever more slowly. It
// ends with the context.
func WatchConnection(ctx context.Context, o ConnectionOptions) *Watch {
	w := &Watch{options: o, hints: make(chan struct{}, 1), answers: make(chan Connection, 1), now: make(chan Connection, 1)}
	if w.options.Probe == nil {
		w.options.Probe = w.probe
	}
	w.now <- Connection{Online: true, Reason: "unknown"}
	stop := w.listen()
	go func() {
		defer stop()
		w.run(ctx)
	}()
	return w
}

// State is what is known now.
func (w *Watch) State() Connection {
	c := <-w.now
	w.now <- c
	return c
}

// Check has the server asked soon.
func (w *Watch) Check() {
	select {
	case w.hints <- struct{}{}:
	default: // one is waiting already
	}
}

// Report tells how a request of the app went: true if the server answered, false if it could not be reached.
func (w *Watch) Report(ok bool) {
	if !ok {
		if w.State().Online {
			w.Check()
		}
		return
	}
	select {
	case w.answers <- Connection{Online: true, Reason: "ok"}:
	default: // another one says the same
	}
}

func (w *Watch) run(ctx context.Context) {
	pause := firstPause
	for {
		c := w.options.Probe(ctx)
		if ctx.Err() != nil {
			return
		}
		w.decide(c)
		var again <-chan time.Time
		if !c.Online || c.Reason == "server" {
			again = time.After(pause/2 + rand.N(pause/2))
			pause = min(2*pause, lastPause)
		} else {
			pause = firstPause
		}
		for wait := true; wait; {
			select {
			case <-ctx.Done():
				return
			case <-w.hints:
				pause, wait = firstPause, false
			case <-again:
				wait = false
			case c := <-w.answers:
				w.decide(c)
				again, pause = nil, firstPause
			}
		}
	}
}

func (w *Watch) decide(c Connection) {
	before := <-w.now
	w.now <- c
	if c != before && w.options.OnChange != nil {
		w.options.OnChange(c)
	}
}

// listen takes the hints: browsers fire on window, Cordova on document, and some fire on body.
func (w *Watch) listen() (stop func()) {
	hint := js.FuncOf(func(_ js.Value, args []js.Value) any {
		w.Check()
		return nil
	})
	global := js.Global()
	document := global.Get("document")
	type source struct {
		target js.Value
		event  string
	}
	all := []source{{global, "online"}, {global, "offline"}}
	if document.Truthy() {
		for _, event := range []string{"online", "offline", "visibilitychange", "resume", "deviceready"} {
			all = append(all, source{document, event})
		}
		if body := document.Get("body"); body.Truthy() {
			all = append(all, source{body, "online"}, source{body, "offline"})
		}
	}
	for _, s := range all {
		s.target.Call("addEventListener", s.event, hint)
	}
	return func() {
		for _, s := range all {
			s.target.Call("removeEventListener", s.event, hint)
		}
		hint.Release()
	}
}

// probe asks Larder's server for an answer that no cache and no portal can give.
func (w *Watch) probe(ctx context.Context) Connection {
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	nonce := strconv.FormatUint(rand.Uint64(), 36)
	answer, err := Fetch(ctx, Request{URL: w.options.URL + table.PathProbe + "?n=" + nonce, Cache: "no-store", MaxBody: 1 << 16})
	switch {
	case err != nil && ctx.Err() != nil:
		return Connection{Reason: "timeout"}
	case err != nil:
		return Connection{Reason: "network"}
	case answer.Status == 204 && answer.Header("larder-probe") == nonce:
		return Connection{Online: true, Reason: "ok"}
	case answer.Status >= 400:
		return Connection{Online: true, Reason: "server"}
	}
	return Connection{Reason: "portal"}
}
