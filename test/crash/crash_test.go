package crash_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/larder-sync/larder/table"
	pgtest "github.com/larder-sync/larder/test/postgres"
)

const (
	writers   = 16
	followers = 4
	batch     = 10
)

// rows is how many operations the writers push together. CRASH_ROWS says more.
func rows(t *testing.T) int {
	n := 6000
	if text := os.Getenv("CRASH_ROWS"); text != "" {
		var err error
		if n, err = strconv.Atoi(text); err != nil {
			t.Fatal(err)
		}
	}
	return n
}

func TestTwoServersOnPostgreSQL(t *testing.T) {
	database := pgtest.New(t)
	run(t, newServer(t, database), newServer(t, database))
}

func TestSQLite(t *testing.T) {
	run(t, newServer(t, "sqlite:larder.db"))
}

// run lets writers and followers use the servers, which are killed at random, and then compares what all of them know.
func run(t *testing.T, servers ...*server) {
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Minute)
	defer cancel()
	for _, s := range servers {
		s.start()
	}
	for _, s := range servers {
		s.await(ctx)
	}
	total := rows(t)
	var writing, following sync.WaitGroup
	all := make([]*writer, writers)
	for i := range all {
		w := &writer{name: fmt.Sprint("w", i), servers: servers, random: rand.New(rand.NewPCG(uint64(i), 1)), rows: map[string]int{}}
		all[i] = w
		writing.Go(func() {
			for w.seq < total/writers {
				if err := w.push(ctx, batch); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	written := make(chan struct{})
	go func() { writing.Wait(); close(written) }()

	seen := make([]*follower, followers)
	for i := range seen {
		f := &follower{servers: servers, random: rand.New(rand.NewPCG(uint64(i), 2)), rows: map[string]int{}}
		seen[i] = f
		following.Go(func() {
			for last, more := false, true; more || !last; {
				select {
				case <-written:
					last = true // what follows is all there is
				default:
				}
				var err error
				if more, err = f.pull(ctx); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}

	random := rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), 3))
	for running := true; running; {
		select {
		case <-written:
			running = false
		case <-time.After(time.Duration(100+random.IntN(900)) * time.Millisecond):
			s := servers[random.IntN(len(servers))]
			s.kill()
			s.start()
		}
	}
	for _, s := range servers {
		s.await(ctx)
	}
	following.Wait()
	if t.Failed() {
		return
	}
	compare(t, all, seen)
	killed := 0
	for _, s := range servers {
		killed += s.killed
	}
	resent := 0
	for _, w := range all {
		resent += w.resent
	}
	t.Logf("%d operations by %d writers, %d followers; servers killed %d times, %d batches sent again; nothing missing, nothing twice",
		total/writers/batch*batch*writers, writers, followers, killed, resent)
}

// compare holds what followers saw against what writers were told.
func compare(t *testing.T, all []*writer, seen []*follower) {
	acknowledged, operations := map[string]int{}, 0
	for _, w := range all {
		operations += w.seq
		for id, seq := range w.rows {
			acknowledged[id] = seq
		}
	}
	for i, f := range seen {
		wrong := 0
		for id, seq := range acknowledged {
			if f.rows[id] != seq {
				wrong++
			}
		}
		if wrong > 0 || len(f.rows) != len(acknowledged) {
			t.Errorf("follower %d has %d rows of %d, and %d of them otherwise than the writers", i, len(f.rows), len(acknowledged), wrong)
		}
		// Each operation took one number; one that was carried out twice would have taken two.
		if f.last != int64(operations) {
			t.Errorf("follower %d is at number %d after %d operations", i, f.last, operations)
		}
	}
}

func TestDatabaseLost(t *testing.T) {
	cluster, err := pgtest.Start("fsync=off")
	if err != nil {
		t.Fatal(err)
	}
	running := true
	t.Cleanup(func() {
		if running {
			if err := cluster.Stop(); err != nil {
				t.Error(err)
			}
		}
	})
	address, err := cluster.Create(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	s := newServer(t, address)
	s.start()
	s.await(t.Context())
	put(t, s, "a", http.StatusCreated)
	running = false
	if err := cluster.Stop(); err != nil {
		t.Fatal(err)
	}
	put(t, s, "b", http.StatusServiceUnavailable)
	status, _, text := ask(t.Context(), "GET", s.url+"/tables/note?$deltatoken=", "")
	if status != http.StatusServiceUnavailable {
		t.Errorf("a pull: %d %s", status, text)
	}
	if status, _, text := ask(t.Context(), "GET", s.url+"/readyz", ""); status != http.StatusServiceUnavailable {
		t.Errorf("ready: %d %s", status, text)
	}
	if status, _, text := ask(t.Context(), "GET", s.url+"/healthz", ""); status != http.StatusOK {
		t.Errorf("alive: %d %s", status, text)
	}
}

// put inserts a record, which must be answered with a status.
func put(t *testing.T, s *server, id string, want int) {
	t.Helper()
	status, header, text := ask(t.Context(), "POST", s.url+"/tables/note", fmt.Sprintf(`{"id":%q}`, id))
	if status != want {
		t.Errorf("insert of %s: %d %s", id, status, text)
	}
	if status == http.StatusServiceUnavailable && header.Get("Retry-After") == "" {
		t.Errorf("insert of %s: no Retry-After: %v", id, header)
	}
}

func TestDiskFull(t *testing.T) {
	database := "sqlite:" + filepath.Join(t.TempDir(), "larder.db")
	s := newServer(t, database)
	s.limit = "1000" // half a megabyte or a whole one, as the shell counts
	s.start()
	s.await(t.Context())
	var acknowledged []string
	refused := 0
	for i := 0; refused < 3 && i < 2000; i++ {
		id := fmt.Sprint("r", i)
		status, header, text := ask(t.Context(), "POST", s.url+"/tables/note", fmt.Sprintf(`{"id":%q,"text":"%02000d"}`, id, i))
		switch {
		case status == http.StatusCreated:
			acknowledged = append(acknowledged, id)
		case status == http.StatusServiceUnavailable && header.Get("Retry-After") != "":
			refused++
		default:
			t.Fatalf("insert of %s: %d %v %s", id, status, header, text)
		}
	}
	if refused == 0 || len(acknowledged) == 0 {
		t.Fatalf("%d rows were taken, %d refused", len(acknowledged), refused)
	}
	s.kill()
	s.limit = ""
	s.start()
	s.await(t.Context())
	put(t, s, "after", http.StatusCreated)
	there := map[string]bool{}
	f := &follower{servers: []*server{s}, random: rand.New(rand.NewPCG(1, 1)), rows: map[string]int{}}
	for more := true; more; {
		status, _, text := ask(t.Context(), "GET", s.url+"/tables/note?$deltatoken="+table.EscapeID(f.token), "")
		page, err := table.ParsePage(text)
		if err != nil || status != http.StatusOK {
			t.Fatalf("%d %v", status, err)
		}
		for _, c := range page.Changes {
			there[c.ID] = true
		}
		f.token, more = page.Token, page.More
	}
	for _, id := range acknowledged {
		if !there[id] {
			t.Errorf("%s was acknowledged and is not there", id)
		}
	}
}
