package store_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"reflect"
	"slices"
	"strconv"
	"testing"

	"github.com/larder-sync/larder/table"
	"github.com/larder-sync/larder/wasm/store"
)

// What follows is the suite that every backend must pass, over [store.Backend] itself: programs of steps.

var conformant = store.Layout{Version: 1, Stores: []store.StoreLayout{
	{Name: "row", Key: "id", Indexes: []store.IndexLayout{
		{Name: "a", Columns: []string{"a"}},
		{Name: "a+b", Columns: []string{"a", "b"}},
		{Name: "u", Columns: []string{"u"}, Unique: true},
		{Name: "tags", Columns: []string{"tags"}, MultiEntry: true},
		{Name: "plain", Columns: []string{"b"}, Plain: true},
	}},
	{Name: "log", Key: "seq", AutoIncrement: true, Indexes: []store.IndexLayout{
		{Name: "of", Columns: []string{"of", "seq"}, Plain: true},
	}},
}}

// encode is what the layout's indexes need.
var encode = []string{"$u", "*tags", "a", "b"}

func eachBackend(t *testing.T, fn func(t *testing.T, b store.Backend)) {
	for name, open := range openers() {
		t.Run(name, func(t *testing.T) {
			layout := conformant
			layout.Name = "conformance" + strconv.Itoa(rand.Int())
			b, err := open(ctx, layout, store.Events{})
			if err != nil {
				t.Fatal(err)
			}
			defer b.Close()
			if durable := name == "IndexedDB"; b.Durable() != durable {
				t.Errorf("durable is %v", b.Durable())
			}
			fn(t, b)
		})
	}
}

// run runs a program in a transaction of its own.
func run(b store.Backend, write bool, steps ...store.Step) ([]store.Result, error) {
	txn, err := b.Begin(ctx, write, []string{"row", "log"})
	if err != nil {
		return nil, err
	}
	defer txn.Abort(nil) // does nothing after the commit
	results, err := txn.Run(ctx, steps)
	if err != nil {
		return nil, err
	}
	return results, txn.Commit(ctx)
}

func mustRun(t *testing.T, b store.Backend, write bool, steps ...store.Step) []store.Result {
	t.Helper()
	results, err := run(b, write, steps...)
	if err != nil {
		t.Fatal(err)
	}
	return results
}

func putRows(rows ...table.Record) store.Step {
	return store.Step{Op: store.OpPut, Store: "row", Values: rows, Encode: encode}
}

func getAll(index string, r *store.Range) store.Step {
	return store.Step{Op: store.OpGetAll, Store: "row", Index: index, Range: r, Take: table.All}
}

// model is what a store is: rows, and for each index the keys that a row has in it.
type model map[string]table.Record

func (m model) entries(index string) (list [][2]any) {
	for _, id := range slices.Sorted(maps.Keys(m)) {
		r := m[id]
		switch index {
		case "":
			list = append(list, [2]any{id, id})
		case "a":
			list = append(list, [2]any{r["a"], id})
		case "a+b":
			list = append(list, [2]any{[]any{r["a"], r["b"]}, id})
		case "u":
			if r["u"] != nil {
				list = append(list, [2]any{r["u"], id})
			}
		case "plain":
			if _, isKey := r["b"].(bool); r["b"] != nil && !isKey {
				list = append(list, [2]any{r["b"], id})
			}
		case "tags":
			tags, _ := r["tags"].([]any)
			for i, tag := range tags {
				if tag != nil && !slices.Contains(tags[:i], tag) {
					list = append(list, [2]any{tag, id})
				}
			}
		}
	}
	slices.SortStableFunc(list, func(x, y [2]any) int { return compareKeys(x[0], y[0]) })
	return list
}

func compareKeys(a, b any) int {
	x, isArray := a.([]any)
	y, isArray2 := b.([]any)
	switch {
	case isArray && isArray2:
		return slices.CompareFunc(x, y, compareKeys)
	case isArray:
		return 1
	case isArray2:
		return -1
	}
	return table.CompareValues(a, b)
}

func (m model) ids(s *store.Step) []string {
	list := []string{}
	for _, e := range m.entries(s.Index) {
		if r := s.Range; r != nil {
			if r.Lower != nil {
				if c := compareKeys(e[0], r.Lower[0]); c < 0 || c == 0 && r.LowerOpen {
					continue
				}
			}
			if r.Upper != nil {
				if c := compareKeys(e[0], r.Upper[0]); c > 0 || c == 0 && r.UpperOpen {
					continue
				}
			}
		}
		list = append(list, e[1].(string))
	}
	if s.Prev {
		slices.Reverse(list)
	}
	if s.Op == store.OpCount {
		return list
	}
	list = list[min(s.Skip, len(list)):]
	if s.Take >= 0 {
		list = list[:min(s.Take, len(list))]
	}
	return list
}

// TestProgramsDoWhatTheyMean runs random programs, in transactions some of which are undone, against the model.
func TestProgramsDoWhatTheyMean(t *testing.T) {
	seed := rand.Uint64()
	eachBackend(t, func(t *testing.T, b store.Backend) {
		rng := rand.New(rand.NewPCG(seed, 1))
		pick := func(values ...any) any { return values[rng.IntN(len(values))] }
		id := func() string { return "r" + strconv.Itoa(rng.IntN(900)) }
		row := func() table.Record {
			r := table.Record{"id": id(), "a": pick(nil, true, false, 1.0, -2.5, "x", "y", "\ue000", "\U0001F600"), "b": pick("p", "q", 3.0, nil, true)}
			if rng.IntN(3) == 0 {
				r["tags"] = pick([]any{"s", "t"}, []any{"t", "t", nil, 4.0}, []any{}, "s")
			}
			if rng.IntN(3) == 0 {
				r["u"] = "unique to " + r.ID()
			}
			return r
		}
		bound := func(index string) []store.Key {
			switch {
			case rng.IntN(4) == 0:
				return nil
			case index == "":
				return []store.Key{id()}
			case index == "a+b":
				return []store.Key{pick([]any{"x"}, []any{true, "q"}, []any{nil, []any{}}, []any{"x", nil}, []any{1.0, []any{}})}
			}
			return []store.Key{pick(nil, true, 1.0, "p", "t", "x", "unique to r4", "\U0001F600")}
		}
		m := model{}
		for range 120 {
			next := maps.Clone(m)
			var steps []store.Step
			var want [][]string
			for range 1 + rng.IntN(4) {
				index := pick("", "a", "a+b", "u", "tags", "plain").(string)
				r := &store.Range{Lower: bound(index), Upper: bound(index), LowerOpen: rng.IntN(2) == 0, UpperOpen: rng.IntN(2) == 0}
				step := store.Step{Store: "row", Index: index, Range: r, Prev: rng.IntN(2) == 0, Take: rng.IntN(60) - 1, Skip: rng.IntN(3) * rng.IntN(20)}
				switch rng.IntN(8) {
				case 0, 1:
					rows := make([]table.Record, rng.IntN(60))
					for i := range rows {
						rows[i] = row()
						next[rows[i].ID()] = rows[i]
					}
					step = putRows(rows...)
				case 2:
					step = store.Step{Op: store.OpDelete, Store: "row", Keys: []store.Key{id(), id(), "never"}}
					for _, k := range step.Keys {
						delete(next, k.(string))
					}
				case 3:
					from := id()
					step = store.Step{Op: store.OpDelete, Store: "row", Range: store.Between(from, from+"5")}
					step.Range.UpperOpen = true
					maps.DeleteFunc(next, func(id string, _ table.Record) bool { return id >= from && id < from+"5" })
				case 4:
					step.Op = store.OpGetAllKeys
				case 5:
					step.Op, step.Skip, step.Take, step.Prev = store.OpCount, 0, table.All, false
				default:
					step.Op = store.OpGetAll
				}
				steps = append(steps, step)
				switch step.Op {
				case store.OpGetAll, store.OpGetAllKeys, store.OpCount:
					want = append(want, next.ids(&step))
				default:
					want = append(want, nil)
				}
			}
			txn, err := b.Begin(ctx, true, []string{"row"})
			if err != nil {
				t.Fatal(err)
			}
			defer txn.Abort(nil) // does nothing, but where the test fails
			results, err := txn.Run(ctx, steps)
			if err != nil {
				t.Fatalf("seed %d: %v", seed, err)
			}
			for i, s := range steps {
				got, n := results[i].Keys, results[i].Count
				if s.Op == store.OpGetAll {
					got = ids(results[i].Rows)
					for _, r := range results[i].Rows {
						if !reflect.DeepEqual(r, next[r.ID()]) && slices.Contains(want[i], r.ID()) && i == len(steps)-1 {
							t.Fatalf("seed %d: %v is stored as %v", seed, next[r.ID()], r)
						}
					}
				}
				if s.Op == store.OpCount && n != len(want[i]) || s.Op != store.OpCount && want[i] != nil && !slices.Equal(got, want[i]) {
					t.Fatalf("seed %d: %s\ngot  %v %d\nwant %v", seed, s.AppendJSON(nil), got, n, want[i])
				}
			}
			if rng.IntN(4) == 0 {
				txn.Abort(errors.New("as the test wants it"))
				continue
			}
			if err := txn.Commit(ctx); err != nil {
				t.Fatal(err)
			}
			m = next
		}
	})
}

func TestSteps(t *testing.T) {
	eachBackend(t, func(t *testing.T, b store.Backend) {
		mustRun(t, b, true, putRows(
			table.Record{"id": "1", "a": "x", "u": "one", "tags": []any{"s", "t"}}, table.Record{"id": "2", "a": "x", "u": nil},
			table.Record{"id": "3", "a": nil, "u": nil, "tags": []any{"t", "t"}}, table.Record{"id": "4", "u": "four"}))

		t.Run("get gives rows in the keys' order, with holes", func(t *testing.T) {
			r := mustRun(t, b, false, store.Step{Op: store.OpGet, Store: "row", Keys: []store.Key{"4", "none", "1", "4"}})[0]
			if len(r.Rows) != 4 || r.Rows[0].ID() != "4" || r.Rows[1] != nil || r.Rows[2]["u"] != "one" || r.Rows[3].ID() != "4" {
				t.Errorf("got %v", r.Rows)
			}
		})
		t.Run("lookup gives the rows under each key, by their own key", func(t *testing.T) {
			look := func(index string, keys ...store.Key) string {
				groups := mustRun(t, b, false, store.Step{Op: store.OpLookup, Store: "row", Index: index, Keys: keys})[0].Groups
				text := ""
				for _, g := range groups {
					text += fmt.Sprint(ids(g))
				}
				return text
			}
			for _, c := range []struct{ index, want string }{{"a", "[1 2][][3 4]"}, {"u", "[][][]"}, {"tags", "[][1 3][]"}} {
				if got := look(c.index, "x", "t", nil); got != c.want {
					t.Errorf("%s: %s, want %s", c.index, got, c.want)
				}
			}
		})
		t.Run("an added key that is there, and a unique value that is, undo the transaction", func(t *testing.T) {
			for what, step := range map[string]store.Step{
				"add": {Op: store.OpAdd, Store: "row", Values: []table.Record{{"id": "6"}, {"id": "1"}}, Encode: encode},
				"put": putRows(table.Record{"id": "6"}, table.Record{"id": "7", "u": "one"}),
			} {
				_, err := run(b, true, putRows(table.Record{"id": "5"}), step)
				if table.CodeOf(err) != table.CodeConstraint {
					t.Errorf("%s: %v, want code constraint", what, err)
				}
			}
			if rows := mustRun(t, b, false, getAll("", nil))[0].Rows; !slices.Equal(ids(rows), []string{"1", "2", "3", "4"}) {
				t.Errorf("it left %v", ids(rows))
			}
		})
		t.Run("a unique value may move to another row within a transaction, and nulls are never equal", func(t *testing.T) {
			mustRun(t, b, true, putRows(table.Record{"id": "1", "u": "moved"}), putRows(table.Record{"id": "2", "u": "one"}), putRows(table.Record{"id": "8", "u": nil}))
			if rows := mustRun(t, b, false, getAll("u", nil))[0].Rows; !slices.Equal(ids(rows), []string{"4", "1", "2"}) {
				t.Errorf("the index has %v", ids(rows))
			}
		})
		t.Run("numbers are given to rows without a key, and to each one once", func(t *testing.T) {
			add := store.Step{Op: store.OpAdd, Store: "log", Values: []table.Record{{"of": "a"}, {"of": "b"}}}
			if _, err := run(b, true, add, store.Step{Op: store.OpAdd, Store: "log", Values: []table.Record{{"seq": 1.0}}}); err == nil {
				t.Error("a number was given twice")
			}
			mustRun(t, b, true, add)
			rows := mustRun(t, b, false, store.Step{Op: store.OpGetAll, Store: "log", Index: "of", Take: table.All})[0].Rows
			first, _ := rows[0]["seq"].(float64)
			if second, _ := rows[1]["seq"].(float64); len(rows) != 2 || first < 1 || second <= first {
				t.Errorf("got %v", rows)
			}
		})
		t.Run("a read transaction writes nothing", func(t *testing.T) {
			if _, err := run(b, false, putRows(table.Record{"id": "9"})); err == nil {
				t.Error("it is no error")
			}
		})
		t.Run("stores outside the transaction, and those that are not there, are errors", func(t *testing.T) {
			txn, err := b.Begin(ctx, false, []string{"log"})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := txn.Run(ctx, []store.Step{getAll("", nil)}); err == nil {
				t.Error("a store outside the transaction was read")
			}
			txn.Abort(nil)
			if _, err := b.Begin(ctx, false, []string{"nothing"}); err == nil {
				t.Error("a transaction over a store that is not there has begun")
			}
		})
		t.Run("Finish commits, and after it nothing runs", func(t *testing.T) {
			txn, err := b.Begin(ctx, true, []string{"row"})
			if err != nil {
				t.Fatal(err)
			}
			if err := txn.Finish(ctx, []store.Step{putRows(table.Record{"id": "finished"})}); err != nil {
				t.Fatal(err)
			}
			if _, err := txn.Run(ctx, []store.Step{getAll("", nil)}); err == nil {
				t.Error("a program ran after the end")
			}
			txn.Abort(nil)
			if mustRun(t, b, false, store.Step{Op: store.OpGet, Store: "row", Keys: []store.Key{"finished"}})[0].Rows[0] == nil {
				t.Error("it is not there")
			}
		})
		t.Run("a context that has ended keeps nothing", func(t *testing.T) {
			ended, cancel := context.WithCancel(ctx)
			txn, err := b.Begin(ended, true, []string{"row"})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := txn.Run(ended, []store.Step{putRows(table.Record{"id": "late"})}); err != nil {
				t.Fatal(err)
			}
			cancel()
			if err := txn.Commit(ended); table.CodeOf(err) != table.CodeAborted {
				t.Errorf("the commit gave %v", err)
			}
			txn.Abort(nil)
			if mustRun(t, b, false, store.Step{Op: store.OpGet, Store: "row", Keys: []store.Key{"late"}})[0].Rows[0] != nil {
				t.Error("it is there")
			}
		})
		t.Run("writers of a store take turns in the order of their beginning", func(t *testing.T) {
			first, err := b.Begin(ctx, true, []string{"row"})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := first.Run(ctx, []store.Step{putRows(table.Record{"id": "turn", "a": 1.0})}); err != nil {
				t.Fatal(err)
			}
			done := make(chan error, 1)
			go func() {
				_, err := run(b, true, putRows(table.Record{"id": "turn", "a": 2.0}))
				done <- err
			}()
			if err := cmp.Or(first.Commit(ctx), <-done); err != nil {
				t.Fatal(err)
			}
			if row := mustRun(t, b, false, store.Step{Op: store.OpGet, Store: "row", Keys: []store.Key{"turn"}})[0].Rows[0]; row["a"] != 2.0 {
				t.Errorf("the first came last: %v", row)
			}
		})
	})
}

// TestManyRowsUnderOneKey reads more rows with one key than are read at once, forwards and backwards, and from among them.
func TestManyRowsUnderOneKey(t *testing.T) {
	const n = 5200
	eachBackend(t, func(t *testing.T, b store.Backend) {
		rows := make([]table.Record, n)
		for i := range rows {
			rows[i] = table.Record{"id": fmt.Sprintf("%04d", i), "a": i < n-3, "b": strconv.Itoa(i % 7)}
		}
		mustRun(t, b, true, putRows(rows...))
		filter, err := table.ParseFilter("b ne '3'")
		if err != nil {
			t.Fatal(err)
		}
		after := []*store.Range{{Lower: []store.Key{true}, After: "4300"}}
		before := []*store.Range{{Upper: []store.Key{true}, After: "4300"}}
		// from gives the ids of the rows that the filter leaves, from the first to the last, which may be the smaller.
		from := func(first, last int) (list []string) {
			for i := min(first, last); i <= max(first, last); i++ {
				if i%7 != 3 {
					list = append(list, rows[i].ID())
				}
			}
			if first > last {
				slices.Reverse(list)
			}
			return list
		}
		for what, c := range map[string]struct {
			scan store.Scan
			want []string
		}{
			"all":                   {store.Scan{Index: "a"}, slices.Concat(from(n-3, n-1), from(0, n-4))},
			"one key":               {store.Scan{Index: "a", Ranges: []*store.Range{store.Only(true)}}, from(0, n-4)},
			"descending":            {store.Scan{Index: "a", Direction: store.Descending}, slices.Concat(from(0, n-4), from(n-3, n-1))},
			"backwards":             {store.Scan{Index: "a", Direction: store.Backward}, slices.Concat(from(n-4, 0), from(n-1, n-3))},
			"from among them":       {store.Scan{Index: "a", Ranges: after}, from(4301, n-4)},
			"descending from there": {store.Scan{Index: "a", Ranges: before, Direction: store.Descending}, slices.Concat(from(4301, n-4), from(n-3, n-1))},
			"backwards from there":  {store.Scan{Index: "a", Ranges: before, Direction: store.Backward}, slices.Concat(from(4299, 0), from(n-1, n-3))},
		} {
			for _, take := range []int{table.All, 40, 4100} {
				find := &store.Find{Scans: []store.Scan{c.scan}, Filter: filter, Take: take}
				r := mustRun(t, b, false, store.Step{Op: store.OpQuery, Store: "row", Find: find}, store.Step{Op: store.OpCount, Store: "row", Find: find})
				want := c.want
				if take >= 0 {
					want = want[:min(take, len(want))]
				}
				if got := ids(r[0].Rows); !slices.Equal(got, want) || r[1].Count != len(want) {
					t.Errorf("%s, take %d: got %d rows, counted %d, want %d; from %s to %s", what, take, len(got), r[1].Count, len(want),
						got[:min(3, len(got))], got[max(0, len(got)-3):])
				}
			}
		}
	})
}
