package live_test

import (
	"bufio"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/larder-sync/larder/server/db"
	"github.com/larder-sync/larder/server/feed"
	"github.com/larder-sync/larder/server/live"
	"github.com/larder-sync/larder/table"
)

// counted is a database that counts those who read the feed's end.
type counted struct {
	db.DB
	reads, now, most atomic.Int64
}

func (c *counted) Tail(ctx context.Context, name string, after int64, limit int) ([]db.Entry, error) {
	c.reads.Add(1)
	for now := c.now.Add(1); ; {
		if most := c.most.Load(); now <= most || c.most.CompareAndSwap(most, now) {
			break
		}
	}
	defer c.now.Add(-1)
	return c.DB.Tail(ctx, name, after, limit)
}

// serve returns where the table can be listened to from an id on.
func (s *site) serve() string {
	s.t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		stream := live.Stream{Tables: []live.Table{{Name: "note", Stored: "note"}}, Last: r.Header.Get("Last-Event-ID")}
		if err := s.hub.Serve(w, r, stream); err != nil {
			http.Error(w, string(table.CodeOf(err)), http.StatusServiceUnavailable)
		}
	}))
	s.t.Cleanup(server.Close)
	return server.URL
}

// herd has many clients come back at once, each with an id, and returns what they did not hear of count records.
func (s *site) herd(clients int, id string, count int) (missed []string) {
	s.t.Helper()
	url := s.serve()
	ctx, cancel := context.WithCancel(s.t.Context())
	defer cancel()
	var mu sync.Mutex
	var wg sync.WaitGroup
	for range clients {
		wg.Go(func() {
			heard, err := comeBack(ctx, url, id, count)
			if err == nil && heard == count {
				return
			}
			mu.Lock()
			defer mu.Unlock()
			missed = append(missed, fmt.Sprint(heard, " ", err))
		})
	}
	wg.Wait()
	return missed
}

// comeBack listens from an id on until it has heard of count records in their order, and returns how many it heard of.
func comeBack(ctx context.Context, url, id string, count int) (heard int, err error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return 0, err
	}
	r.Header.Set("Last-Event-ID", id)
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0, err
	}
	defer answer.Body.Close()
	for in := bufio.NewScanner(answer.Body); heard < count && in.Scan(); {
		if data, ok := strings.CutPrefix(in.Text(), "data: "); ok {
			if !strings.Contains(data, fmt.Sprintf(`"id":"%d"`, heard)) {
				return heard, fmt.Errorf("heard %s after %d records", data, heard)
			}
			heard++
		}
	}
	return heard, nil
}

func TestHerd(t *testing.T) {
	const clients, records = 1000, 60
	for name, keep := range map[string]int{
		"a thousand who come back at once are told from memory":              0,
		"those who were away for longer take turns at the database, bounded": 8,
	} {
		t.Run(name, func(t *testing.T) {
			d := &counted{DB: openSQLite(t)}
			s := open(t, d, live.Options{Keep: keep})
			s.put("first")
			c := s.listen(live.Stream{Tables: []live.Table{{Name: "note", Stored: "note"}}})
			from := c.last
			for i := range records {
				s.put(fmt.Sprint(i))
				c.next() // the hub has read it
			}
			before := d.reads.Load()
			if missed := s.herd(clients, from, records); len(missed) > 0 {
				t.Errorf("%d of %d clients missed something, as %s", len(missed), clients, missed[0])
			}
			if reads := d.reads.Load() - before; keep == 0 && reads > 0 {
				t.Errorf("the database was read %d times", reads)
			}
			if most := d.most.Load(); most > 9 { // eight of the herd, and the hub
				t.Errorf("the database was read by %d at once", most)
			}
		})
	}
}

func TestLargeBacklog(t *testing.T) {
	const records = 100 // of 8 kB
	for _, keep := range []int{0, 8} {
		s := open(t, openSQLite(t), live.Options{Keep: keep})
		s.put("first")
		c := s.listen(live.Stream{Tables: []live.Table{{Name: "note", Stored: "note"}}})
		from := c.last
		for i := range records {
			id := fmt.Sprint(i)
			s.push(feed.Op{Action: feed.Put, ID: id, Record: table.Record{"id": id, "text": strings.Repeat("x", 8<<10)}})
			c.next() // the hub has read it
		}
		heard, err := comeBack(t.Context(), s.serve(), from, records)
		if keep == 0 && (heard != records || err != nil) {
			t.Errorf("in parts, from memory: %d of %d records, %v", heard, records, err)
		}
		if keep > 0 && (heard > 0 || err == nil || !strings.Contains(err.Error(), "resync")) {
			t.Errorf("more than may be read for one connection: %d records, %v", heard, err)
		}
	}
}
