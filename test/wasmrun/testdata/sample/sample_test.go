package sample_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall/js"
	"testing"
	"time"

	"github.com/larder-sync/larder/test/wasmrun/testdata/sample"
)

func TestSign(t *testing.T) {
	if sample.Sign(-5) != -1 || sample.Sign(7) != 1 {
		t.Fail()
	}
}

func TestPrint(t *testing.T) {
	for i := range 100 {
		fmt.Println("line", i)
	}
	fmt.Fprintln(os.Stderr, "to stderr")
}

func TestPlace(t *testing.T) {
	fmt.Println("worker:", js.Global().Get("document").IsUndefined())
	fmt.Println("isolated:", js.Global().Get("crossOriginIsolated").Bool())
	fmt.Println("env:", os.Getenv("LARDER_SAMPLE"), os.Getenv("OTHER"), os.Getenv("HOME") == "")
	fmt.Println("helper:", js.Global().Get("larderIDB").Type())
}

// TestFiles does to files what tests do.
func TestFiles(t *testing.T) {
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	greeting, err := os.ReadFile("testdata/greeting.txt")
	must(err)
	fmt.Print("read: ", string(greeting))
	found, err := filepath.Glob("testdata/*.txt")
	must(err)
	fmt.Println("found:", found)
	_, err = os.Stat("testdata/none.txt")
	fmt.Println("not there:", errors.Is(err, fs.ErrNotExist))
	_, err = os.ReadFile("/etc/passwd")
	fmt.Println("outside of the module:", errors.Is(err, fs.ErrNotExist))
	_, err = os.ReadFile("../../../../../../../../../../../../etc/passwd")
	fmt.Println("outside by dots:", errors.Is(err, fs.ErrNotExist))

	dir := t.TempDir()
	name := filepath.Join(dir, "a")
	must(os.WriteFile(name, []byte("0123456789"), 0o600))
	f, err := os.OpenFile(name, os.O_RDWR|os.O_APPEND, 0)
	must(err)
	_, err = f.WriteString("ab")
	must(err)
	must(f.Truncate(11))
	part := make([]byte, 4)
	_, err = f.ReadAt(part, 8)
	fmt.Printf("end: %q %v\n", part[:3], err)
	must(f.Close())
	must(os.Rename(name, name+"2"))
	must(os.Mkdir(filepath.Join(dir, "sub"), 0o700))
	entries, err := os.ReadDir(dir)
	must(err)
	var names []string
	for _, e := range entries {
		names = append(names, fmt.Sprint(e.Name(), e.IsDir()))
	}
	fmt.Println("folder:", strings.Join(names, " "))
	_, err = os.OpenFile(name+"2", os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	fmt.Println("exclusive:", errors.Is(err, fs.ErrExist))

	must(os.WriteFile("testdata/greeting.txt", []byte("changed"), 0o600))
	changed, err := os.ReadFile("testdata/greeting.txt")
	must(err)
	fmt.Println("changed:", string(changed))
}

func TestFail(t *testing.T) { t.Fatal("on purpose") }

func TestPanic(t *testing.T) { panic("on purpose") }

func TestExit(t *testing.T) { os.Exit(7) }

func TestTimeout(t *testing.T) { select {} }

// TestLoop keeps the thread for itself.
func TestLoop(t *testing.T) {
	fmt.Println("before the loop")
	for time.Now().Year() > 2000 {
	}
}

// TestTrap crashes in a callback, where no Go code is left to tell.
func TestTrap(t *testing.T) {
	js.Global().Call("setTimeout", js.Global().Get("Function").New("throw new WebAssembly.RuntimeError('unreachable')"), 0)
	select {}
}

func TestUncaught(t *testing.T) {
	done := make(chan struct{})
	js.Global().Call("setTimeout", js.Global().Get("Function").New("throw new Error('stray')"), 0)
	js.Global().Call("setTimeout", js.FuncOf(func(js.Value, []js.Value) any { close(done); return nil }), 1)
	<-done
}

func TestClose(t *testing.T) {
	js.Global().Call("close")
	select {}
}
