package main

import (
	"bytes"
	"encoding/binary"
)

// What is read of the description of the program, in words from its beginning (runtime, symtab.go: moduledata). Its first two are
// the addresses of the table of functions and of their names.
const (
	lookupWord = 19
	firstWord  = 20 // the least value of a program counter
	lastWord   = 21 // and the greatest
	partsWord  = 40 // the address from which the offsets of parts count (gofunc)
)

// The runtime finds a program counter's function by a lookup table, which says for each range of 4,096 where in the list of
// functions to begin to search (runtime, symtab.go: findfunc, findfuncbucket). In WebAssembly a function is 65,536 of them, of
// which it asks for the first alone.
const (
	rangeSize  = 4096
	rangeEntry = 20 // bytes: a place in the list, and what is to be added to it by sixteenths of the range, which is 0 here
	step       = 16
)

// coarsenLookup lets the runtime begin its search up to 15 functions too early. The table then repeats itself, and compresses to
// nothing.
func (f *functions) coarsenLookup() bool {
	start, ok := f.word(lookupWord)
	first, _ := f.word(firstWord)
	last, _ := f.word(lastWord)
	entries := (last - first + rangeSize - 1) / rangeSize
	if !ok || start < 0 || entries < 0 || start > len(f.memory) || entries > (len(f.memory)-start)/rangeEntry {
		return false
	}
	table := f.memory[start : start+entries*rangeEntry]
	for at := 0; at < len(table); at += rangeEntry {
		place := binary.LittleEndian.Uint32(table[at:])
		if int(place) > f.count {
			return false
		}
		binary.LittleEndian.PutUint32(table[at:], place-place%step)
	}
	return true
}

// word returns a word of the program's description.
func (f *functions) word(n int) (v int, ok bool) {
	begin := binary.LittleEndian.AppendUint64(nil, uint64(f.at))
	begin = binary.LittleEndian.AppendUint64(begin, uint64(f.at+f.names))
	at := bytes.Index(f.memory, begin)
	if at < 0 {
		return 0, false
	}
	w, ok := u64(f.memory, at+8*n)
	return int(w), ok
}
