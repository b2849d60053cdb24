package e2e

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/larder-sync/larder/table"
	"github.com/larder-sync/larder/test/browser"
)

// chaosTables are the server's: rows that are only added, numbers that are only added to, and rows with which anything is done.
var chaosTables = map[string]string{
	"log": `{"columns":{"counter":"string"},"dynamicSchema":false,"softDelete":true}`,
	"counter": `{"columns":{"n":"number","by":"string"},"dynamicSchema":false,"softDelete":true,
		"seed":[{"id":"c0","n":0},{"id":"c1","n":0},{"id":"c2","n":0}]}`,
	"item": `{"columns":{"text":"string","rank":"number"},"dynamicSchema":false,"softDelete":true}`,
}

// TestChaos has two devices, each a browser with a profile of its own, write at random for CHAOS (20s) while everything goes
// wrong: the network between them and the server, which is killed again and again; their pages, which are reloaded, crash and
// are opened twice; the browsers, which are killed and go offline; their clocks. In the end both must have what the server has,
// by digest, with each write that was acknowledged, and none of them twice.
func TestChaos(t *testing.T) {
	lasts := 20 * time.Second
	if text := os.Getenv("CHAOS"); text != "" {
		var err error
		if lasts, err = time.ParseDuration(text); err != nil {
			t.Fatalf("CHAOS is no duration: %v", err)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), lasts+5*time.Minute)
	defer cancel()
	s := newStack(t)
	s.tables = t.TempDir()
	for name, file := range chaosTables {
		if err := os.WriteFile(filepath.Join(s.tables, name+".json"), []byte(file), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	w := newWeather(s.web)
	front, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: w}
	go server.Serve(front)
	t.Cleanup(func() {
		server.Close()
		w.late.Wait()
	})
	s.url = "http://" + front.Addr().String()
	start := func() *process {
		p := startProcess(t, s)
		address, err := url.Parse(p.url)
		if err != nil {
			t.Fatal(err)
		}
		w.back.Store(address)
		return p
	}
	kill := func(p *process) {
		w.back.Store(nil)
		if err := p.cmd.Process.Kill(); err != nil {
			t.Error(err)
		}
		<-p.done
	}
	w.calm.Store(true)
	back := start()
	defer func() { kill(back) }()

	script, err := os.ReadFile("testdata/chaos.js")
	if err != nil {
		t.Fatal(err)
	}
	devices := []*chaotic{{name: "a"}, {name: "b"}}
	for _, d := range devices {
		d.t, d.url, d.script, d.profile, d.weather = t, s.url+"/larder.d.ts", string(script), t.TempDir(), w
		d.acked, d.tried = map[string]string{}, map[string]string{}
		t.Cleanup(d.end)
		d.open(ctx)
		if err := d.page.Read(ctx, new(any), `await chaos.first();`); err != nil {
			t.Fatal(err)
		}
	}
	w.calm.Store(false)
	end := time.Now().Add(lasts)
	var living sync.WaitGroup
	for _, d := range devices {
		living.Go(func() { d.live(ctx, end) })
	}
	for time.Now().Before(end) && !t.Failed() {
		w.wait(ctx, min(8*time.Second, time.Until(end)))
		w.note("server killed")
		kill(back)
		w.wait(ctx, time.Second)
		back = start()
	}
	living.Wait()
	w.calm.Store(true)
	w.late.Wait()
	t.Logf("what happened: %s", w)
	if t.Failed() {
		return
	}
	digests := rest(ctx, t, devices)
	t.Logf("digests: %v", digests)
}

// chaotic is a device: a browser with a profile, one page or two of the app, and what was written there.
type chaotic struct {
	t                          *testing.T
	name, url, script, profile string
	weather                    *weather
	browser                    *browser.Browser
	page                       *browser.Page
	second                     *browser.Page // may be nil
	offline                    bool
	told                       []string

	writes       int
	acked, tried map[string]string // rows of the log that were written, or may have been: the counter of each, or ""
}

// end kills what is left of it.
func (d *chaotic) end() {
	if d.browser != nil {
		if err := d.browser.Kill(); err != nil {
			d.t.Error(err)
		}
	}
}

// open opens the app, after starting the browser if it does not run.
func (d *chaotic) open(ctx context.Context) {
	if d.browser == nil {
		b, err := browser.Start(ctx, browser.Options{Profile: d.profile})
		if err != nil {
			d.fail("the browser does not start", err)
			return
		}
		d.browser, d.offline = b, false
	}
	d.page = d.visit(ctx)
}

// visit opens the app in a page of its own.
func (d *chaotic) visit(ctx context.Context) *browser.Page {
	p, err := d.browser.NewPage(ctx)
	if err != nil {
		d.fail("no page opens", err)
		return nil
	}
	d.load(ctx, p)
	return p
}

// load loads the app into a page, with a clock that is wrong by a year at most.
func (d *chaotic) load(ctx context.Context, p *browser.Page) {
	skew := time.Duration(0)
	if rand.IntN(3) == 0 {
		skew = rand.N(2*365*24*time.Hour) - 365*24*time.Hour
	}
	if d.offline {
		d.switchOffline(ctx, false) // to come up without a network is the service worker's business
	}
	err := p.Navigate(ctx, d.url)
	if err == nil {
		err = p.Read(ctx, new(any), d.script, "device", skew.Milliseconds())
	}
	if err != nil {
		d.fail("the app does not start", err)
	}
}

func (d *chaotic) fail(what string, err error) {
	d.t.Errorf("%s: %s: %v", d.name, what, err)
	if d.page != nil {
		for _, m := range d.page.Console() {
			d.t.Log(d.name, m)
		}
	}
}

// live does this and that until a time.
func (d *chaotic) live(ctx context.Context, end time.Time) {
	for time.Now().Before(end) && !d.t.Failed() {
		switch n := rand.IntN(200); {
		case n < 3:
			d.weather.note("page reloaded")
			d.load(ctx, d.page)
		case n < 6:
			d.weather.note("page crashed")
			crash, cancel := context.WithTimeout(ctx, 2*time.Second)
			_, _ = d.page.CDP(crash, "Page.crash", nil) // nobody is left to answer
			cancel()
			_ = d.page.Close(ctx)
			d.page = d.visit(ctx)
		case n < 7:
			d.weather.note("browser killed")
			if err := d.browser.Kill(); err != nil {
				d.fail("the browser cannot be killed", err)
			}
			d.browser, d.second = nil, nil
			d.open(ctx)
		case n < 10:
			d.switchOffline(ctx, !d.offline)
		case n < 14 && d.second == nil:
			d.weather.note("second page opened")
			d.second = d.visit(ctx)
		case n < 14:
			if err := d.second.Close(ctx); err != nil {
				d.fail("the second page does not close", err)
			}
			d.second = nil
		default:
			d.write(ctx)
			d.weather.wait(ctx, 200*time.Millisecond)
		}
	}
}

func (d *chaotic) switchOffline(ctx context.Context, off bool) {
	d.weather.note("offline or online")
	if err := d.browser.Offline(ctx, off); err != nil {
		d.fail("the network cannot be switched", err)
	}
	d.offline = off
}

// write has one of the device's pages write something. What is answered must be there in the end.
func (d *chaotic) write(ctx context.Context) {
	p := d.page
	if d.second != nil && rand.IntN(2) == 0 {
		p = d.second
	}
	if p == nil {
		return
	}
	d.writes++
	marker := fmt.Sprintf("%s-%06d", d.name, d.writes)
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	written := map[string]string{}
	var err error
	switch n := rand.IntN(10); {
	case n < 5:
		counter := fmt.Sprint("c", rand.IntN(3))
		written[marker] = counter
		err = d.try(written, func() error {
			return p.Read(ctx, new(any), `await chaos.count(...arguments);`, marker, counter, rand.IntN(3) == 0)
		})
	case n < 9:
		err = p.Read(ctx, new(any), `await chaos.change(...arguments);`, marker)
	default:
		for i := range 1 + rand.IntN(50) {
			written[fmt.Sprint(marker, ".", i)] = ""
		}
		err = d.try(written, func() error {
			return p.Read(ctx, new(any), `await chaos.many(...arguments);`, slices.Sorted(maps.Keys(written)))
		})
	}
	if err != nil && !errors.Is(err, browser.ErrGone) {
		d.fail("a write failed", err)
	}
}

// try notes what a write of log rows leads to.
func (d *chaotic) try(written map[string]string, write func() error) error {
	maps.Copy(d.tried, written)
	err := write()
	if err == nil {
		maps.Copy(d.acked, written)
	}
	return err
}

// rest lets the devices sync in peace, and compares all there is. It returns the digests.
func rest(ctx context.Context, t *testing.T, devices []*chaotic) (digests []string) {
	for range 3 {
		for _, d := range devices {
			if d.offline {
				d.switchOffline(ctx, false)
			}
			if d.second != nil {
				if err := d.second.Close(ctx); err != nil {
					d.fail("the second page does not close", err)
				}
				d.second = nil
			}
			var waits []string
			for range 20 {
				if err := d.page.Read(ctx, &waits, `return chaos.rest();`); err != nil {
					d.fail("in peace the app does not sync", err)
					return nil
				}
				if len(waits) == 0 {
					break
				}
			}
			if len(waits) > 0 {
				t.Errorf("%s: still waits: %s", d.name, strings.Join(waits, "; "))
			}
			var told []string
			if err := d.page.Read(ctx, &told, `return chaos.told;`); err != nil || len(told) > 0 {
				t.Logf("%s was told: %s (%v)", d.name, strings.Join(told, "; "), err)
			}
		}
	}
	all := []map[string][]map[string]any{serverRows(t, devices[0])}
	for _, d := range devices {
		var rows map[string][]map[string]any
		if err := d.page.Read(ctx, &rows, `return chaos.rows();`); err != nil {
			t.Fatal(err)
		}
		all = append(all, rows)
	}
	for i, rows := range all {
		text, err := json.Marshal(rows) // members in order
		if err != nil {
			t.Fatal(err)
		}
		digests = append(digests, fmt.Sprintf("%.8x", sha256.Sum256(text)))
		if digests[i] != digests[0] {
			t.Errorf("device %s differs from the server:\n%s", devices[i-1].name, difference(all[0], rows))
		}
	}
	count(t, all[0], devices)
	return digests
}

// serverRows asks the server for what the devices should have.
func serverRows(t *testing.T, d *chaotic) map[string][]map[string]any {
	s := &stack{url: "http://" + d.weather.back.Load().Host}
	all := map[string][]map[string]any{}
	for name := range chaosTables {
		records, _ := s.changes(t, name)
		all[name] = []map[string]any{}
		for _, id := range slices.Sorted(maps.Keys(records)) {
			text := table.AppendJSON(nil, records[id])
			var row map[string]any
			if err := json.Unmarshal(text, &row); err != nil {
				t.Fatal(err)
			}
			all[name] = append(all[name], row)
		}
	}
	return all
}

// difference lists the rows that one side has and the other has not.
func difference(server, device map[string][]map[string]any) string {
	var out []string
	for name := range server {
		sides := [2]map[string]bool{{}, {}}
		for i, rows := range [2][]map[string]any{server[name], device[name]} {
			for _, row := range rows {
				text, _ := json.Marshal(row) // which was JSON before
				sides[i][string(text)] = true
			}
		}
		for i, side := range sides {
			for _, text := range slices.Sorted(maps.Keys(side)) {
				if !sides[1-i][text] {
					out = append(out, fmt.Sprint([2]string{"server ", "device "}[i], name, " ", text))
				}
			}
		}
	}
	return strings.Join(out[:min(len(out), 40)], "\n")
}

// count holds what the server has to what the devices wrote: all that was acknowledged, nothing that was not written, and each
// counter increased once for each of its rows.
func count(t *testing.T, server map[string][]map[string]any, devices []*chaotic) {
	tried, acked, sums := map[string]string{}, 0, map[string]float64{}
	have := map[string]bool{}
	for _, d := range devices {
		maps.Copy(tried, d.tried)
	}
	for _, row := range server["log"] {
		id, _ := row["id"].(string)
		have[id] = true
		counter, known := tried[id]
		if got, _ := row["counter"].(string); !known || got != counter {
			t.Errorf("the server has %v, which nobody wrote", row)
		}
		sums[counter]++
	}
	for _, d := range devices {
		acked += len(d.acked)
		for _, id := range slices.Sorted(maps.Keys(d.acked)) {
			if !have[id] {
				t.Errorf("%s: %s was acknowledged, and is lost", d.name, id)
			}
		}
	}
	for _, row := range server["counter"] {
		if id, _ := row["id"].(string); row["n"] != sums[id] {
			t.Errorf("the counter %s is %v, and was increased %v times", id, row["n"], sums[id])
		}
	}
	t.Logf("%d rows were acknowledged, %d tried, and the server has %d; %d items are left", acked, len(tried), len(have),
		len(server["item"]))
}
