//go:build js && wasm

package idb_test

import (
	"context"
	"math"
	"strconv"
	"strings"
	"testing"

	"github.com/larder-sync/larder/wasm/idb"
)

func TestGetAllOptions(t *testing.T) {
	for _, tt := range []struct {
		name      string
		index     string
		query     any
		count     uint
		direction idb.Direction
		want      string // the keys and primary keys
	}{
		{"all of a store", "", nil, 0, idb.Next, "1:1 2:2 3:3 4:4 5:5 6:6 7:7 8:8 9:9"},
		{"the first of a store", "", nil, 2, idb.Next, "1:1 2:2"},
		{"the last of a store, backwards", "", nil, 2, idb.Prev, "9:9 8:8"},
		{"a range, backwards", "", idb.Range{Lower: 3, Upper: 5}, 0, idb.Prev, "5:5 4:4 3:3"},
		{"a range, open at both ends", "", idb.Range{Lower: 3, Upper: 6, LowerOpen: true, UpperOpen: true}, 0, idb.Next, "4:4 5:5"},
		{"one key", "", 4, 0, idb.Next, "4:4"},
		{"no key", "", 4.5, 0, idb.Next, ""},
		{"more than there is", "", idb.Range{Lower: 8}, 100, idb.Next, "8:8 9:9"},
		{"as many as can be asked for", "", idb.Range{Lower: 9}, math.MaxUint32, idb.Next, "9:9"},
		{"an index", "i", nil, 4, idb.Next, `"a":1 "a":2 "a":3 "b":4`},
		{"an index, backwards", "i", nil, 4, idb.Prev, `"c":9 "c":8 "c":7 "b":6`},
		{"an index, the first of each key", "i", nil, 0, idb.NextUnique, `"a":1 "b":4 "c":7`},
		{"an index, the first of each key, backwards", "i", nil, 2, idb.PrevUnique, `"c":7 "b":4`},
		{"one key of an index", "i", "b", 0, idb.Prev, `"b":6 "b":5 "b":4`},
		{"an index of entries", "m", idb.Range{Lower: 8, Upper: 20}, 0, idb.Next, "8:8 9:9 10:1 20:2"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			in(t, tree(t), func(ctx context.Context, s *idb.Store) error {
				var records []idb.Entry
				var err error
				if tt.index == "" {
					records, err = s.GetAllRecords(ctx, tt.query, tt.count, tt.direction)
				} else {
					i, indexErr := s.Index(tt.index)
					if indexErr != nil {
						return indexErr
					}
					records, err = i.GetAllRecords(ctx, tt.query, tt.count, tt.direction)
				}
				var found []string
				for _, r := range records {
					found = append(found, text(r.Key)+":"+text(r.PrimaryKey))
					if k := r.Value.Get("k").String(); k != string("abc"[(r.PrimaryKey.Int()-1)/3]) {
						t.Errorf("row %d has the value of another", r.PrimaryKey.Int())
					}
				}
				same(t, "what was found", strings.Join(found, " "), tt.want)
				return err
			})
		})
	}
}

func TestReadsOfOne(t *testing.T) {
	for _, tt := range []struct {
		name  string
		query any
		key   string // the primary key found in the index "i"
		count int
	}{
		{"the first of a key", "b", "4", 3},
		{"the first of a range", idb.Range{Lower: "aa"}, "4", 6},
		{"the first after a key", idb.Range{Lower: "b", LowerOpen: true}, "7", 3},
		{"the first up to a key", idb.Range{Upper: "b"}, "1", 6},
		{"the first before a key", idb.Range{Upper: "b", UpperOpen: true}, "1", 3},
		{"a range of one key", idb.Range{Lower: "c", Upper: "c"}, "7", 3},
		{"nothing", "x", "undefined", 0},
		{"a key of another kind", 1, "undefined", 0},
		{"all texts by a range to the next kind", idb.Range{Lower: "", Upper: []byte{}, UpperOpen: true}, "1", 9},
		{"all", idb.Range{}, "", 9},
	} {
		t.Run(tt.name, func(t *testing.T) {
			in(t, tree(t), func(ctx context.Context, s *idb.Store) error {
				i, err := s.Index("i")
				if err != nil {
					return err
				}
				n, err := i.Count(ctx, tt.query)
				if n != tt.count || err != nil {
					t.Errorf("counted %d, %v, want %d", n, err, tt.count)
				}
				key, err := i.GetKey(ctx, tt.query)
				if tt.key == "" { // a get of everything is no get
					is(t, err, idb.ErrData)
					return nil
				}
				want(t, "the key", key, tt.key)
				value, err2 := i.Get(ctx, tt.query)
				if found := !value.IsUndefined(); found != (tt.key != "undefined") {
					t.Errorf("the value is %s", text(value))
				}
				is(t, err2, nil)
				return err
			})
		})
	}
}

func TestRangeShapes(t *testing.T) {
	db := plainStore(t, idb.StoreOptions{})
	in(t, db, func(ctx context.Context, s *idb.Store) error {
		for n := range 5 {
			if _, err := s.Add(ctx, n, n+1); err != nil {
				return err
			}
		}
		return nil
	})
	for _, tt := range []struct {
		r    idb.Range
		want string // the keys of 1 to 5, or an error's name
	}{
		{idb.Range{}, "[1,2,3,4,5]"},
		{idb.Range{Lower: 2}, "[2,3,4,5]"},
		{idb.Range{Lower: 2, LowerOpen: true}, "[3,4,5]"},
		{idb.Range{Upper: 4}, "[1,2,3,4]"},
		{idb.Range{Upper: 4, UpperOpen: true}, "[1,2,3]"},
		{idb.Range{Lower: 2, Upper: 4}, "[2,3,4]"},
		{idb.Range{Lower: 2, Upper: 4, LowerOpen: true}, "[3,4]"},
		{idb.Range{Lower: 2, Upper: 4, UpperOpen: true}, "[2,3]"},
		{idb.Range{Lower: 2, Upper: 4, LowerOpen: true, UpperOpen: true}, "[3]"},
		{idb.Range{Lower: 3, Upper: 3}, "[3]"},
		{idb.Range{LowerOpen: true, UpperOpen: true}, "[1,2,3,4,5]"},
		{idb.Range{Lower: math.Inf(-1), Upper: math.Inf(1)}, "[1,2,3,4,5]"},
		{idb.Range{Lower: 5, Upper: "a"}, "[5]"},
		{idb.Range{Lower: 1.5, Upper: 2.5}, "[2]"},
		{idb.Range{Lower: []any{}}, "[]"},
		{idb.Range{Lower: 3, Upper: 3, LowerOpen: true}, "DataError"},
		{idb.Range{Lower: 3, Upper: 3, UpperOpen: true}, "DataError"},
		{idb.Range{Lower: 4, Upper: 3}, "DataError"},
		{idb.Range{Lower: "a", Upper: 3}, "DataError"},
		{idb.Range{Lower: false}, "DataError"},
		{idb.Range{Lower: 1, Upper: math.NaN()}, "DataError"},
		{idb.Range{Upper: []any{1, nil}}, "DataError"},
	} {
		t.Run("from "+show(tt.r.Lower, tt.r.LowerOpen)+" to "+show(tt.r.Upper, tt.r.UpperOpen), func(t *testing.T) {
			in(t, db, func(ctx context.Context, s *idb.Store) error {
				found, err := s.GetAllKeys(ctx, tt.r, 0)
				if strings.HasSuffix(tt.want, "Error") {
					is(t, err, named(tt.want))
					_, err := tt.r.Includes(3)
					is(t, err, named(tt.want))
					return nil
				}
				is(t, err, nil)
				same(t, "what was found", text(list(found)), tt.want)
				for n := range 5 {
					inside, err := tt.r.Includes(n + 1)
					if inside != strings.Contains(tt.want, strconv.Itoa(n+1)) || err != nil {
						t.Errorf("%d inside is %t, %v", n+1, inside, err)
					}
				}
				return nil
			})
		})
	}
	t.Run("a range deletes what it finds", func(t *testing.T) {
		in(t, db, func(ctx context.Context, s *idb.Store) error {
			if err := s.Delete(ctx, idb.Range{Lower: 2, Upper: 4, UpperOpen: true}); err != nil {
				return err
			}
			same(t, "what is left", keysOf(ctx, t, s), "[1,4,5]")
			return nil
		})
	})
}

func show(bound any, open bool) string {
	name := "no bound"
	if bound != nil {
		key, err := idb.Key(bound)
		if name = "no key"; err == nil {
			name = text(key)
		}
	}
	if open {
		name += " open"
	}
	return name
}
