// Command pack rewrites a WebAssembly module of Go's linker so that there is less to load: a fifth less, compressed.
//
//	pack FILE.wasm
//
// The file is replaced by the same program. Two things are different:
//
//   - Data segments are joined. The linker leaves out every run of zeros between data, which makes tens of thousands of
//     segments whose headers break up what a compressor would find to be alike. Memory begins as zeros, so that short
//     runs can as well be written out.
//   - The tables of files, lines and arguments are left out, and the names of most functions of other modules; the table by which
//     functions are found is made coarser. A stack trace has the names of Larder's functions, and ? for their places; whoever
//     wants more builds the engine without pack.
//
// The format is that of the WebAssembly core specification, section 5.5.14 (data section).
package main

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"slices"
)

// near is the longest run of zeros, in bytes, that is written out for the sake of one segment instead of two.
const near = 64

// most is the size of the largest memory that is packed, in bytes: Go's linker puts data at the beginning of memory.
const most = 1 << 28

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: pack FILE.wasm")
		os.Exit(2)
	}
	if err := replace(os.Args[1]); err != nil {
		fmt.Fprintf(os.Stderr, "pack: %s: %v\n", os.Args[1], err)
		os.Exit(1)
	}
}

func replace(name string) error {
	module, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	packed, err := pack(module)
	if err != nil {
		return err
	}
	return os.WriteFile(name, packed, 0o755)
}

// header is a module's magic number and version.
var header = []byte("\x00asm\x01\x00\x00\x00")

var errFormat = errors.New("this is no WebAssembly module that Go's linker made")

const dataSection = 11

// pack returns the module with its data section rewritten; the other sections stay as they are.
func pack(module []byte) ([]byte, error) {
	rest, ok := bytes.CutPrefix(module, header)
	if !ok {
		return nil, errFormat
	}
	out := slices.Clone(header)
	for len(rest) > 0 {
		id := rest[0]
		size, n := binary.Uvarint(rest[1:])
		if n <= 0 || size > uint64(len(rest)-1-n) {
			return nil, errFormat
		}
		body := rest[1+n : 1+n+int(size)]
		if id == dataSection {
			segments, err := readSegments(body)
			if err != nil {
				return nil, err
			}
			memory, err := flatten(segments)
			if err != nil {
				return nil, err
			}
			if err := thin(memory); err != nil {
				return nil, err
			}
			body = appendSegments(nil, split(memory))
		}
		out = append(binary.AppendUvarint(append(out, id), uint64(len(body))), body...)
		rest = rest[1+n+int(size):]
	}
	return out, nil
}

// segment is data at an address of memory 0.
type segment struct {
	at   int64
	data []byte
}

// An active segment of memory 0 is written as 0, its address as the expression "i32.const address end", and its bytes.
const (
	activeSegment = 0x00
	i32Const      = 0x41
	end           = 0x0b
)

func readSegments(body []byte) ([]segment, error) {
	count, n := binary.Uvarint(body)
	if n <= 0 {
		return nil, errFormat
	}
	body = body[n:]
	var segments []segment
	for range count {
		if len(body) < 2 || body[0] != activeSegment || body[1] != i32Const {
			return nil, errFormat
		}
		at, n := signed(body[2:])
		if n <= 0 || len(body) < 3+n || body[2+n] != end {
			return nil, errFormat
		}
		body = body[3+n:]
		size, n := binary.Uvarint(body)
		if n <= 0 || size > uint64(len(body)-n) {
			return nil, errFormat
		}
		segments = append(segments, segment{at, body[n : n+int(size)]})
		body = body[n+int(size):]
	}
	if len(body) > 0 {
		return nil, errFormat
	}
	return segments, nil
}

// flatten returns the memory that the segments make.
func flatten(segments []segment) ([]byte, error) {
	var size int64
	for _, s := range segments {
		if s.at < 0 || s.at > most-int64(len(s.data)) {
			return nil, errFormat
		}
		size = max(size, s.at+int64(len(s.data)))
	}
	memory := make([]byte, size)
	for _, s := range segments {
		copy(memory[s.at:], s.data)
	}
	return memory, nil
}

// split returns the segments that make the memory, without its long runs of zeros.
func split(memory []byte) []segment {
	var segments []segment
	for at := 0; at < len(memory); {
		if memory[at] == 0 {
			at++
			continue
		}
		end := at // behind the last byte that is not zero
		for next := at; next < len(memory) && next-end <= near; next++ {
			if memory[next] != 0 {
				end = next + 1
			}
		}
		segments = append(segments, segment{int64(at), memory[at:end]})
		at = end
	}
	return segments
}

func appendSegments(dst []byte, segments []segment) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(segments)))
	for _, s := range segments {
		dst = appendSigned(append(dst, activeSegment, i32Const), s.at)
		dst = binary.AppendUvarint(append(dst, end), uint64(len(s.data)))
		dst = append(dst, s.data...)
	}
	return dst
}

// signed reads a signed LEB128 number, which package encoding/binary does not have.
func signed(b []byte) (v int64, n int) {
	for shift := uint(0); n < len(b) && shift < 64; {
		c := b[n]
		n++
		v |= int64(c&0x7f) << shift
		if shift += 7; c < 0x80 {
			if c&0x40 != 0 && shift < 64 {
				v |= -1 << shift
			}
			return v, n
		}
	}
	return 0, 0
}

func appendSigned(dst []byte, v int64) []byte {
	for {
		c := byte(v & 0x7f)
		v >>= 7
		if v == 0 && c&0x40 == 0 || v == -1 && c&0x40 != 0 {
			return append(dst, c)
		}
		dst = append(dst, c|0x80)
	}
}
