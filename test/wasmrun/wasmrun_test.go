package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/larder-sync/larder/test/browser"
)

// binary builds the tests in testdata/sample for the browser.
func binary(t *testing.T, flags ...string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "sample.test")
	cmd := exec.Command("go", append([]string{"test", "-c", "-o", path}, append(flags, "./testdata/sample")...)...)
	cmd.Env = append(os.Environ(), "GOOS=js", "GOARCH=wasm")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return path
}

// result is how a run ended.
type result struct {
	code           int
	err            error
	stdout, stderr string
}

func (r result) wants(t *testing.T, code int, stdout, stderr string) {
	t.Helper()
	if r.err != nil || r.code != code || !strings.Contains(r.stdout, stdout) || !strings.Contains(r.stderr, stderr) {
		t.Errorf("exit code %d, error %v, stdout:\n%s\nstderr:\n%s", r.code, r.err, r.stdout, r.stderr)
	}
}

// engines runs a test with each browser that is to be tested with.
func engines(t *testing.T, test func(*testing.T)) {
	browser.Each(t, func(t *testing.T, e browser.Engine) {
		t.Setenv("WASMRUN_BROWSER", string(e))
		test(t)
	})
}

// start runs a program from the sample's folder, as go test does.
func start(t *testing.T, environ []string, args ...string) result {
	t.Helper()
	return startWith(t, runner{environ: environ, start: time.Minute, slack: time.Minute}, args...)
}

func startWith(t *testing.T, r runner, args ...string) result {
	t.Helper()
	if wd, err := os.Getwd(); err != nil {
		t.Fatal(err)
	} else if filepath.Base(wd) != "sample" {
		t.Chdir(filepath.Join("testdata", "sample"))
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	var stdout, stderr bytes.Buffer
	r.stdout, r.stderr, r.environ = &stdout, &stderr, append(os.Environ(), r.environ...)
	code, err := r.run(ctx, args)
	return result{code, err, stdout.String(), stderr.String()}
}

func TestRun(t *testing.T) { engines(t, testRun) }

func testRun(t *testing.T) {
	program := binary(t)

	t.Run("output comes in order, on its own descriptor, and the exit code is the program's", func(t *testing.T) {
		var want strings.Builder
		for i := range 100 {
			want.WriteString("line " + string(rune('0'+i/10)) + string(rune('0'+i%10)) + "\n")
		}
		r := start(t, nil, program, "-test.run=TestPrint")
		r.wants(t, 0, strings.ReplaceAll(want.String(), "line 0", "line ")+"PASS", "to stderr")
		if strings.Contains(r.stdout, "to stderr") {
			t.Error("stderr is on stdout")
		}
	})
	t.Run("a page has the helper script, the variables meant for it, and no others", func(t *testing.T) {
		start(t, []string{"LARDER_SAMPLE=a b", "OTHER=x"}, program, "-test.run=TestPlace").
			wants(t, 0, "worker: false\nisolated: false\nenv: a b  true\nhelper: object\n", "")
	})
	t.Run("a worker is the same but for the document", func(t *testing.T) {
		start(t, []string{"WASMRUN_WORKER=1", "WASMRUN_ISOLATED=1", "WASMRUN_ENV=OTHER", "OTHER=x"}, program, "-test.run=TestPlace|TestSign").
			wants(t, 0, "worker: true\nisolated: true\nenv:  x true\nhelper: object\n", "")
	})
	t.Run("files of the module can be read, those outside cannot, and nothing is written to the disk", func(t *testing.T) {
		const want = "read: from a file of the module\nfound: [testdata/greeting.txt]\nnot there: true\noutside of the module: true\n" +
			"outside by dots: true\nend: \"89a\" EOF\nfolder: a2false subtrue\nexclusive: true\nchanged: changed\n"
		start(t, nil, program, "-test.run=TestFiles").wants(t, 0, want, "")
		if b, err := os.ReadFile("testdata/greeting.txt"); err != nil || string(b) != "from a file of the module\n" {
			t.Errorf("%q, %v", b, err)
		}
	})
	t.Run("a failed test, a panic and os.Exit are exit codes", func(t *testing.T) {
		start(t, nil, program, "-test.run=TestFail").wants(t, 1, "on purpose", "")
		start(t, nil, program, "-test.run=TestPanic").wants(t, 2, "", "panic: on purpose")
		start(t, nil, program, "-test.run=TestExit").wants(t, 7, "", "")
	})
	t.Run("a test that waits for ever ends by its own timeout, and tells where", func(t *testing.T) {
		start(t, nil, program, "-test.run=TestTimeout", "-test.timeout=2s").wants(t, 2, "", "sample_test.TestTimeout")
	})
	t.Run("a test that never gives way is ended, what it printed is there, and of the browser nothing is left", func(t *testing.T) {
		mark := rand.Text()
		t.Setenv("LARDER_TEST", mark)
		r := startWith(t, runner{start: time.Minute, slack: time.Second}, program, "-test.run=TestLoop", "-test.timeout=2s")
		if r.err == nil || !strings.Contains(r.err.Error(), "timeout of 2s") || !strings.Contains(r.stdout, "before the loop") {
			t.Errorf("error %v, stdout:\n%s", r.err, r.stdout)
		}
		nothingLeft(t, mark)
	})
	t.Run("a browser that never comes up is ended, and nothing is left of it", func(t *testing.T) {
		bin := t.TempDir()
		for _, name := range []string{"chromium", "firefox-esr", "gjs"} {
			if err := os.WriteFile(filepath.Join(bin, name), []byte("#!/bin/sh\nsleep 1000 & sleep 1000\n"), 0o700); err != nil {
				t.Fatal(err)
			}
		}
		mark := rand.Text()
		t.Setenv("LARDER_TEST", mark)
		t.Setenv("PATH", bin+":"+os.Getenv("PATH"))
		r := startWith(t, runner{start: 200 * time.Millisecond}, program)
		if r.err == nil || !strings.Contains(r.err.Error(), "not there after 200ms") {
			t.Errorf("error %v", r.err)
		}
		nothingLeft(t, mark)
	})
	t.Run("a crash in a callback is told", func(t *testing.T) {
		start(t, nil, program, "-test.run=TestTrap").wants(t, 2, "", "the program crashed: RuntimeError: unreachable")
		start(t, []string{"WASMRUN_WORKER=1"}, program, "-test.run=TestTrap").wants(t, 2, "", "the program crashed: RuntimeError: unreachable")
	})
	t.Run("an exception that is not the program's is shown, and ends nothing", func(t *testing.T) {
		start(t, nil, program, "-test.run=TestUncaught").wants(t, 0, "PASS", "uncaught in the browser: Error: stray")
	})
	t.Run("a program that is none is told", func(t *testing.T) {
		junk := filepath.Join(t.TempDir(), "junk")
		if err := os.WriteFile(junk, []byte("junk"), 0o600); err != nil {
			t.Fatal(err)
		}
		start(t, nil, junk).wants(t, 2, "", "CompileError")
		if r := start(t, nil, junk+"2"); !errors.Is(r.err, os.ErrNotExist) {
			t.Error(r.err)
		}
	})
	t.Run("more arguments than a program can have are an error", func(t *testing.T) {
		if r := start(t, nil, program, strings.Repeat("x", environmentLimit)); r.err == nil {
			t.Error("no error")
		}
	})
	t.Run("an engine without a driver is an error", func(t *testing.T) {
		if r := start(t, []string{"WASMRUN_BROWSER=netscape"}, program); !errors.Is(r.err, browser.ErrEngine) {
			t.Error(r.err)
		}
	})
}

func TestOutputs(t *testing.T) { engines(t, testOutputs) }

func testOutputs(t *testing.T) {
	program := binary(t, "-cover")
	dir := t.TempDir()

	t.Run("a coverage profile gets to the disk", func(t *testing.T) {
		profile := filepath.Join(dir, "cover.out")
		start(t, nil, program, "-test.run=TestSign", "-test.coverprofile="+profile).wants(t, 0, "coverage: 80.0%", "")
		b, err := os.ReadFile(profile)
		if err != nil || !strings.Contains(string(b), "sample/sample.go:5.22,6.11 1 1") {
			t.Errorf("%s %v", b, err)
		}
	})
	t.Run("profiles are relative to the output folder", func(t *testing.T) {
		start(t, nil, program, "-test.run=TestSign", "-test.memprofile=mem.out", "-test.outputdir="+dir).wants(t, 0, "PASS", "")
		if info, err := os.Stat(filepath.Join(dir, "mem.out")); err != nil || info.Size() == 0 {
			t.Error(info, err)
		}
	})
	t.Run("the folder for coverage data gets it", func(t *testing.T) {
		data := filepath.Join(dir, "data")
		start(t, nil, program, "-test.run=TestSign", "-test.gocoverdir="+data).wants(t, 0, "PASS", "")
		if entries, err := os.ReadDir(data); err != nil || len(entries) == 0 {
			t.Error(entries, err)
		}
	})
}

// nothingLeft fails if there is a process with LARDER_TEST=mark in its environment, other than this one.
func nothingLeft(t *testing.T, mark string) {
	t.Helper()
	environs, err := filepath.Glob("/proc/[0-9]*/environ")
	if err != nil || len(environs) == 0 {
		t.Skip("processes can only be looked at on Linux")
	}
	for _, path := range environs {
		environ, err := os.ReadFile(path)
		if err != nil || !slices.Contains(strings.Split(string(environ), "\x00"), "LARDER_TEST="+mark) {
			continue // gone, or another one's
		}
		name, _ := os.ReadFile(filepath.Join(filepath.Dir(path), "cmdline"))
		t.Errorf("left: %s %s", path, strings.ReplaceAll(string(name), "\x00", " "))
	}
}

func TestOutputsHold(t *testing.T) {
	o := outputs{Files: []string{"/a/c.out"}, Folders: []string{"/b"}}
	for path, want := range map[string]bool{
		"/a/c.out": true, "/b/x": true, "/b/x/y": true,
		"/a/d.out": false, "/b": false, "/bb/x": false, "/b/../a/x": false, "b/x": false, "": false,
	} {
		if o.holds(path) != want {
			t.Errorf("%q: %v", path, !want)
		}
	}
}
