//go:build !js

package main

import (
	"bytes"
	"encoding/binary"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// run runs a program for the browser in node, with Go's own support for that.
func run(t *testing.T, program string, args ...string) (stdout, stderr string, err error) {
	t.Helper()
	root, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		t.Fatal(err)
	}
	support := filepath.Join(strings.TrimSpace(string(root)), "lib", "wasm", "wasm_exec_node.js")
	cmd := exec.CommandContext(t.Context(), "node", append([]string{support, program}, args...)...)
	var out, errs strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &errs
	err = cmd.Run()
	return out.String(), errs.String(), err
}

func TestPackedProgram(t *testing.T) {
	program := filepath.Join(t.TempDir(), "program.wasm")
	build := exec.CommandContext(t.Context(), "go", "build", "-ldflags=-s -w", "-o", program, "./testdata/program")
	build.Env = append(os.Environ(), "GOOS=js", "GOARCH=wasm")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	whole, _, err := run(t, program)
	if err != nil {
		t.Fatal(err)
	}
	if err := replace(program); err != nil {
		t.Fatal(err)
	}

	t.Run("the program does what it did, and knows its functions but not their lines", func(t *testing.T) {
		packed, stderr, err := run(t, program)
		if want := strings.Replace(whole, "lines: true", "lines: false", 1); err != nil || packed != want {
			t.Errorf("it says %q, not %q: %v\n%s", packed, want, err, stderr)
		}
		if !strings.Contains(whole, "value method time.Time.String called using nil *Time pointer") || !strings.Contains(whole, "names: true lines: true") {
			t.Errorf("before, it said %q", whole)
		}
	})
	t.Run("a panic still tells the function", func(t *testing.T) {
		_, stderr, err := run(t, program, "panic")
		if err == nil || !strings.Contains(stderr, "panic: at the end") || !strings.Contains(stderr, "main.main()") {
			t.Errorf("it ended with %v and\n%s", err, stderr)
		}
	})
	t.Run("what is packed already cannot be told from what is not", func(t *testing.T) {
		if err := replace(program); err != nil {
			t.Error(err)
		}
	})
	t.Run("a module without a table of functions is refused, as is one cut short", func(t *testing.T) {
		module, err := os.ReadFile(program)
		if err != nil {
			t.Fatal(err)
		}
		for _, end := range []int{0, 4, len(module) / 2, len(module) - 1} {
			if packed, err := pack(module[:end]); err == nil {
				t.Errorf("%d of %d bytes were packed to %d", end, len(module), len(packed))
			}
		}
		data := appendSegments(nil, []segment{{8, []byte("data")}})
		small := append(binary.AppendUvarint(append(bytes.Clone(header), dataSection), uint64(len(data))), data...)
		if _, err := pack(small); !errors.Is(err, errTable) {
			t.Errorf("a module of another linker: %v", err)
		}
	})
}
