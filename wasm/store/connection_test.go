package store_test

import (
	"context"
	"errors"
	"runtime"
	"slices"
	"sync"
	"testing"

	"github.com/larder-sync/larder/table"
	"github.com/larder-sync/larder/wasm/store"
)

const (
	notes1 = `{"version":1,"tables":{"note":{"columns":{"text":"string"}}}}`
	notes2 = `{"version":2,"tables":{"note":{"columns":{"text":"string"},"indexes":["text"]}}}`
)

func TestVersions(t *testing.T) {
	t.Run("older code does not open a newer database", func(t *testing.T) {
		eachPlace(t, func(t *testing.T, p *place) {
			p.must(p.options(notes2, nil)).Close()
			if _, err := store.Open(ctx, p.options(notes1, nil)); table.CodeOf(err) != table.CodeVersion {
				t.Errorf("got %v, want code version", err)
			}
			p.must(p.options(notes2, nil)).Close()
		})
	})
	t.Run("an index without a new version is refused by name", func(t *testing.T) {
		eachPlace(t, func(t *testing.T, p *place) {
			p.must(p.options(notes1, nil)).Close()
			const same = `{"version":1,"tables":{"note":{"columns":{"text":"string"},"indexes":["text"]}}}`
			if _, err := store.Open(ctx, p.options(same, nil)); table.CodeOf(err) != table.CodeVersion {
				t.Errorf("got %v, want code version", err)
			}
		})
	})
	t.Run("an upgrade that another keeps waiting ends with the context, or with its patience", func(t *testing.T) {
		eachPlace(t, func(t *testing.T, p *place) {
			p.must(p.options(notes1, nil)).Close()
			stubborn, err := p.open(ctx, store.Layout{Name: p.name, Version: 19}, store.Events{VersionChange: func(bool) {}})
			if err != nil {
				t.Fatal(err)
			}
			o := p.options(notes2, nil)
			ctx, cancel := context.WithCancelCause(ctx)
			o.Events.Blocked = func() { cancel(context.DeadlineExceeded) }
			if _, err := store.Open(ctx, o); table.CodeOf(err) != table.CodeBlocked || !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("got %v, want code blocked by the context", err)
			}
			o = p.options(notes2, nil)
			o.Patience = 1
			if _, err := store.Open(context.Background(), o); table.CodeOf(err) != table.CodeBlocked {
				t.Errorf("got %v, want code blocked", err)
			}
			if err := stubborn.Close(); err != nil {
				t.Fatal(err)
			}
			p.must(p.options(notes2, nil)).Close()
		})
	})
}

// heard collects events of a store, each as one word.
type heard struct {
	mu   sync.Mutex
	list []string
	news chan struct{}
}

func listen(o *store.Options) *heard {
	h := &heard{news: make(chan struct{}, 100)}
	say := func(what string) {
		h.mu.Lock()
		h.list = append(h.list, what)
		h.mu.Unlock()
		h.news <- struct{}{}
	}
	o.Events = store.Events{
		VersionChange: func(bool) { say("versionchange") },
		Closed:        func(error) { say("closed") },
		Reopened:      func() { say("reopened") },
		Failed:        func(err error) { say("failed " + string(table.CodeOf(err))) },
		Evicted:       func() { say("evicted") },
	}
	return h
}

// wait returns when the event was heard.
func (h *heard) wait(what string) {
	for !h.has(what) {
		<-h.news
	}
}

func (h *heard) has(what string) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Contains(h.list, what)
}

func TestGivingWay(t *testing.T) {
	// upgrade runs work in a transaction of an older store until it is asked to give way, and writes a last row then;
	// meanwhile a newer one is opened.
	upgrade := func(t *testing.T, p *place, newer store.Options) (older *store.Store, h *heard, err error) {
		o := p.options(notes1, nil)
		h = listen(&o)
		older = p.must(o)
		keep(t, older, "note", table.Record{"id": "first"})
		opened := make(chan error, 1)
		err = older.Update(ctx, []string{"note"}, func(tx *store.Tx) error {
			go func() {
				s, err := store.Open(ctx, newer)
				if err == nil {
					err = s.Close()
				}
				opened <- err
			}()
			for !h.has("versionchange") {
				runtime.Gosched() // memory answers without
				if _, err := tx.Table("note").Get(ctx, "first"); err != nil {
					return err
				}
			}
			_, err := tx.Table("note").Put(ctx, table.Record{"id": "last", "text": "written on the way out"})
			return err
		})
		if err != nil {
			t.Fatalf("what ran was not finished: %v", err)
		}
		return older, h, <-opened
	}
	t.Run("what runs is finished, and after the upgrade the older code says so", func(t *testing.T) {
		eachPlace(t, func(t *testing.T, p *place) {
			older, h, err := upgrade(t, p, p.options(notes2, nil))
			if err != nil {
				t.Fatal(err)
			}
			defer older.Close()
			if _, err := older.Write(ctx, "", "note", table.Record{"id": "late"}); table.CodeOf(err) != table.CodeVersion {
				t.Errorf("got %v, want code version", err)
			}
			h.wait("failed version")
			s := p.must(p.options(notes2, nil))
			defer s.Close()
			if got := ids(query(t, s, "note", `{}`)); !slices.Equal(got, []string{"first", "last"}) {
				t.Errorf("the newer version has %v", got)
			}
		})
	})
	t.Run("after an upgrade that failed it goes on", func(t *testing.T) {
		eachPlace(t, func(t *testing.T, p *place) {
			older, h, err := upgrade(t, p, p.options(notes2, store.Migrations{2: {"note": store.Each(
				func(table.Record) (table.Record, error) { return nil, errors.New("no") })}}))
			if table.CodeOf(err) != table.CodeMigration {
				t.Fatalf("got %v, want code migration", err)
			}
			defer older.Close()
			keep(t, older, "note", table.Record{"id": "more"})
			h.wait("reopened")
			if got := ids(query(t, older, "note", `{}`)); !slices.Equal(got, []string{"first", "last", "more"}) {
				t.Errorf("the older version has %v", got)
			}
		})
	})
}

// flaky is an opener whose connections break when they are told to.
type flaky struct {
	store.Opener
	mu     sync.Mutex
	breaks int   // how many of the next transactions find the connection lost
	refuse error // why opening fails; nil if it does not
	opened int
}

func (f *flaky) open(ctx context.Context, l store.Layout, e store.Events) (store.Backend, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.refuse != nil {
		return nil, f.refuse
	}
	f.opened++
	b, err := f.Opener(ctx, l, e)
	return &flakyBackend{b, f}, err
}

type flakyBackend struct {
	store.Backend
	f *flaky
}

func (b *flakyBackend) Begin(ctx context.Context, write bool, stores []string) (store.Txn, error) {
	b.f.mu.Lock()
	defer b.f.mu.Unlock()
	if b.f.breaks > 0 && !slices.Equal(stores, []string{store.StoreMeta}) {
		b.f.breaks--
		return nil, table.Errorf(table.CodeClosed, "the connection is closing")
	}
	return b.Backend.Begin(ctx, write, stores)
}

func TestLostConnection(t *testing.T) {
	start := func(t *testing.T) (*flaky, *store.Store, *heard) {
		f := &flaky{Opener: store.Memory()}
		p := &place{t: t, open: f.open, name: "app"}
		o := p.options(notes1, nil)
		h := listen(&o)
		s := p.must(o)
		t.Cleanup(func() { s.Close() })
		keep(t, s, "note", table.Record{"id": "1"})
		return f, s, h
	}
	t.Run("it is opened again, and what was asked for is done", func(t *testing.T) {
		f, s, h := start(t)
		f.breaks = 1
		keep(t, s, "note", table.Record{"id": "2"})
		if got := ids(query(t, s, "note", `{}`)); !slices.Equal(got, []string{"1", "2"}) || f.opened != 2 {
			t.Errorf("rows %v after %d openings", got, f.opened)
		}
		h.wait("reopened")
	})
	t.Run("twice in a row it is told, and the next call tries again", func(t *testing.T) {
		f, s, h := start(t)
		f.breaks = 2
		if _, err := s.Write(ctx, "", "note", table.Record{"id": "2"}); table.CodeOf(err) != table.CodeStorage {
			t.Errorf("got %v, want code storage", err)
		}
		h.wait("failed storage")
		keep(t, s, "note", table.Record{"id": "2"})
	})
	t.Run("a database that cannot be opened again is told, and the next call tries again", func(t *testing.T) {
		f, s, h := start(t)
		f.breaks, f.refuse = 1, table.Errorf(table.CodeStorage, "the disk is gone")
		if _, err := s.Write(ctx, "", "note", table.Record{"id": "2"}); !errors.Is(err, f.refuse) {
			t.Errorf("got %v, want %v", err, f.refuse)
		}
		h.wait("failed storage")
		f.refuse = nil
		keep(t, s, "note", table.Record{"id": "2"})
	})
	t.Run("a closed store stays closed", func(t *testing.T) {
		f, s, _ := start(t)
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Write(ctx, "", "note", table.Record{"id": "2"}); table.CodeOf(err) != table.CodeClosed || f.opened != 1 {
			t.Errorf("got %v after %d openings, want code closed after 1", err, f.opened)
		}
	})
}

// marks is a sentinel that forgets nothing.
type marks map[string]string

func (m marks) Load(_ context.Context, name string) string { return m[name] }
func (m marks) Save(_ context.Context, name, mark string)  { m[name] = mark }

func TestEviction(t *testing.T) {
	births := 0
	open := func(t *testing.T, p *place, m marks) (*store.Store, *heard) {
		o := p.options(notes1, nil)
		o.Sentinel, o.NewID = m, func() string { births++; return "born " + string(rune('a'+births)) }
		h := listen(&o)
		return p.must(o), h
	}
	t.Run("a first visit and a second are no eviction; one that finds nothing is", func(t *testing.T) {
		m := marks{}
		p := &place{t: t, open: store.Memory(), name: "app"}
		for range 2 {
			s, h := open(t, p, m)
			if s.Evicted() || h.has("evicted") {
				t.Error("an eviction was told")
			}
			s.Close()
		}
		p.open = store.Memory() // another disk: the old one was emptied
		s, h := open(t, p, m)
		if !s.Evicted() || !h.has("evicted") {
			t.Error("the eviction was not told")
		}
		s.Close()
		if s, _ := open(t, p, m); s.Evicted() {
			t.Error("the eviction was told twice")
		}
	})
	t.Run("one whose mark goes with it is told by the store that had it open", func(t *testing.T) {
		disk := store.Memory()
		p := &place{t: t, name: "app", open: func(ctx context.Context, l store.Layout, e store.Events) (store.Backend, error) {
			return disk(ctx, l, e)
		}}
		m := marks{}
		s, h := open(t, p, m)
		keep(t, s, "note", table.Record{"id": "1"})
		if s.Evicted() {
			t.Error("an eviction was told")
		}
		disk = store.Memory()
		clear(m)
		s.Lost(func(store.Backend) bool { return true })
		keep(t, s, "note", table.Record{"id": "2"})
		if !s.Evicted() || !h.has("evicted") {
			t.Error("the eviction was not told")
		}
	})
	t.Run("a mark that was lost, or is of another profile, is no eviction", func(t *testing.T) {
		p := &place{t: t, open: store.Memory(), name: "app"}
		m := marks{}
		s, _ := open(t, p, m)
		s.Close()
		born := m["app"]
		for _, mark := range []string{"", "another"} {
			m["app"] = mark
			s, _ := open(t, p, m)
			if s.Evicted() || m["app"] != born {
				t.Errorf("with the mark %q: evicted %v, and the mark is %q", mark, s.Evicted(), m["app"])
			}
			s.Close()
		}
	})
}
