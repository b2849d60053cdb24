package main

import (
	"bytes"
	"encoding/binary"
	"errors"
)

// tableBegin is how the table of functions begins in a program of Go 1.20 or newer for wasm: a magic number, two zeros, the
// size of the smallest instruction, and that of a pointer (internal/abi, symtab.go; runtime, symtab.go: pcHeader).
var tableBegin = []byte{0xf1, 0xff, 0xff, 0xff, 0, 0, 1, 8}

var errTable = errors.New("its table of functions is not of a form that is known: does a new version of Go write it differently?")

// Where a function's record (runtime, runtime2.go: _func) keeps what is needed here, in bytes from its beginning. A table gives a
// value for each instruction; its offset is 0 where there is none.
const (
	nameField   = 4  // where its name begins; 0 is none
	stackField  = 16 // the table of how much of the stack is used
	fileField   = 20
	lineField   = 24
	countField  = 28 // of the tables behind the record, which the garbage collector and panics read
	unitField   = 32 // where the names of its package's files are
	startField  = 36 // the line on which the function begins
	kindField   = 40 // one byte, wrapper or something else
	partsField  = 43 // one byte: the number of offsets, behind those of the tables, of what else is known of the function
	tablesField = 44
)

// Of these tables and offsets, those that only the arguments in a stack trace need (internal/abi, symtab.go: PCDATA_ArgLiveIndex,
// FUNCDATA_ArgInfo and FUNCDATA_ArgLiveInfo).
const (
	liveTable = 3
	firstPart = 5
	lastPart  = 6
	noPart    = 1<<32 - 1 // the offset of what is not there
	partEnd   = 0xff      // the byte that ends such a part (TraceArgsEndSeq)
)

// functions is the program's table of functions, in a memory that it is a part of.
type functions struct {
	memory, table          []byte
	at, count              int
	names, units           int // where parts of the table begin: names of functions, and of the files of packages,
	values, records        int // tables of values for instructions, and records of functions
	keptTables, goneTables map[uint32]bool
	keptParts, goneParts   map[uint32]bool
	keptNames              map[uint32]bool
}

// thin takes out of the table of functions what the runtime can do without. The places in a stack trace are then "?:0".
func thin(memory []byte) error {
	f, err := readFunctions(memory)
	if err != nil {
		return err
	}
	for i := range f.count {
		offset, ok := u32(f.table, f.records+8*i+4)
		if !ok || !f.thinRecord(f.table[min(f.records+int(offset), len(f.table)):]) {
			return errTable
		}
	}
	clear(f.table[f.units:f.values])
	f.dropNames()
	if !f.dropTables() || !f.dropParts() || !f.coarsenLookup() {
		return errTable
	}
	return nil
}

func readFunctions(memory []byte) (*functions, error) {
	at := bytes.Index(memory, tableBegin)
	if at < 0 {
		return nil, errTable
	}
	t := memory[at:]
	word := func(n int) int { // of the header
		v, _ := u64(t, len(tableBegin)+8*n)
		return int(v)
	}
	f := &functions{
		memory: memory, table: t, at: at, count: word(0), names: word(3), units: word(4), values: word(6), records: word(7),
		keptTables: map[uint32]bool{0: true}, goneTables: map[uint32]bool{},
		keptParts: map[uint32]bool{noPart: true}, goneParts: map[uint32]bool{}, keptNames: map[uint32]bool{},
	}
	if f.names <= 0 || f.units <= f.names || f.values <= f.units || f.records <= f.values || f.records > len(t) ||
		f.count > (len(t)-f.records)/8 {
		return nil, errTable
	}
	return f, nil
}

// thinRecord takes the lines and the arguments out of a function's record, and its name if nobody needs it, and notes what the
// record refers to. It reports false if the record is cut short.
func (f *functions) thinRecord(record []byte) bool {
	count, ok := u32(record, countField)
	if !ok || int(count) > len(record) || len(record) < tablesField {
		return false
	}
	kept, gone := []int{stackField}, []int{fileField, lineField}
	for n := range int(count) {
		if n == liveTable {
			gone = append(gone, tablesField+4*n)
		} else {
			kept = append(kept, tablesField+4*n)
		}
	}
	var part []int
	for n := range int(record[partsField]) {
		part = append(part, tablesField+4*int(count)+4*n)
	}
	if end := tablesField + 4*int(count) + 4*len(part); end > len(record) {
		return false
	}
	note := func(fields []int, in map[uint32]bool) {
		for _, field := range fields {
			in[binary.LittleEndian.Uint32(record[field:])] = true
		}
	}
	replace := func(fields []int, v uint32) {
		for _, field := range fields {
			binary.LittleEndian.PutUint32(record[field:], v)
		}
	}
	note(kept, f.keptTables)
	note(gone, f.goneTables)
	replace(gone, 0)
	first, last := min(firstPart, len(part)), min(lastPart+1, len(part))
	note(part[:first], f.keptParts)
	note(part[last:], f.keptParts)
	note(part[first:last], f.goneParts)
	replace(part[first:last], noPart)
	replace([]int{unitField, startField}, 0)
	return f.thinName(record)
}

// dropTables overwrites the tables of values that no record refers to any more.
func (f *functions) dropTables() bool {
	tables := f.table[f.values:f.records]
	for from := range f.goneTables {
		if f.keptTables[from] {
			continue
		}
		end, ok := tableEnd(tables, int(from))
		if !ok {
			return false
		}
		clear(tables[from:end])
	}
	return true
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

// dropParts overwrites what no record refers to any more.
func (f *functions) dropParts() bool {
	base, ok := f.word(partsWord)
	for from := range f.goneParts {
		if f.keptParts[from] {
			continue
		}
		start := base + int(from)
		if !ok || start < 0 || start >= len(f.memory) {
			return false
		}
		length := bytes.IndexByte(f.memory[start:], partEnd)
		if length < 0 {
			return false
		}
		clear(f.memory[start : start+length+1])
	}
	return true
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
