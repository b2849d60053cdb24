//go:build js && wasm

package idb_test

import (
	"context"
	"syscall/js"
	"testing"

	"github.com/larder-sync/larder/wasm/idb"
)

func TestValuesThatCannotBeStored(t *testing.T) {
	db := plainStore(t, idb.StoreOptions{})
	for _, tt := range []struct {
		source string
		want   error
	}{
		{"() => 1", idb.ErrDataClone},
		{"({f() {}})", idb.ErrDataClone},
		{"[1, [() => 1]]", idb.ErrDataClone},
		{"Symbol('x')", idb.ErrDataClone},
		{"({s: Symbol.iterator})", idb.ErrDataClone},
		{"new WeakMap()", idb.ErrDataClone},
		{"new Proxy({}, {})", idb.ErrDataClone},
		{"Promise.resolve(1)", idb.ErrDataClone},
		{"globalThis", idb.ErrDataClone},
		{"new Map([[1, () => 1]])", idb.ErrDataClone},
		{"({get x() { throw new RangeError('mine'); }})", named("RangeError")},
	} {
		t.Run(caseName(tt.source), func(t *testing.T) {
			in(t, db, func(ctx context.Context, s *idb.Store) error {
				_, err := s.Put(ctx, expression(tt.source), 1)
				is(t, err, tt.want)
				_, err = s.Add(ctx, "the transaction goes on", "ok")
				same(t, "the keys", keysOf(ctx, t, s), `["ok"]`)
				if err != nil {
					return err
				}
				return s.Clear(ctx)
			})
		})
	}
	for _, tt := range []struct {
		name  string
		value any
	}{
		{"a Go struct", struct{ A int }{1}},
		{"a Go pointer", new(int)},
		{"a Go channel", make(chan int)},
		{"a Go map whose keys are no text", map[int]any{1: 1}},
		{"a Go complex number", 1i},
	} {
		t.Run(tt.name, func(t *testing.T) {
			in(t, db, func(ctx context.Context, s *idb.Store) error {
				_, err := s.Put(ctx, tt.value, 1)
				is(t, err, idb.ErrDataClone)
				return nil
			})
		})
	}
	t.Run("what a getter does while the value is copied cannot harm", func(t *testing.T) {
		in(t, db, func(ctx context.Context, s *idb.Store) error {
			row := expression("({ get x() { try { this.s.put(1, 'sly'); return 'put'; } catch (e) { return e.name; } } })")
			js.Global().Get("Object").Call("defineProperty", row, "s", map[string]any{"value": s.Tx().Value().Call("objectStore", "s")})
			if _, err := s.Put(ctx, row, "row"); err != nil {
				return err
			}
			got, err := s.Get(ctx, "row")
			want(t, "the row", got, `{"x":"TransactionInactiveError"}`)
			return err
		})
	})
}

func TestValuesComeBackAsTheyWere(t *testing.T) {
	db := plainStore(t, idb.StoreOptions{})
	equal := expression(`function same(a, b) {
		if (Object.is(a, b)) return true;
		if (typeof a !== 'object' || typeof b !== 'object' || !a || !b || Object.prototype.toString.call(a) !== Object.prototype.toString.call(b)) return false;
		if (a instanceof Date || a instanceof RegExp || a instanceof Error || a instanceof Number || a instanceof String || a instanceof Boolean) return String(a) === String(b);
		if (a instanceof ArrayBuffer) return same([...new Uint8Array(a)], [...new Uint8Array(b)]);
		if (a instanceof Map || a instanceof Set) return same([...a], [...b]);
		if (a instanceof Blob) return a.size === b.size && a.type === b.type;
		const keys = Object.keys(a);
		return keys.length === Object.keys(b).length && (a.length === b.length) && keys.every((k) => k in b && same(a[k], b[k]));
	}`)
	for _, source := range []string{
		"undefined", "null", "true", "-0", "NaN", "Infinity", "5e-324", "2 ** 53", "12345678901234567890n", "'\\ud800 and \\0'", "''",
		"new Date(1)", "new Date(NaN)", "/a+/gi", "new Boolean(false)", "new Number(3)", "new String('s')", "[]", "[1, , 3]", "({a: {b: [{c: null}]}})",
		"({a: undefined})", "new Map([['a', new Set([1, 2])]])", "new Uint8Array([1, 2]).buffer", "new Float64Array([0.1, -0])", "new DataView(new ArrayBuffer(3))",
		"new Blob(['text'], {type: 'text/plain'})", "new RangeError('x')", "Array.from({length: 500}).reduce((a) => [a], 'deep')",
	} {
		t.Run(caseName(source), func(t *testing.T) {
			in(t, db, func(ctx context.Context, s *idb.Store) error {
				value := expression(source)
				if _, err := s.Put(ctx, value, 1); err != nil {
					return err
				}
				got, err := s.Get(ctx, 1)
				if !equal.Invoke(value, got).Bool() {
					t.Errorf("it came back as %v", got)
				}
				return err
			})
		})
	}
	t.Run("what refers to itself, and one thing twice", func(t *testing.T) {
		in(t, db, func(ctx context.Context, s *idb.Store) error {
			if _, err := s.Put(ctx, expression("((o) => { o.me = o; o.a = o.b = {}; return o; })({})"), 1); err != nil {
				return err
			}
			got, err := s.Get(ctx, 1)
			if !got.Get("me").Equal(got) || !got.Get("a").Equal(got.Get("b")) || got.Get("a").Equal(got) {
				t.Error("it came back as another shape")
			}
			return err
		})
	})
	t.Run("a copy: later changes are not stored, and the class is lost", func(t *testing.T) {
		in(t, db, func(ctx context.Context, s *idb.Store) error {
			row := expression("new (class Point { x = 1; get y() { return 2; } })()")
			if _, err := s.Put(ctx, row, 1); err != nil {
				return err
			}
			row.Set("x", 5)
			got, err := s.Get(ctx, 1)
			want(t, "the row", got, `{"x":1}`)
			return err
		})
	})
	t.Run("Go values", func(t *testing.T) {
		in(t, db, func(ctx context.Context, s *idb.Store) error {
			if _, err := s.Put(ctx, map[string]any{"n": 1.5, "s": "é", "b": true, "z": nil, "l": []any{1, "x"}}, 1); err != nil {
				return err
			}
			got, err := s.Get(ctx, 1)
			for key, text := range map[string]string{"n": "1.5", "s": `"é"`, "b": "true", "z": "null", "l": `[1,"x"]`} {
				want(t, key, got.Get(key), text)
			}
			return err
		})
	})
}
