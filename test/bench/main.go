// Command bench compares Larder, and package idb by itself, with IndexedDB by hand and with Dexie, in a real browser. The contenders take turns in
// one page, step by step, so that what else the machine does hits them alike; what counts are the ratios of one round,
// their medians and their spread. A contender whose result is wrong ends the run; none is judged by its time.
//
//	make bench
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	if errors.Is(err, flag.ErrHelp) {
		return
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// The contenders, each a module of the page.
const (
	raw    = "raw"
	dexie  = "dexie"
	larder = "larder"
	idb    = "idb"
)

// plan is what to measure.
type plan struct {
	web        string // folder with larder.js, as make web leaves it
	dexieFile  string // Dexie's module
	idbFile    string // the program in folder idb, built for the browser
	rows       int
	gets       int
	page       int // changes in a page
	rounds     int
	contenders []string // the first is what the others are compared with
	limit      time.Duration
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	var p plan
	var contenders string
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.StringVar(&p.web, "web", "build/web", "`folder` of Larder's web files, made by make web")
	flags.StringVar(&p.dexieFile, "dexie", "test/bench/node_modules/dexie/dist/modern/dexie.mjs", "`file` of Dexie's module, installed by npm ci")
	flags.StringVar(&p.idbFile, "idb", "build/bench/idb.wasm", "`file` of the Go contender, built by make bench")
	flags.IntVar(&p.rows, "rows", 10_000, "records in a database")
	flags.IntVar(&p.gets, "gets", 1_000, "records asked for one by one")
	flags.IntVar(&p.page, "page", 1_000, "changes in a page")
	flags.IntVar(&p.rounds, "rounds", 9, "rounds")
	flags.StringVar(&contenders, "contenders", raw+","+dexie+","+larder+","+idb, "who takes part; the first is the measure")
	flags.DurationVar(&p.limit, "limit", 15*time.Minute, "end the run, as failed, after this time")
	if err := flags.Parse(args); err != nil {
		return err
	}
	p.contenders = strings.Split(contenders, ",")
	for _, c := range p.contenders {
		if !slices.Contains([]string{raw, dexie, larder, idb}, c) {
			return fmt.Errorf("unknown contender %q: there are %s, %s, %s and %s", c, raw, dexie, larder, idb)
		}
	}
	if p.rows < 10 || p.gets < 1 || p.page < 10 || p.page > p.rows || p.rounds < 1 {
		return errors.New("at least 10 rows, 1 get, 10 changes, no more than there are rows, and 1 round")
	}
	ctx, cancel := context.WithTimeoutCause(ctx, p.limit, fmt.Errorf("not done in %v: see -limit", p.limit))
	defer cancel()
	r, err := p.measure(ctx, newWork(p), func(round int) { fmt.Fprintf(stderr, "round %d of %d\n", round, p.rounds) })
	if err != nil {
		return err
	}
	return r.print(stdout)
}
