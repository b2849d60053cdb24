// Command bench compares Larder, and package idb by itself, with IndexedDB by hand, Dexie, RxDB and PouchDB, in a real browser.
// The contenders take turns in one page, step by step, so that what else the machine does hits them alike; what counts are the ratios of one round,
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
	raw     = "raw"
	dexie   = "dexie"
	larder  = "larder"
	idb     = "idb"
	rxdb    = "rxdb"
	pouchdb = "pouchdb"
)

var everybody = []string{raw, dexie, larder, idb, rxdb, pouchdb}

// plan is what to measure.
type plan struct {
	web        string // folder with larder.js, as make web leaves it
	dexieFile  string // Dexie's module
	built      string // folder of the contenders that have to be built: idb.wasm, rxdb.js, pouchdb.js
	rows       int
	gets       int // records asked for, and put, one by one
	many       int // records put while the page's thread is watched
	page       int // changes in a page
	rounds     int
	contenders []string // the first is what the others are compared with
	steps      []string // empty: all
	markdown   bool
	limit      time.Duration
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	var p plan
	var contenders, steps string
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.StringVar(&p.web, "web", "build/web", "`folder` of Larder's web files, made by make web")
	flags.StringVar(&p.dexieFile, "dexie", "test/bench/node_modules/dexie/dist/modern/dexie.mjs", "`file` of Dexie's module, installed by npm ci")
	flags.StringVar(&p.built, "built", "build/bench", "`folder` of the contenders that make bench builds")
	flags.IntVar(&p.rows, "rows", 10_000, "records in a database")
	flags.IntVar(&p.gets, "gets", 1_000, "records asked for, and put, one by one")
	flags.IntVar(&p.many, "many", 100_000, "records put at once to see how long the page's thread is held")
	flags.IntVar(&p.page, "page", 1_000, "changes in a page")
	flags.IntVar(&p.rounds, "rounds", 9, "rounds")
	flags.StringVar(&contenders, "contenders", strings.Join(everybody, ","), "who takes part; the first is the measure")
	flags.StringVar(&steps, "steps", "", "what is measured: some of put,single,update,gets,all,page,deep,range,modify,cursor,pull,smooth,smooth-export,smooth-migrate; empty is all")
	grow := flags.Bool("scale", false, "instead put -many records into each contender's database, and tell what one more costs then, and the memory")
	flags.BoolVar(&p.markdown, "markdown", false, "print the tables as Markdown")
	flags.DurationVar(&p.limit, "limit", 15*time.Minute, "end the run, as failed, after this time")
	if err := flags.Parse(args); err != nil {
		return err
	}
	p.contenders = strings.Split(contenders, ",")
	for _, c := range p.contenders {
		if !slices.Contains(everybody, c) {
			return fmt.Errorf("unknown contender %q: there are %s", c, strings.Join(everybody, ", "))
		}
	}
	if steps != "" {
		p.steps = strings.Split(steps, ",")
	}
	if p.rows < 10 || p.gets < 1 || p.page < 10 || p.page > p.rows || p.rounds < 1 || p.many < 1 {
		return errors.New("at least 10 rows, 1 get, 10 changes, no more than there are rows, and 1 round")
	}
	ctx, cancel := context.WithTimeoutCause(ctx, p.limit, fmt.Errorf("not done in %v: see -limit", p.limit))
	defer cancel()
	if *grow {
		return p.scale(ctx, stdout, func(contender string) { fmt.Fprintln(stderr, contender) })
	}
	r, err := p.measure(ctx, newWork(p), func(round int) { fmt.Fprintf(stderr, "round %d of %d\n", round, p.rounds) })
	if err != nil {
		return err
	}
	return r.print(stdout)
}
