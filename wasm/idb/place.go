//go:build js && wasm

package idb

import (
	"runtime"
	"strconv"
	"strings"
	"unsafe" // for the number that a stack shows of a pointer
)

// own is how the functions of this package begin in a stack.
const own = "github.com/larder-sync/larder/wasm/idb."

// place says where the holder of the transaction is waiting, and on what kind of thing, or "". Little is noted while all is
// well: the stacks of all goroutines tell it. That of a function given to this package shows the transaction as an argument
// of guarded; of a transaction that was begun without one, the goroutine that began it is known.
func (tx *Tx) place() string {
	stacks := make([]byte, 1<<16)
	stacks = stacks[:runtime.Stack(stacks, true)]
	guard := own + "guarded(0x" + strconv.FormatUint(uint64(uintptr(unsafe.Pointer(tx))), 16) + ","
	for stack := range strings.SplitSeq(string(stacks), "\n\n") {
		inner, _, guarded := strings.Cut(stack, guard)
		if guarded || tx.holder != "" && strings.HasPrefix(stack, tx.holder) {
			return innermost(strings.Split(inner, "\n"))
		}
	}
	return ""
}

// innermost says what a goroutine waits on, and the line of the first function on its stack that is the program's own; the
// function itself where the program was built without lines.
func innermost(stack []string) string {
	_, state, _ := strings.Cut(strings.TrimSuffix(stack[0], "]:"), "[")
	for i := 1; i+1 < len(stack); i += 2 { // functions and their lines take turns
		name, _, _ := strings.Cut(stack[i], ".")
		switch name {
		case "time", "sync", "runtime", "context", "internal/sync":
			continue
		}
		if at, isLine := strings.CutPrefix(stack[i+1], "\t"); isLine && !strings.HasPrefix(stack[i], own) {
			if at, _, _ = strings.Cut(at, " "); strings.HasPrefix(at, "?") {
				at, _, _ = strings.Cut(stack[i], "(0x")
			}
			return " (" + state + ") at " + at
		}
	}
	return ""
}

// goroutine returns how the stack of the calling goroutine begins.
func goroutine() string {
	stack := make([]byte, 32)
	id, _, _ := strings.Cut(string(stack[:runtime.Stack(stack, false)]), "[")
	return id
}
