package store

import (
	"cmp"
	"iter"
	"slices"
	"sort"
)

// entry is a row's place in an index: its encoded key there, and its encoded primary key.
type entry struct{ key, primary string }

func (a entry) compare(b entry) int {
	if c := cmp.Compare(a.key, b.key); c != 0 {
		return c
	}
	return cmp.Compare(a.primary, b.primary)
}

// ordered is a sorted set of entries. It is kept in blocks, so that adding to a large one moves little. The zero value is
// empty. It is not to be changed while it is gone through.
type ordered struct{ blocks [][]entry }

// block is how many entries a block may have before it is split.
const block = 512

// place returns the block and the position in it where e is or belongs. The block may be one beyond the last.
func (o *ordered) place(e entry) (at, in int, found bool) {
	at = sort.Search(len(o.blocks), func(i int) bool { return o.blocks[i][len(o.blocks[i])-1].compare(e) >= 0 })
	if at == len(o.blocks) {
		return at, 0, false
	}
	in, found = slices.BinarySearchFunc(o.blocks[at], e, entry.compare)
	return at, in, found
}

func (o *ordered) add(e entry) {
	at, in, found := o.place(e)
	switch {
	case found:
		return
	case len(o.blocks) == 0:
		o.blocks = [][]entry{{e}}
		return
	case at == len(o.blocks):
		at--
		in = len(o.blocks[at])
	}
	b := slices.Insert(o.blocks[at], in, e)
	o.blocks[at] = b
	if len(b) > block {
		half := len(b) / 2
		o.blocks = slices.Insert(o.blocks, at+1, slices.Clone(b[half:]))
		o.blocks[at] = b[:half:half]
	}
}

func (o *ordered) remove(e entry) {
	at, in, found := o.place(e)
	if !found {
		return
	}
	if b := slices.Delete(o.blocks[at], in, in+1); len(b) > 0 {
		o.blocks[at] = b
	} else {
		o.blocks = slices.Delete(o.blocks, at, at+1)
	}
}

// from gives the entries from the first that is not before e, in order.
func (o *ordered) from(e entry) iter.Seq[entry] {
	return func(yield func(entry) bool) {
		at, in, _ := o.place(e)
		for ; at < len(o.blocks); at, in = at+1, 0 {
			for _, e := range o.blocks[at][in:] {
				if !yield(e) {
					return
				}
			}
		}
	}
}

// before gives the entries before e, the last first.
func (o *ordered) before(e entry) iter.Seq[entry] {
	return func(yield func(entry) bool) {
		at, in, _ := o.place(e)
		for ; at >= 0; at-- {
			if at < len(o.blocks) {
				for in--; in >= 0; in-- {
					if !yield(o.blocks[at][in]) {
						return
					}
				}
			}
			if at > 0 {
				in = len(o.blocks[at-1])
			}
		}
	}
}

// scan gives the entries of a range, in a direction.
func (o *ordered) scan(r *Range, direction Direction) iter.Seq[entry] {
	b := r.encoded()
	if direction == Forward {
		return func(yield func(entry) bool) {
			for e := range o.from(entry{key: b.low}) {
				switch {
				case b.ends(e.key):
					return
				case !b.begins(e.key), b.after != "" && e.key == b.low && e.primary <= b.after:
					continue
				}
				if !yield(e) {
					return
				}
			}
		}
	}
	backward := func(yield func(entry) bool) {
		end := entry{key: b.high + "\xff"} // no encoded key goes on with that byte
		if !b.hasHigh {
			end.key = "\xff"
		}
		for e := range o.before(end) {
			switch {
			case !b.begins(e.key):
				return
			case b.ends(e.key):
				continue
			case b.after == "" || e.key != b.high:
			case direction == Backward && e.primary >= b.after, direction == Descending && e.primary <= b.after:
				continue
			}
			if !yield(e) {
				return
			}
		}
	}
	if direction == Backward {
		return backward
	}
	return turned(backward)
}

// turned gives each run of entries with one key in the order of the primary keys.
func turned(entries iter.Seq[entry]) iter.Seq[entry] {
	return func(yield func(entry) bool) {
		var run []entry
		flush := func() bool {
			for _, e := range slices.Backward(run) {
				if !yield(e) {
					return false
				}
			}
			run = run[:0]
			return true
		}
		for e := range entries {
			if len(run) > 0 && run[0].key != e.key && !flush() {
				return
			}
			run = append(run, e)
		}
		flush()
	}
}

// bounds is a [Range] with its keys encoded.
type bounds struct {
	low, high         string // "" for no low end
	lowOpen, highOpen bool
	hasHigh           bool
	after             string
}

func (r *Range) encoded() bounds {
	var b bounds
	if r == nil {
		return b
	}
	if r.Lower != nil {
		k, _ := appendKey(nil, r.Lower[0])
		b.low, b.lowOpen = string(k), r.LowerOpen
	}
	if r.Upper != nil {
		k, _ := appendKey(nil, r.Upper[0])
		b.high, b.highOpen, b.hasHigh = string(k), r.UpperOpen, true
	}
	if r.After != "" {
		k, _ := appendKey(nil, r.After)
		b.after = string(k)
	}
	return b
}

// begins reports whether a key is not before the range.
func (b *bounds) begins(key string) bool { return key > b.low || key == b.low && !b.lowOpen }

// ends reports whether a key is beyond the range.
func (b *bounds) ends(key string) bool {
	return b.hasHigh && (key > b.high || key == b.high && b.highOpen)
}
