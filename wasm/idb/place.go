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

// place says where the function that holds the transaction is waiting, and on what kind of thing, or "". Nothing is noted
// while all is well: the stack of the goroutine that waits tells it, which shows the transaction as an argument.
func (tx *Tx) place() string {
	stacks := make([]byte, 1<<16)
	stacks = stacks[:runtime.Stack(stacks, true)]
	holder := own + "guarded(0x" + strconv.FormatUint(uint64(uintptr(unsafe.Pointer(tx))), 16) + ","
	for stack := range strings.SplitSeq(string(stacks), "\n\n") {
		before, _, held := strings.Cut(stack, holder)
		if !held {
			continue
		}
		lines := strings.Split(before, "\n")
		_, state, _ := strings.Cut(strings.TrimSuffix(lines[0], "]:"), "[")
		for i := len(lines) - 2; i > 1; i-- { // functions and their lines take turns, the innermost first
			at, isLine := strings.CutPrefix(lines[i], "\t")
			if !isLine || strings.HasPrefix(lines[i-1], own) {
				continue
			}
			at, _, _ = strings.Cut(at, " ")
			return " (" + state + ") at " + at
		}
	}
	return ""
}
