package main

import "bytes"

// module is how the names of Larder's own functions begin.
const module = "github.com/larder-sync/larder/"

// wrapper is the kind of the functions that the linker makes, such as methods of pointers which call those of values
// (internal/abi, symtab.go: FuncIDWrapper).
const wrapper = 23

// thinName takes the name out of a function's record if neither a reader of a stack trace nor the runtime needs it. Kept are those
// of the program's own module, and those of methods of pointers that were made from methods of values, out of which the
// runtime makes the text of a panic.
func (f *functions) thinName(record []byte) bool {
	offset, _ := u32(record, nameField)
	if int(offset) > f.units-f.names {
		return false
	}
	name, _, _ := bytes.Cut(f.table[f.names+int(offset):f.units], []byte{0})
	if isOwn(name) || record[kindField] == wrapper && bytes.Contains(name, []byte("(*")) {
		f.keptNames[offset] = true
	} else {
		clear(record[nameField : nameField+4])
	}
	return true
}

func isOwn(name []byte) bool {
	return bytes.HasPrefix(name, []byte("main.")) || bytes.HasPrefix(name, []byte(module))
}

// dropNames overwrites the names that no record refers to, but for the module's own: one may belong to a function that is there
// only as a part of others.
func (f *functions) dropNames() {
	names := f.table[f.names:f.units]
	for at := 0; at < len(names); {
		name, _, _ := bytes.Cut(names[at:], []byte{0})
		if !f.keptNames[uint32(at)] && !isOwn(name) {
			clear(name)
		}
		at += len(name) + 1
	}
}
