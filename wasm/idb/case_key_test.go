//go:build js && wasm

package idb_test

import (
	"context"
	"errors"
	"syscall/js"
	"testing"

	"github.com/larder-sync/larder/wasm/idb"
)

// ascending are keys in the order of IndexedDB: numbers, dates, strings, bytes, arrays.
var ascending = []string{
	"-Infinity", "-Number.MAX_VALUE", "-1", "-Number.MIN_VALUE", "0", "Number.MIN_VALUE", "1", "2 ** 53", "Number.MAX_VALUE", "Infinity",
	"new Date(-8.64e15)", "new Date(-1)", "new Date(0)", "new Date(8.64e15)",
	"''", "'\\0'", "'A'", "'a'", "'aa'", "'b'", "'ä'", "'\\ud834\\udd1e'", "'\\uffff'",
	"new Uint8Array()", "new Uint8Array([0])", "new Uint8Array([0, 0])", "new Uint8Array([0, 255])", "new Uint8Array([128])",
	"[]", "[-Infinity]", "[1]", "[1, 1]", "[2]", "[new Date(0)]", "['']", "['a', 0]", "[new Uint8Array()]", "[[]]", "[[], []]", "[[1]]", "[['a']]",
}

func TestKeyOrder(t *testing.T) {
	for i := range len(ascending) - 1 {
		low, high := ascending[i], ascending[i+1]
		t.Run(caseName(low+" before "+high), func(t *testing.T) {
			a, b := expression(low), expression(high)
			for _, pair := range []struct {
				a, b js.Value
				want int
			}{{a, b, -1}, {b, a, 1}, {a, a, 0}} {
				if got, err := idb.Compare(pair.a, pair.b); got != pair.want || err != nil {
					t.Errorf("compared as %d, %v, want %d", got, err, pair.want)
				}
			}
		})
	}
	t.Run("a store sorts by it, whatever the order of writing", func(t *testing.T) {
		in(t, plainStore(t, idb.StoreOptions{}), func(ctx context.Context, s *idb.Store) error {
			for i := range ascending {
				k := (i * 17) % len(ascending) // 17 is coprime to the number of keys, so each comes once
				if _, err := s.Add(ctx, k, expression(ascending[k])); err != nil {
					return err
				}
			}
			all, err := s.GetAll(ctx, nil, 0)
			for i, v := range all {
				if v.Int() != i {
					t.Errorf("at %d is %s", i, ascending[v.Int()])
				}
			}
			if len(all) != len(ascending) {
				t.Errorf("%d rows, want %d", len(all), len(ascending))
			}
			return err
		})
	})
}

func TestKeyEquality(t *testing.T) {
	for _, tt := range []struct{ name, a, b string }{
		{"zero has no sign", "0", "-0"},
		{"bytes are bytes in any view", "new Uint8Array([1, 2, 3, 4])", "new Uint8Array([1, 2, 3, 4]).buffer"},
		{"a view is the part that it shows", "new Uint8Array([2, 3])", "new Uint8Array([1, 2, 3, 4]).subarray(1, 3)"},
		{"a DataView is bytes", "new Uint8Array([7])", "new DataView(new Uint8Array([7]).buffer)"},
		{"wider elements are their bytes", "new Uint8Array([1, 0, 2, 0])", "new Uint16Array([1, 2])"},
		{"an array is its elements, not its other properties", "[1, 2]", "Object.assign([1, 2], {more: 3})"},
		{"a date is its moment", "new Date(86400000)", "new Date('1970-01-02T00:00:00Z')"},
		{"text is its code units, however written", "'\\u00e9'", "'é'"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a, b := expression(tt.a), expression(tt.b)
			if order, err := idb.Compare(a, b); order != 0 || err != nil {
				t.Fatalf("compared as %d, %v", order, err)
			}
			in(t, plainStore(t, idb.StoreOptions{}), func(ctx context.Context, s *idb.Store) error {
				if _, err := s.Put(ctx, "a", a); err != nil {
					return err
				}
				_, err := s.Add(ctx, "b", b)
				is(t, err, idb.ErrConstraint)
				v, err := s.Get(ctx, b)
				want(t, "the row", v, `"a"`)
				return err
			})
		})
	}
	t.Run("text that differs in normal form is not the same", func(t *testing.T) {
		if order, err := idb.Compare("é", "e\u0301"); order != 1 || err != nil {
			t.Errorf("compared as %d, %v", order, err)
		}
	})
}

func TestKeyValidity(t *testing.T) {
	db := plainStore(t, idb.StoreOptions{})
	for _, source := range []string{
		"undefined", "null", "true", "false", "NaN", "({})", "/x/", "() => 1", "Symbol('x')", "new Date(NaN)", "new Number(1)", "new String('a')",
		"[undefined]", "[null]", "[true]", "[NaN]", "[1, [2, {}]]", "[1, , 3]", "((a) => { a.push(a); return a; })([])",
		"new Error('x')", "globalThis", "new Map([[1, 2]])", "new Set([1])", "({ valueOf: () => 1 })", "Promise.resolve(1)",
	} {
		t.Run(caseName(source+" is no key"), func(t *testing.T) {
			key := expression(source)
			_, err := idb.Compare(1, key)
			is(t, err, idb.ErrData)
			_, err = idb.Compare(key, 1)
			is(t, err, idb.ErrData)
			_, err = idb.Range{Lower: key}.Includes(1)
			is(t, err, idb.ErrData)
			_, err = idb.Range{Lower: 0, Upper: key}.Includes(1)
			is(t, err, idb.ErrData)
			_, err = idb.Range{}.Includes(key)
			is(t, err, idb.ErrData)
			in(t, db, func(ctx context.Context, s *idb.Store) error {
				if source == "undefined" { // beside a value it is no key at all, which is wrong here too
					_, err := s.Put(ctx, 1)
					is(t, err, idb.ErrData)
					return nil
				}
				_, err := s.Put(ctx, 1, key)
				is(t, err, idb.ErrData)
				_, err = s.Add(ctx, 1, key)
				is(t, err, idb.ErrData)
				is(t, s.Delete(ctx, idb.Range{Upper: key}), idb.ErrData)
				if source != "null" { // which is everything to a query, as undefined is
					_, err = s.Get(ctx, key)
					is(t, err, idb.ErrData)
				}
				if n, err := s.Count(ctx, nil); n != 0 {
					t.Errorf("%d rows were stored, %v", n, err)
				}
				return nil
			})
		})
	}
	for _, tt := range []struct{ name, source string }{
		{"deep arrays", "Array.from({length: 50}).reduce((a) => [a], [])"},
		{"long arrays", "Array.from({length: 2000}, (_, i) => i)"},
		{"long text", "'x'.repeat(20000)"},
		{"many bytes", "new Uint8Array(20000)"},
		{"half a surrogate pair", "'\\ud800'"},
		{"all kinds in one array", "[1, new Date(2), 'x', [4, ['y']], new Uint8Array([3])]"},
	} {
		t.Run(tt.name+" are a key", func(t *testing.T) {
			in(t, db, func(ctx context.Context, s *idb.Store) error {
				key := expression(tt.source)
				if _, err := s.Add(ctx, 1, key); err != nil {
					return err
				}
				got, err := s.GetKey(ctx, key)
				if err != nil {
					return err
				}
				order, err := idb.Compare(got, key)
				if order != 0 {
					t.Error("it came back as another")
				}
				return errors.Join(err, s.Delete(ctx, key))
			})
		})
	}
	t.Run("a view whose buffer has gone is no key", func(t *testing.T) {
		_, err := idb.Compare(1, expression("(() => { const b = new ArrayBuffer(4), v = new Uint8Array(b); structuredClone(b, {transfer: [b]}); return v; })()"))
		is(t, err, idb.ErrData)
	})
	t.Run("a getter that throws is told as what it threw", func(t *testing.T) {
		_, err := idb.Compare(1, expression("(() => { const a = []; Object.defineProperty(a, 0, {get() { throw new RangeError('mine'); }, enumerable: true}); return a; })()"))
		is(t, err, named("RangeError"))
	})
}
