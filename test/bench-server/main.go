//go:build linux

// Command bench-server loads Larder's server and PocketBase with the same work, in turn in one run, and prints what each did
// and the ratios. Rates mean little by themselves: the load comes from the same machine, and others may use it.
//
// PocketBase 0.39 sets SQLite's synchronous=NORMAL: what it answered last may be lost in a power cut. Larder does so with
// --relaxed. As Larder comes, with synchronous=FULL, what it answered is on disk. Each is compared with a PocketBase that is set
// as it is.
//
//	bench-server -larder bin/larder -pocketbase bin/pocketbase
package main

import (
	"bufio"
	"errors"
	"flag"
	"fmt"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
)

func main() {
	log.SetFlags(0)
	var larder, pocketbase string
	var rounds, connections int
	var during time.Duration
	flag.StringVar(&larder, "larder", "bin/larder", "the program of Larder's server")
	flag.StringVar(&pocketbase, "pocketbase", "bin/pocketbase", "the program of PocketBase")
	flag.IntVar(&rounds, "rounds", 3, "how often each contender does each work; the best of them counts")
	flag.DurationVar(&during, "time", 4*time.Second, "how long each work goes on")
	flag.IntVar(&connections, "connections", 5000, "how many idle live connections are opened; 0 for none")
	only := flag.String("only", "", "the `word` that the name of a work must have to be done: create, changed or live")
	growth := flag.Int("growth", 0, "instead: what a create and a page cost with 10,000 rows and with this many")
	flag.Parse()
	var err error
	if *growth > 0 {
		err = grow(larder, *growth)
	} else {
		err = run(larder, pocketbase, rounds, during, connections, *only)
	}
	if err != nil {
		log.Fatal(err)
	}
}

// work is one thing that all contenders do.
type work struct {
	name string
	do   func(contender) (result, error)
}

func run(larder, pocketbase string, rounds int, during time.Duration, connections int, only string) error {
	all, stop, err := startAll(larder, pocketbase)
	defer stop()
	if err != nil {
		return err
	}
	works := []work{
		{"create, 16 clients", func(c contender) (result, error) { return creates(c, 16, during) }},
		{"changed rows in pages of 1,000, 2 clients", func(c contender) (result, error) { return changes(c, 2, during) }},
		{"live, 200 subscribers × 20 rows/s", func(c contender) (result, error) { return delays(c, 200, 20, during) }},
		{"live, 1,000 subscribers × 4 rows/s", func(c contender) (result, error) { return delays(c, 1000, 4, during) }},
	}
	for _, w := range works {
		if !strings.Contains(w.name, only) {
			continue
		}
		best := make([]result, len(all))
		for round := range rounds {
			for i := range all {
				k := (i + round) % len(all) // nobody is always first
				r, err := w.do(all[k])
				if err != nil {
					return fmt.Errorf("%s, %s: %w", w.name, all[k].name(), err)
				}
				best[k] = better(best[k], r)
			}
		}
		fmt.Printf("\n%s (best of %d)\n", w.name, rounds)
		for i, r := range best {
			fmt.Printf("  %-18s %9.0f /s   %8s CPU each   p50 %-9s p99 %s\n", all[i].name(), r.rate, r.cpu.Round(100*time.Nanosecond),
				r.p50.Round(10*time.Microsecond), r.p99.Round(10*time.Microsecond))
		}
		for i := 0; i < len(best); i += 2 {
			r, other := best[i], best[i+1]
			fmt.Printf("  %-18s %9.1f ×   %8.1f × less       p50 %.2f     p99 %.2f, of %s's\n", all[i].name(), r.rate/other.rate,
				float64(other.cpu)/float64(max(r.cpu, 1)), float64(r.p50)/float64(max(other.p50, 1)),
				float64(r.p99)/float64(max(other.p99, 1)), all[i+1].name())
		}
	}
	if connections == 0 {
		return nil
	}
	return hold(larder, connections)
}

// workplace returns the path of a program as every folder knows it, and a new folder for its data.
func workplace(program string) (path, dir string, err error) {
	if path, err = filepath.Abs(program); err != nil {
		return "", "", err
	}
	dir, err = os.MkdirTemp("", "larder-bench-")
	return path, dir, err
}

// hold has a new server hold idle connections: one that did other work has memory to spare.
func hold(program string, connections int) error {
	program, dir, err := workplace(program)
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	c, err := startLarder(program, dir, "FULL")
	if err != nil {
		return err
	}
	defer c.server().Stop()
	text, err := idle(c, connections)
	if err == nil {
		fmt.Printf("\n%s, %s\n", c.name(), text)
	}
	return err
}

// better takes the best of each number.
func better(a, b result) result {
	if a == (result{}) {
		return b
	}
	return result{rate: max(a.rate, b.rate), cpu: min(a.cpu, b.cpu), p50: min(a.p50, b.p50), p99: min(a.p99, b.p99)}
}

// startAll starts the contenders, each in a new folder: pairs of those that are compared.
func startAll(larder, pocketbase string) (all []contender, stop func(), err error) {
	dir, err := os.MkdirTemp("", "larder-bench-")
	if err != nil {
		return nil, func() {}, err
	}
	stop = func() {
		for _, c := range all {
			c.server().Stop()
		}
		os.RemoveAll(dir)
	}
	for i, synchronous := range []string{"NORMAL", "NORMAL", "FULL", "FULL"} {
		program, start := larder, startLarder
		if i%2 == 1 {
			program, start = pocketbase, startPocketBase
		}
		program, err := filepath.Abs(program)
		own := filepath.Join(dir, fmt.Sprint(i))
		if err = errors.Join(err, os.Mkdir(own, 0o700)); err != nil {
			return all, stop, err
		}
		c, err := start(program, own, synchronous)
		if err != nil {
			return all, stop, err
		}
		all = append(all, c)
	}
	return all, stop, nil
}

// grow measures a server with few rows and one with many, in turn.
func grow(program string, rows int) error {
	sizes := []int{10_000, rows}
	program, dir, err := workplace(program)
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	var all []contender
	for _, n := range sizes {
		own := filepath.Join(dir, fmt.Sprint(n))
		if err := fill(program, own, n); err != nil {
			return err
		}
		c, err := startLarder(program, own, "FULL")
		if err != nil {
			return err
		}
		defer c.server().Stop()
		all = append(all, c)
	}
	for _, w := range []work{
		{"create, 1 client", func(c contender) (result, error) { return creates(c, 1, 3*time.Second) }},
		{"create, 16 clients", func(c contender) (result, error) { return creates(c, 16, 3*time.Second) }},
		{"page of 1,000 changes", func(c contender) (result, error) { return changes(c, 1, 3*time.Second) }},
	} {
		cpu := make([][]time.Duration, len(all))
		for range 5 {
			for i, c := range all {
				r, err := w.do(c)
				if err != nil {
					return err
				}
				cpu[i] = append(cpu[i], r.cpu)
			}
		}
		for i := range cpu {
			slices.Sort(cpu[i])
		}
		fmt.Printf("%-24s %8d rows: %s   %8d rows: %s   %.2f ×  (CPU of the server for one row, median of 5)\n", w.name,
			sizes[0], cpu[0][2], sizes[1], cpu[1][2], float64(cpu[1][2])/float64(cpu[0][2]))
	}
	return nil
}

// fill makes a folder with a database of rows with random ids.
func fill(program, dir string, rows int) error {
	if err := declare(dir); err != nil {
		return err
	}
	file, err := os.Create(filepath.Join(dir, "note.jsonl"))
	if err != nil {
		return err
	}
	out := bufio.NewWriter(file)
	for i := range rows {
		fmt.Fprintf(out, `{"id":%q,"text":%q,"owner":"o%d","done":false}`+"\n", uuid.NewString(), filler, i%1000)
	}
	if err := errors.Join(out.Flush(), file.Close()); err != nil {
		return err
	}
	load := exec.Command(program, "import", "note.jsonl", "--table", "note")
	load.Dir = dir
	if text, err := load.CombinedOutput(); err != nil {
		return fmt.Errorf("import: %w\n%s", err, text)
	}
	return nil
}
