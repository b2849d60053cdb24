// Command faults runs the tests that show what sync stands, and writes the matrix of faults with what came of them.
//
//	go run ./test/faults [-seeds N] [-chaos DURATION] [-o FILE]
//
// It ends with 1 if a test failed or was not run. The tests need what `make web bin/larder bin/wasmrun` builds.
package main

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

func main() {
	seeds := flag.Int("seeds", 10_000, "worlds of the simulator")
	chaos := flag.Duration("chaos", 0, "how long devices in browsers write while everything goes wrong; 0 for some seconds")
	out := flag.String("o", "test/faults/README.md", "the page")
	flag.Parse()
	env := []string{"SEEDS=" + strconv.Itoa(*seeds), "OUTBOX=100000", "STORMS=10", "WASMRUN_BROWSER=chromium"}
	if *chaos > 0 {
		env = append(env, "CHAOS="+chaos.String())
	}
	r, err := runAll(env)
	if err == nil {
		err = os.WriteFile(*out, page(r), 0o644)
	}
	if err == nil && r.wrong() > 0 {
		err = fmt.Errorf("%d tests failed or were not run: see %s", r.wrong(), *out)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "faults:", err)
		os.Exit(1)
	}
}

// results is what came of the tests.
type results struct {
	passed, failed map[string]int // by folder and test: "test/sync TestPoison"
	met            map[string]int // what happened in the simulator, and how often
	worlds         int
	defects        int      // deliberate ones that were found
	browser        string   // its version
	lines          []string // that tests have told of what they did
}

func (p proof) key() string { return p.pkg + " " + p.test }

// runs is how often a proof was made, and violations how often it failed; a test that was not run has failed.
func (r *results) runs(p proof) (runs, violations int) {
	runs, violations = r.passed[p.key()], r.failed[p.key()]
	if runs+violations == 0 {
		return 0, 1
	}
	if p.met != "" {
		if runs = r.met[p.met]; runs == 0 {
			violations = max(violations, 1)
		}
	} else if p == worlds {
		runs = r.worlds
	}
	return runs, violations
}

// wrong counts the proofs that failed, each once.
func (r *results) wrong() int {
	wrong := map[proof]bool{}
	for _, f := range faults {
		for _, p := range f.proofs {
			if _, violations := r.runs(p); violations > 0 {
				wrong[p] = true
			}
		}
	}
	return len(wrong)
}

// runAll runs each folder's tests by one command, one after the other: they share the machine with browsers and servers.
func runAll(env []string) (*results, error) {
	r := &results{passed: map[string]int{}, failed: map[string]int{}, met: map[string]int{}}
	for _, name := range [...]string{"chromium", "chromium-browser", "google-chrome"} {
		if text, err := exec.Command(name, "--version").Output(); err == nil {
			r.browser = strings.TrimSpace(string(text))
			break
		}
	}
	type command struct {
		pkg    string
		inside bool
	}
	tests := map[command]map[string]bool{}
	for _, f := range faults {
		for _, p := range f.proofs {
			c := command{p.pkg, p.place == inside}
			if tests[c] == nil {
				tests[c] = map[string]bool{}
			}
			name, _, _ := strings.Cut(p.test, "/")
			tests[c][name] = true
		}
	}
	commands := slices.SortedFunc(maps.Keys(tests), func(a, b command) int { return strings.Compare(a.pkg, b.pkg) })
	for _, c := range commands {
		names := strings.Join(slices.Sorted(maps.Keys(tests[c])), "|")
		args := []string{"test", "-json", "-count=1", "-timeout=120m", "-run", "^(" + names + ")$"}
		own := env
		if c.inside {
			runner, err := filepath.Abs("bin/wasmrun")
			if err != nil {
				return nil, err
			}
			args, own = append(args, "-exec", runner), append(slices.Clone(env), "GOOS=js", "GOARCH=wasm")
		}
		fmt.Fprintln(os.Stderr, "go", strings.Join(args[:len(args):len(args)], " "), "./"+c.pkg)
		if err := r.run(c.pkg, append(args, "./"+c.pkg), own); err != nil {
			return nil, err
		}
	}
	return r, nil
}

func (r *results) run(pkg string, args, env []string) error {
	cmd := exec.Command("go", args...)
	cmd.Env = append(os.Environ(), env...)
	cmd.Stderr = os.Stderr
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	if err := r.read(pkg, stdout); err != nil {
		return err
	}
	_ = cmd.Wait() // that tests failed is in what was read
	return nil
}

var (
	happened = regexp.MustCompile(`met: (.+): (\d+)\s*$`)
	counted  = regexp.MustCompile(`worlds: (\d+)\s*$`)
	rows     = regexp.MustCompile(`(what happened: .*|\d+ rows were acknowledged.*)\s*$`)
)

// read reads the events of go test -json.
func (r *results) read(pkg string, from io.Reader) error {
	lines := bufio.NewScanner(from)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var e struct{ Action, Test, Output string }
		if json.Unmarshal(lines.Bytes(), &e) != nil {
			fmt.Fprintln(os.Stderr, lines.Text()) // what does not compile is told as it is
			continue
		}
		switch {
		case e.Action == "pass" && e.Test != "":
			r.passed[pkg+" "+e.Test]++
			if strings.HasPrefix(e.Test, "TestDefects/") {
				r.defects++
			}
		case e.Action == "fail" && e.Test != "":
			r.failed[pkg+" "+e.Test]++
			fmt.Fprintln(os.Stderr, "FAIL", pkg, e.Test)
		case e.Action == "output":
			r.told(e.Output)
		}
	}
	return lines.Err()
}

// told keeps what a test says of itself.
func (r *results) told(line string) {
	if m := happened.FindStringSubmatch(line); m != nil {
		n, _ := strconv.Atoi(m[2]) // digits
		r.met[m[1]] += n
	} else if m := counted.FindStringSubmatch(line); m != nil {
		r.worlds, _ = strconv.Atoi(m[1])
	} else if m := rows.FindStringSubmatch(line); m != nil {
		r.lines = append(r.lines, m[1])
	}
}
