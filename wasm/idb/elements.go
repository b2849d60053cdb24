//go:build js && wasm

package idb

import (
	"bytes"
	"iter"
)

// Elements returns the JSON text of each element of an array, without making anything of it: an answer's results, or the
// rows of one. The text is part of the array's. What is no array has no elements.
func Elements(array []byte) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		if len(array) < 2 || array[0] != '[' {
			return
		}
		depth, from := 0, 1
		for i := 1; i < len(array); i++ {
			switch array[i] {
			case '"':
				if i = textEnd(array, i); i < 0 {
					return
				}
			case '[', '{':
				depth++
			case ']', '}':
				if depth--; depth < 0 {
					if i > from {
						yield(array[from:i])
					}
					return
				}
			case ',':
				if depth == 0 {
					if !yield(array[from:i]) {
						return
					}
					from = i + 1
				}
			}
		}
	}
}

// textEnd returns where the text that begins with the quote at i has its other quote, or -1.
func textEnd(b []byte, i int) int {
	for from := i + 1; ; {
		n := bytes.IndexByte(b[from:], '"')
		if n < 0 {
			return -1
		}
		end := from + n
		slashes := 0
		for b[end-1-slashes] == '\\' { // ends at the first quote
			slashes++
		}
		if slashes%2 == 0 {
			return end
		}
		from = end + 1
	}
}
