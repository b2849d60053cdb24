// Command first measures how long a page takes from its navigation to its first rows, with a database of an earlier
// visit: 50 of 10,000 in order of an index, by IndexedDB by hand, by Dexie, and by Larder. Each sample is a page of its
// own, whose files come from a server on this machine and from no cache; the contenders take turns.
//
//	make web && (cd test/bench && npm ci) && go run ./test/bench/first
package main

import (
	"context"
	"embed"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"syscall"
	"text/tabwriter"
	"time"

	"github.com/larder-sync/larder/test/browser"
)

//go:embed page
var page embed.FS

// contenders are those of the page folder; the first is the measure. larder-later asks what no earlier visit has asked.
var contenders = []string{"raw", "dexie", "larder", "larder-later"}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdout)
	stop()
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "first:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, stdout io.Writer) (err error) {
	flags := flag.NewFlagSet("first", flag.ContinueOnError)
	web := flags.String("web", "build/web", "`folder` of Larder's web files, made by make web")
	dexie := flags.String("dexie", "test/bench/node_modules/dexie/dist/modern/dexie.mjs", "`file` of Dexie's module, installed by npm ci")
	rows := flags.Int("rows", 10_000, "records in a database")
	rounds := flags.Int("rounds", 15, "rounds")
	limit := flags.Duration("limit", 5*time.Minute, "end the run, as failed, after this time")
	if err := flags.Parse(args); err != nil {
		return err
	}
	for _, need := range []string{filepath.Join(*web, "larder.js"), *dexie} {
		if _, err := os.Stat(need); err != nil {
			return fmt.Errorf("%w: run make web, and npm ci in test/bench", err)
		}
	}
	ctx, cancel := context.WithTimeoutCause(ctx, *limit, fmt.Errorf("not done in %v: see -limit", *limit))
	defer cancel()
	url, stop, err := serve(*web, *dexie)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stop()) }()
	b, err := browser.Start(ctx, browser.Options{})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.Kill()) }()
	for _, c := range contenders {
		if err := fill(ctx, b, url, c, *rows); err != nil {
			return fmt.Errorf("%s: %w", c, err)
		}
	}
	took := map[string][]float64{}
	ready := map[string][]float64{}
	for round := range *rounds {
		for i := range contenders {
			c := contenders[(i+round)%len(contenders)] // nobody is always first
			s, err := sample(ctx, b, url, c)
			if err != nil {
				return fmt.Errorf("round %d, %s: %w", round+1, c, err)
			}
			took[c] = append(took[c], s.Rows)
			ready[c] = append(ready[c], s.Ready)
		}
	}
	return table(stdout, *rows, took, ready)
}

// sampled is what a page has measured, in milliseconds from its navigation: the first rows, and the moment from which the
// contender can do everything.
type sampled struct{ Rows, Ready float64 }

// sample opens a contender's page and gives what it has measured.
func sample(ctx context.Context, b *browser.Browser, url, contender string) (s sampled, err error) {
	err = visit(ctx, b, url+"/first/"+contender, "measured", func(p *browser.Page) error {
		return p.Read(ctx, &s, "return measured()")
	})
	return s, err
}

// fill opens a contender's page and makes its database, as an earlier visit would.
func fill(ctx context.Context, b *browser.Browser, url, contender string, rows int) error {
	return visit(ctx, b, url+"/first/"+contender+"#fill", "fill", func(p *browser.Page) error {
		_, err := p.Eval(ctx, "await fill(arguments[0])", rows)
		return err
	})
}

// visit opens a page, and calls do when the page has the global function.
func visit(ctx context.Context, b *browser.Browser, url, function string, do func(*browser.Page) error) (err error) {
	p, err := b.NewPage(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.Close(ctx)) }()
	if err := p.Navigate(ctx, url); err != nil {
		return err
	}
	waiting, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	if _, err := p.Wait(waiting, "return !!globalThis[arguments[0]]", function); err != nil {
		for _, m := range p.Console() {
			err = fmt.Errorf("%w\n\tin the browser: %v", err, m)
		}
		return err
	}
	return do(p)
}

// serve gives out the pages and the contenders' files.
func serve(web, dexie string) (url string, stop func() error, err error) {
	mux := http.NewServeMux()
	mux.Handle("GET /", http.FileServer(http.Dir(web)))
	mux.Handle("GET /page/", http.FileServerFS(page))
	mux.HandleFunc("GET /page/dexie.mjs", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/javascript")
		http.ServeFile(w, r, dexie)
	})
	mux.HandleFunc("GET /first/{contender}", func(w http.ResponseWriter, r *http.Request) {
		if !slices.Contains(contenders, r.PathValue("contender")) {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprintf(w, "<!doctype html><title>First rows</title><link rel=icon href=data:,>\n"+
			"<script type=module src=/page/%s.js></script>\n", r.PathValue("contender"))
	})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, err
	}
	s := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
		mux.ServeHTTP(w, r)
	})}
	go s.Serve(l) // returns when the server is closed
	return "http://" + l.Addr().String(), s.Close, nil
}

func table(w io.Writer, rows int, took, ready map[string][]float64) error {
	fmt.Fprintf(w, "ms from navigation, %d records stored, medians (min–max); × is the ratio to raw in the same round, median\n\n", rows)
	t := tabwriter.NewWriter(w, 0, 0, 3, ' ', 0)
	fmt.Fprintln(t, "\tfirst rows\t×\tready for all")
	for _, c := range contenders {
		var ratios []float64
		for i, ms := range took[c] {
			ratios = append(ratios, ms/took[contenders[0]][i])
		}
		fmt.Fprintf(t, "%s\t%s\t%.2f\t%s\n", c, spread(took[c]), median(ratios), spread(ready[c]))
	}
	return t.Flush()
}

func spread(v []float64) string {
	return fmt.Sprintf("%.0f (%.0f–%.0f)", median(v), slices.Min(v), slices.Max(v))
}

func median(v []float64) float64 {
	s := slices.Sorted(slices.Values(v))
	return (s[(len(s)-1)/2] + s[len(s)/2]) / 2
}
