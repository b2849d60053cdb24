package main

import (
	"bytes"
	"encoding/binary"
	"errors"
)

// The table of functions begins with this in a program of Go 1.20 or newer for wasm: a magic number, two zeros, the
// size of the smallest instruction, and that of a pointer (internal/abi, symtab.go; runtime, symtab.go: pcHeader).
var tableBegin = []byte{0xf1, 0xff, 0xff, 0xff, 0, 0, 1, 8}

var errTable = errors.New("its table of functions is not of a form that is known: does a new version of Go write it differently?")

// module is how the names of Larder's own functions begin.
const module = "github.com/larder-sync/larder/"

// Where a function's record (runtime, runtime2.go: _func) keeps what is needed here, in bytes from its beginning. Each is
// the offset of a table that gives a value for each instruction, 0 where there is none.
const (
	nameField   = 4  // where its name begins; 0 is none
	stackField  = 16 // how much of the stack is used
	fileField   = 20
	lineField   = 24
	countField  = 28 // of the tables behind the record, which the garbage collector and panics read
	unitField   = 32 // where the names of its package's files are
	startField  = 36 // the line on which the function begins
	kindField   = 40 // one byte, wrapper or something else
	tablesField = 44
)

// wrapper is the kind of the functions that the linker makes, such as methods of pointers which call those of values
// (internal/abi, symtab.go: FuncIDWrapper).
const wrapper = 23

// dropLines takes the tables of files and lines out of the functions' records, as the runtime allows ("?:0" is then the
// place of a function), and overwrites with zeros those that nothing else refers to, and the names that nothing needs.
func dropLines(memory []byte) error {
	at := bytes.Index(memory, tableBegin)
	if at < 0 {
		return errTable
	}
	t := memory[at:]
	word := func(n int) int { // of the header
		v, _ := u64(t, len(tableBegin)+8*n)
		return int(v)
	}
	// Where each part of the table begins, in their order: names of functions, files of packages, names of files, values
	// for instructions, records of functions.
	functions, names, units, values, records := word(0), word(3), word(4), word(6), word(7)
	if names <= 0 || units <= names || values <= units || records <= values || records > len(t) || functions > (len(t)-records)/8 {
		return errTable
	}
	clear(t[units:values])
	kept, dropped := map[uint32]bool{0: true}, map[uint32]bool{}
	named := map[uint32]bool{}
	for i := range functions {
		offset, _ := u32(t, records+8*i+4)
		f := records + int(offset)
		count, ok := u32(t, f+countField)
		if !ok || int(count) > len(t) {
			return errTable
		}
		fields := []int{stackField}
		for n := range int(count) {
			fields = append(fields, tablesField+4*n)
		}
		for _, field := range fields {
			v, ok := u32(t, f+field)
			if !ok {
				return errTable
			}
			kept[v] = true
		}
		for _, field := range []int{fileField, lineField} {
			v, _ := u32(t, f+field)
			dropped[v] = true
			binary.LittleEndian.PutUint32(t[f+field:], 0)
		}
		clear(t[f+unitField : f+kindField])
		name, _ := u32(t, f+nameField)
		if int(name) > units-names {
			return errTable
		}
		if text, _, _ := bytes.Cut(t[names+int(name):units], []byte{0}); isNeeded(text, t[f+kindField]) {
			named[name] = true
		} else {
			clear(t[f+nameField : f+nameField+4])
		}
	}
	dropNames(t[names:units], named)
	tables := t[values:records]
	for from := range dropped {
		if kept[from] {
			continue
		}
		end, ok := tableEnd(tables, int(from))
		if !ok {
			return errTable
		}
		clear(tables[from:end])
	}
	return nil
}

// isNeeded reports whether a reader of a stack trace, or the runtime, needs a function's name: kept are those of the program's own
// module, and those of methods of pointers that were made from methods of values, out of which the runtime makes the text of a
// panic.
func isNeeded(name []byte, kind byte) bool {
	return isOwn(name) || kind == wrapper && bytes.Contains(name, []byte("(*"))
}

func isOwn(name []byte) bool {
	return bytes.HasPrefix(name, []byte("main.")) || bytes.HasPrefix(name, []byte(module))
}

// dropNames overwrites the names that begin at none of the offsets, but for the module's own: one may belong to a function that
// is there only as a part of others.
func dropNames(names []byte, kept map[uint32]bool) {
	for at := 0; at < len(names); {
		name, _, _ := bytes.Cut(names[at:], []byte{0})
		if !kept[uint32(at)] && !isOwn(name) {
			clear(name)
		}
		at += len(name) + 1
	}
}

// tableEnd returns where a table of values ends: it is a list of pairs of numbers, how the value changes and for how many
// instructions it holds, and ends with a value that does not change; the first may.
func tableEnd(tables []byte, at int) (end int, ok bool) {
	for first := true; at < len(tables); first = false {
		if tables[at] == 0 && !first {
			return at + 1, true
		}
		for range 2 {
			_, n := binary.Uvarint(tables[at:])
			if n <= 0 {
				return 0, false
			}
			at += n
		}
	}
	return 0, false
}

func u32(b []byte, at int) (uint32, bool) {
	if at < 0 || at > len(b)-4 {
		return 0, false
	}
	return binary.LittleEndian.Uint32(b[at:]), true
}

func u64(b []byte, at int) (uint64, bool) {
	if at < 0 || at > len(b)-8 {
		return 0, false
	}
	return binary.LittleEndian.Uint64(b[at:]), true
}
