package replica_test

import (
	"context"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"

	"github.com/larder-sync/larder/table"
	"github.com/larder-sync/larder/wasm/replica"
	"github.com/larder-sync/larder/wasm/store"
)

// origin is a browser with tabs that have one database open, and a server. Its time is that of a synctest bubble: it passes when all
// wait.
type origin struct {
	*testing.T
	locks   bool // the tabs share a lock
	lock    chan struct{}
	store   *store.Store
	outbox  *replica.Outbox
	mu      sync.Mutex     // over what follows, and what tabs have
	effects map[string]int // by operation
	pushing int            // requests that are under way
	most    int            // pushes that were under way at once
}

// tab is one of them. It stops wherever it is while it is frozen.
type tab struct {
	*origin
	replica *replica.Replica
	frozen  chan struct{}      // closed when it goes on; nil: it runs
	during  func(replica.Send) // called while a push is under way, when the server has acted
}

func newOrigin(t *testing.T, locks bool) *origin {
	t.Helper()
	v, err := table.ParseJSON([]byte(tasks1))
	if err != nil {
		t.Fatal(err)
	}
	schema, err := table.ParseDatabase(v)
	if err != nil {
		t.Fatal(err)
	}
	o := &origin{T: t, locks: locks, lock: make(chan struct{}, 1), effects: map[string]int{}}
	now := func() string { return "2026-11-21T09:00:00.000Z" }
	o.outbox = replica.NewOutbox(replica.OutboxOptions{NewID: uuid.NewString, Now: now})
	if o.store, err = store.Open(t.Context(), store.Options{Name: "app", Schema: schema, Open: store.Memory(), Journal: o.outbox}); err != nil {
		t.Fatal(err)
	}
	return o
}

func (o *origin) tab() *tab {
	t := &tab{origin: o}
	options := replica.Options{Outbox: o.outbox, Network: t, Lease: true, Wait: t.wait}
	if o.locks {
		options.Lock = t.take
		options.Steal = func(ctx context.Context) (func(), error) { // whoever holds it has lost it
			o.mu.Lock()
			o.lock = make(chan struct{}, 1)
			o.mu.Unlock()
			return t.take(ctx)
		}
	}
	t.replica = replica.New(o.store, options)
	return t
}

func (t *tab) take(ctx context.Context) (func(), error) {
	t.mu.Lock()
	lock := t.lock
	t.mu.Unlock()
	select {
	case lock <- struct{}{}:
		return func() { <-lock }, nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

func (t *tab) wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	t.goOn()
	return nil
}

func (t *tab) freeze(until chan struct{}) {
	t.mu.Lock()
	t.frozen = until
	t.mu.Unlock()
}

// goOn waits while the tab is frozen.
func (t *tab) goOn() {
	t.mu.Lock()
	frozen := t.frozen
	t.mu.Unlock()
	if frozen != nil {
		<-frozen
	}
}

// Send applies each operation once, and answers one that it knows as it did the first time.
func (t *tab) Send(_ context.Context, s replica.Send, _ string) replica.Answer {
	if s.Method != "POST" {
		return replica.Answer{Status: 200, Body: table.AppendPage(nil, &table.Page{Token: "boot-1", Count: -1}, "/tables/task")}
	}
	t.mu.Lock()
	t.pushing++
	t.most = max(t.most, t.pushing)
	requests, err := table.ParseBatch(s.Body)
	if err != nil {
		t.Error(err)
	}
	responses := make([]table.Response, len(requests))
	for i, r := range requests {
		t.effects[r.ID]++
		record := table.Record{"id": r.Body.ID(), "text": r.Body["text"], "version": "boot-1"}
		responses[i] = table.Response{ID: r.ID, Status: 201, Body: record}
	}
	t.mu.Unlock()
	if t.during != nil {
		t.during(s)
	}
	t.mu.Lock()
	t.pushing-- // of a tab that is frozen, the connection is no more
	t.mu.Unlock()
	t.goOn()
	return replica.Answer{Status: 200, Body: table.AppendResponses(nil, responses)}
}

func (t *tab) put(id, text string) {
	t.Helper()
	if _, err := t.store.Write(t.Context(), "", "task", table.Record{"id": id, "text": text}); err != nil {
		t.Fatal(err)
	}
}

// push starts a push, whose error comes on the channel.
func (t *tab) push() <-chan error {
	done := make(chan error, 1)
	go func() {
		_, err := t.replica.Push(context.Background(), time.Minute)
		done <- err
	}()
	return done
}

func (t *tab) text(id string) (text string) {
	t.Helper()
	if err := t.store.View(t.Context(), []string{"task"}, func(tx *store.Tx) error {
		row, err := tx.Table("task").Get(t.Context(), id)
		text, _ = row["text"].(string)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return text
}

func (t *tab) waiting() int {
	t.Helper()
	ops, err := t.replica.Pending(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return len(ops)
}

func TestLease(t *testing.T) {
	for name, locks := range map[string]bool{"without locks": false, "with locks": true} {
		run := func(what string, fn func(o *origin)) {
			t.Run(what+", "+name, func(t *testing.T) { synctest.Test(t, func(t *testing.T) { fn(newOrigin(t, locks)) }) })
		}
		run("F9: of two tabs that begin at once, one pushes after the other", func(o *origin) {
			a, b := o.tab(), o.tab()
			slow := func(replica.Send) { time.Sleep(time.Second) }
			a.during, b.during = slow, slow
			for i := range 30 {
				a.put(strconv.Itoa(i), "x")
			}
			first, second := a.push(), b.push()
			if err1, err2 := <-first, <-second; err1 != nil || err2 != nil {
				o.Fatal(err1, err2)
			}
			if a.most != 1 || len(o.effects) != 30 || a.waiting() != 0 {
				o.Errorf("%d pushes at once, %d operations applied, %d left", a.most, len(o.effects), a.waiting())
			}
		})
		run("F9: a holder that is slow but lives is waited for, however long it takes", func(o *origin) {
			a, b := o.tab(), o.tab()
			a.during = func(replica.Send) { time.Sleep(10 * time.Minute) }
			a.put("1", "x")
			first := a.push()
			synctest.Wait()
			began := time.Now()
			second := b.push()
			if err1, err2 := <-first, <-second; err1 != nil || err2 != nil {
				o.Fatal(err1, err2)
			}
			if took := time.Since(began); took < 10*time.Minute || o.most != 1 || a.waiting() != 0 {
				o.Errorf("after %v both were done; %d pushes at once", took, o.most)
			}
		})
		run("F10: a holder that stops in mid-push is replaced, and stores nothing when it goes on", func(o *origin) {
			a, b := o.tab(), o.tab()
			thaw := make(chan struct{})
			a.during = func(replica.Send) { a.freeze(thaw) }
			a.put("1", "sent by the first")
			first := a.push()
			synctest.Wait()
			began := time.Now()
			if err := <-b.push(); err != nil {
				o.Fatal(err)
			}
			if took := time.Since(began); took > 11*time.Second {
				o.Errorf("it was replaced after %v only", took)
			}
			b.put("1", "newer")
			if err := <-b.push(); err != nil {
				o.Fatal(err)
			}
			b.put("1", "newest, not pushed")
			time.Sleep(10 * time.Minute)
			a.freeze(nil)
			close(thaw)
			if err := <-first; table.CodeOf(err) != table.CodeAborted {
				o.Errorf("the first ends with %v, want code aborted", err)
			}
			if b.text("1") != "newest, not pushed" || b.waiting() != 1 {
				o.Errorf("the record is %q, and %d operations wait", b.text("1"), b.waiting())
			}
			if err := <-a.push(); err != nil {
				o.Errorf("when it is its turn again: %v", err)
			}
			if len(o.effects) != 3 || a.waiting() != 0 {
				o.Errorf("%d operations were applied, %d wait", len(o.effects), a.waiting())
			}
		})
		run("F9: a tab that was closed while it held the lease is replaced", func(o *origin) {
			a, b := o.tab(), o.tab()
			gone := make(chan struct{})
			a.during = func(replica.Send) { a.freeze(gone) }
			a.put("1", "x")
			first := a.push()
			synctest.Wait()
			if err := <-b.push(); err != nil || b.waiting() != 0 {
				o.Errorf("the other ends with %v, and %d operations wait", err, b.waiting())
			}
			close(gone)
			<-first
		})
		run("one who waits for its turn can be told to stop", func(o *origin) {
			a, b := o.tab(), o.tab()
			a.during = func(replica.Send) { time.Sleep(time.Minute) }
			a.put("1", "x")
			first := a.push()
			synctest.Wait()
			ctx, cancel := context.WithTimeout(o.Context(), time.Second)
			defer cancel()
			if _, err := b.replica.Push(ctx, time.Minute); err == nil {
				o.Error("it got its turn")
			}
			if err := <-first; err != nil {
				o.Error(err)
			}
		})
	}
}
