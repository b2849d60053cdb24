//go:build js && wasm

package idb_test

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/larder-sync/larder/wasm/idb"
)

type task struct {
	ID   string   `json:"id"`
	Done *bool    `json:"done"`
	Rank int      `json:"rank"`
	Tags []string `json:"tags,omitempty"`
}

var tasks = idb.Rows[task]{
	Store:  "todo",
	Encode: []string{"done", "rank"},
	Append: func(dst []byte, row *task) ([]byte, error) {
		text, err := json.Marshal(row)
		return append(dst, text...), err
	},
	Parse: func(text string, row *task) error { return json.Unmarshal([]byte(text), row) },
}

func ids(rows []task) string {
	var b strings.Builder
	for _, r := range rows {
		b.WriteString(r.ID)
	}
	return b.String()
}

func TestRows(t *testing.T) {
	db, ctx := open(t), background(t)
	run(t, db, shelf)
	t.Run("what is selected", func(t *testing.T) {
		for _, tt := range []struct {
			sel  idb.Select
			want string
		}{
			{idb.Select{}, "abcdef"},
			{idb.Select{Prev: true, Take: 2}, "fe"},
			{idb.Select{Skip: 4}, "ef"},
			{idb.Select{Query: "c"}, "c"},
			{idb.Select{Query: idb.Range{Lower: "b", Upper: "d", LowerOpen: true}}, "cd"},
			{idb.Select{Index: "done", Query: false}, "bf"},
			{idb.Select{Index: "done,rank", Query: idb.Range{Lower: []any{true, 3}}}, "a"},
			{idb.Select{Index: "done,rank", Query: idb.Range{Upper: []any{nil, 4}, UpperOpen: true}}, "d"},
			{idb.Select{Query: "no"}, ""},
		} {
			rows, err := tasks.Read(ctx, db, tt.sel)
			is(t, err, nil)
			same(t, "read", ids(rows), tt.want)
			is(t, db.View(ctx, []string{"todo"}, func(tx *idb.Tx) error {
				rows, err := tasks.All(ctx, tx, tt.sel)
				same(t, "all", ids(rows), tt.want)
				return err
			}), nil)
		}
	})
	t.Run("put, add, get and delete many", func(t *testing.T) {
		is(t, db.Update(ctx, []string{"todo"}, func(tx *idb.Tx) error {
			yes := true
			if err := errors.Join(tasks.Put(ctx, tx, task{ID: "g", Done: &yes, Rank: 7}, task{ID: "h\"\\"}), tasks.Add(ctx, tx, task{ID: "i"})); err != nil {
				return err
			}
			is(t, tasks.Add(ctx, tx, task{ID: "i"}), idb.ErrConstraint)
			rows, there, err := tasks.Get(ctx, tx, "h\"\\", "nobody", "g")
			if !slices.Equal(there, []bool{true, false, true}) || rows[0].ID != "h\"\\" || rows[2].Rank != 7 || !*rows[2].Done {
				t.Errorf("got %v, %v", rows, there)
			}
			if err := errors.Join(err, tasks.Delete(ctx, tx, "g", "h\"\\", "i", "nobody")); err != nil {
				return err
			}
			all, err := tasks.All(ctx, tx, idb.Select{})
			same(t, "what is left", ids(all), "abcdef")
			return err
		}), nil)
	})
	t.Run("fetch needs no transaction", func(t *testing.T) {
		rows, there, err := tasks.Fetch(ctx, db, "nobody", "b")
		if err != nil || !slices.Equal(there, []bool{false, true}) || rows[1].Rank != 5 {
			t.Errorf("got %v, %v, %v", rows, there, err)
		}
	})
	t.Run("change reads, changes and writes back", func(t *testing.T) {
		is(t, tasks.Change(ctx, db, []any{"a", "nobody", "b", "c"}, func(row *task) (bool, error) {
			row.Rank += 100
			return row.ID != "b", nil
		}), nil)
		rows, err := tasks.Read(ctx, db, idb.Select{Index: "done,rank"})
		is(t, err, nil)
		if got := rows[len(rows)-1]; got.ID != "a" || got.Rank != 106 || rows[2].Rank != 1 {
			t.Errorf("got %v", rows)
		}
	})
	t.Run("change keeps nothing when it fails", func(t *testing.T) {
		before := run(t, db, `[{"op":"getAll","store":"todo"}]`)
		is(t, tasks.Change(ctx, db, []any{"a", "b"}, func(row *task) (bool, error) {
			row.Rank = 0
			if row.ID == "b" {
				return true, errMine
			}
			return true, nil
		}), errMine)
		wantRun(t, db, `[{"op":"getAll","store":"todo"}]`, before)
	})
	t.Run("a row that cannot be read or written is the caller's error", func(t *testing.T) {
		bad := tasks
		bad.Parse = func(string, *task) error { return errMine }
		bad.Append = func([]byte, *task) ([]byte, error) { return nil, errMine }
		_, err := bad.Read(ctx, db, idb.Select{})
		is(t, err, errMine)
		is(t, db.Update(ctx, []string{"todo"}, func(tx *idb.Tx) error { return bad.Put(ctx, tx, task{ID: "x"}) }), errMine)
		_, err = tasks.Read(ctx, db, idb.Select{Query: struct{}{}})
		is(t, err, idb.ErrData)
	})
}

func TestElements(t *testing.T) {
	for _, tt := range []struct{ array, want string }{
		{`[]`, ""}, {`[1]`, "1"}, {`[1,2]`, "1|2"}, {`[[1,2],{"a":[3,{}]},"],\"[",null]`, `[1,2]|{"a":[3,{}]}|"],\"["|null`},
		{``, ""}, {`7`, ""}, {`[1,"open`, "1"}, {`["a\\",2]`, `"a\\"|2`},
	} {
		var found []string
		for e := range idb.Elements([]byte(tt.array)) {
			found = append(found, string(e))
		}
		same(t, tt.array, strings.Join(found, "|"), tt.want)
	}
}

func TestManyValues(t *testing.T) {
	db := plainStore(t, idb.StoreOptions{KeyPath: "id"})
	in(t, db, func(ctx context.Context, s *idb.Store) error {
		date := expression("new Date(5)")
		if err := s.PutMany(ctx, expression("[{id: 1, blob: new Uint8Array([1])}, {id: new Date(5), big: 7n}, {id: 'c'}]")); err != nil {
			return err
		}
		is(t, s.AddMany(ctx, object(`[{"id":"d"},{"id":"c"}]`)), idb.ErrConstraint)
		is(t, s.PutMany(ctx, expression("[{id: 'e', f: () => 1}]")), idb.ErrDataClone)
		got, err := s.GetMany(ctx, 1, "nobody", date)
		if err != nil {
			return err
		}
		if got.Length() != 3 || got.Index(0).Get("blob").Get("byteLength").Int() != 1 || !got.Index(1).IsNull() || got.Index(2).Get("id").Call("getTime").Int() != 5 {
			t.Error("not what was put")
		}
		_, err = s.GetMany(ctx, 1, false)
		is(t, err, idb.ErrData)
		is(t, s.DeleteMany(ctx, nil), idb.ErrData)
		if err := s.DeleteMany(ctx, 1, date, "nobody"); err != nil {
			return err
		}
		same(t, "what is left", keysOf(ctx, t, s), `["c","d"]`)
		_, err = s.Tx().RunValues(ctx, expression("7"))
		is(t, err, named("TypeError"))
		answer, err := s.Tx().RunValues(ctx, expression("[{op: 'count', store: 's'}, {op: 'get', store: 's', keys: ['c']}]"))
		want(t, "the answer", answer, `[2,[{"id":"c"}]]`)
		return err
	})
}
