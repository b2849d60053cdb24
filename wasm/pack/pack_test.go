package main

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

func TestSegments(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	for range 200 {
		var segments []segment
		for at := int64(rng.IntN(100)); at < 1<<15; {
			data := make([]byte, 1+rng.IntN(40))
			for i := range data {
				data[i] = byte(1 + rng.IntN(255))
			}
			segments = append(segments, segment{at, data})
			at += int64(len(data) + rng.IntN(4*near))
		}
		rng.Shuffle(len(segments), func(i, j int) { segments[i], segments[j] = segments[j], segments[i] })
		memory, err := flatten(segments)
		if err != nil {
			t.Fatal(err)
		}
		joined, err := readSegments(appendSegments(nil, split(memory)))
		if err != nil {
			t.Fatal(err)
		}
		if len(joined) >= len(segments) {
			t.Errorf("%d segments became %d", len(segments), len(joined))
		}
		again, err := flatten(joined)
		if err != nil || !bytes.Equal(again, memory) {
			t.Fatalf("the memory is another (%v)", err)
		}
	}
}

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
		if !strings.Contains(whole, "names: true lines: true") {
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

func TestSignedNumbers(t *testing.T) {
	for _, v := range []int64{0, 1, -1, 63, 64, -64, -65, 127, 128, 1 << 20, 1<<31 - 1, -1 << 31} {
		got, n := signed(appendSigned(nil, v))
		if got != v || n == 0 {
			t.Errorf("%d came back as %d", v, got)
		}
	}
}
