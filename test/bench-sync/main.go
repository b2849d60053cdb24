// Command bench-sync measures a device's first sync of a whole table, and the push of what it has waiting: Larder with
// larder serve, PouchDB with pouchdb-server, Microsoft's Azure client (which pushes one by one) with larder serve, and, as the
// floor, a few lines by hand with larder serve. Each sample has a browser of its own; the contenders take turns.
//
//	make bench-sync
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// The names of the contenders, as in the page folder.
const (
	raw     = "raw"
	larder  = "larder"
	pouchdb = "pouchdb"
	azure   = "azure"
)

// plan is what a run measures.
type plan struct {
	web, built, binary, modules string
	contenders                  []string
	rows, push, azure, rounds   int
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdout)
	stop()
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "bench-sync:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, stdout io.Writer) (err error) {
	var p plan
	flags := flag.NewFlagSet("bench-sync", flag.ContinueOnError)
	flags.StringVar(&p.web, "web", "build/web", "`folder` of Larder's web files, made by make web")
	flags.StringVar(&p.built, "built", "build/bench-sync", "`folder` of the bundles, made by npm run bundle")
	flags.StringVar(&p.binary, "larder", "bin/larder", "the `program` larder")
	flags.StringVar(&p.modules, "modules", "test/bench-sync/node_modules", "`folder` of what npm ci has installed")
	flags.IntVar(&p.rows, "rows", 100_000, "records of the first sync")
	flags.IntVar(&p.push, "push", 10_000, "operations of the push")
	flags.IntVar(&p.azure, "azure", 200, "operations of azure's push, which takes a third of a second for each")
	flags.IntVar(&p.rounds, "rounds", 3, "rounds; azure plays in the first one only")
	names := flags.String("contenders", strings.Join([]string{raw, larder, pouchdb, azure}, ","), "who takes part; the first is the measure")
	limit := flags.Duration("limit", time.Hour, "end the run, as failed, after this time")
	if err := flags.Parse(args); err != nil {
		return err
	}
	p.contenders = strings.Split(*names, ",")
	if p.binary, err = filepath.Abs(p.binary); err != nil {
		return err
	}
	if p.modules, err = filepath.Abs(p.modules); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, *limit, fmt.Errorf("not done in %v: see -limit", *limit))
	defer cancel()
	return p.run(ctx, stdout)
}

// run prints a table for each of the two tasks.
func (p plan) run(ctx context.Context, stdout io.Writer) (err error) {
	dir, err := os.MkdirTemp("", "bench-sync")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	site, stop, err := serve(p)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stop()) }()
	servers, err := p.start(ctx, dir, site)
	if err != nil {
		return err
	}
	defer servers.stop()
	for _, t := range []task{
		{"first", "first sync", map[string]int{raw: p.rows, larder: p.rows, pouchdb: p.rows}},
		{"push", "push of inserts", map[string]int{raw: p.push, larder: p.push, pouchdb: p.push, azure: p.azure}},
	} {
		took, err := p.measure(ctx, t, site, servers)
		if err != nil {
			return fmt.Errorf("%s: %w", t.name, err)
		}
		if err := t.print(stdout, p.contenders, took); err != nil {
			return err
		}
	}
	return nil
}

// measure plays a task in turn. The samples are by contender, in order of rounds.
func (p plan) measure(ctx context.Context, t task, site string, s *servers) (map[string][]sample, error) {
	took := make(map[string][]sample)
	for round := range p.rounds {
		for i := range p.contenders {
			c := p.contenders[(i+round)%len(p.contenders)] // nobody is always first
			if t.records[c] == 0 || c == azure && round > 0 {
				continue
			}
			fmt.Fprintf(os.Stderr, "%s, round %d of %d: %s\n", t.title, round+1, p.rounds, c)
			one, err := t.sample(ctx, site, c, s.of(c))
			if err != nil {
				return nil, fmt.Errorf("%s: %w", c, err)
			}
			took[c] = append(took[c], one)
		}
	}
	return took, nil
}
