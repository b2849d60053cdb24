package table_test

import (
	"math"
	"reflect"
	"strings"
	"testing"

	"github.com/larder-sync/larder/table"
)

const declared = `{
	"version": 2,
	"migrate": {},
	"tables": {
		"todoitem": {
			"columns": {"text": "string", "complete": "boolean", "due": "date", "cost": "number", "priority": "integer", "tags": "json"},
			"indexes": ["complete", ["complete", "due"], {"columns": ["text"], "unique": true}, {"columns": "tags", "multiEntry": true}, "updatedAt"]
		},
		"any": {"dynamic": true, "indexes": [["x", "id"]]},
		"azure": {"columns": {"Flag": "bool", "at": "datetime", "on": "Date/Time", "id": "string", "version": "string", "deleted": "boolean",
			"createdAt": "date", "updatedAt": "datetime"}, "dynamicSchema": false, "softDelete": true, "perUser": true}
	}
}`

func database(t testing.TB) *table.Database {
	t.Helper()
	v, err := table.ParseJSON([]byte(declared))
	if err != nil {
		t.Fatal(err)
	}
	d, err := table.ParseDatabase(v)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestParseDatabase(t *testing.T) {
	t.Run("reads tables sorted by name, with sorted columns", func(t *testing.T) {
		want := &table.Database{Version: 2, Tables: []*table.Schema{
			{Name: "any", Dynamic: true, Indexes: []table.Index{{Columns: []string{"x", "id"}}}},
			{Name: "azure", Columns: []table.Column{{Name: "Flag", Type: table.TypeBoolean}, {Name: "at", Type: table.TypeDate}, {Name: "on", Type: table.TypeDate}}},
			{Name: "todoitem", Columns: []table.Column{{Name: "complete", Type: table.TypeBoolean}, {Name: "cost", Type: table.TypeNumber},
				{Name: "due", Type: table.TypeDate}, {Name: "priority", Type: table.TypeInteger}, {Name: "tags", Type: table.TypeJSON},
				{Name: "text", Type: table.TypeString}},
				Indexes: []table.Index{{Columns: []string{"complete"}}, {Columns: []string{"complete", "due"}},
					{Columns: []string{"text"}, Unique: true}, {Columns: []string{"tags"}, MultiEntry: true}, {Columns: []string{"updatedAt"}}}},
		}}
		if got := database(t); !reflect.DeepEqual(got, want) {
			t.Errorf("got %s", table.AppendJSON(nil, got.Tables[2].IndexedColumns()))
			for i, s := range got.Tables {
				t.Errorf("got  %+v\nwant %+v", s, want.Tables[i])
			}
		}
	})
	t.Run("finds tables, columns and indexed columns", func(t *testing.T) {
		d := database(t)
		s := d.Table("todoitem")
		if s == nil || d.Table("Todoitem") != nil {
			t.Fatal("tables are found by their exact names")
		}
		for name, want := range map[string]table.Type{"text": table.TypeString, "id": table.TypeString, "updatedAt": table.TypeDate, "deleted": table.TypeBoolean, "x": ""} {
			c, ok := s.Column(name)
			if c.Type != want || ok != (want != "") {
				t.Errorf("%s: got %v, %v", name, c, ok)
			}
		}
		if got, want := s.IndexedColumns(), []string{"complete", "due", "tags", "text", "updatedAt"}; !reflect.DeepEqual(got, want) {
			t.Errorf("got %v", got)
		}
		if got := s.Indexes[1].Name(); got != "complete+due" {
			t.Errorf("got %s", got)
		}
	})
	t.Run("a missing version is 1, and there may be no tables", func(t *testing.T) {
		if d, err := table.ParseDatabase(map[string]any{}); err != nil || d.Version != 1 || d.Tables != nil {
			t.Errorf("got %v, %v", d, err)
		}
	})
	t.Run("refuses what is not sound", func(t *testing.T) {
		for _, text := range []string{
			`null`, `[]`, `{"version":0}`, `{"version":1.5}`, `{"version":"1"}`, `{"tables":[]}`, `{"tables":{"t":null}}`, `{"tables":{"a b":{}}}`, `{"tables":{"":{}}}`,
			`{"tables":{"1a":{}}}`, `{"tables":{"t":{},"T":{}}}`, `{"tables":{"` + strings.Repeat("t", 129) + `":{}}}`,
			`{"tables":{"t":{"columns":[]}}}`, `{"tables":{"t":{"columns":{"a":"varchar"}}}}`, `{"tables":{"t":{"columns":{"a":null}}}}`,
			`{"tables":{"t":{"columns":{"a-b":"string"}}}}`, `{"tables":{"t":{"columns":{"a":"string","A":"string"}}}}`,
			`{"tables":{"t":{"columns":{"id":"integer"}}}}`, `{"tables":{"t":{"columns":{"ID":"string"}}}}`, `{"tables":{"t":{"columns":{"Deleted":"boolean"}}}}`,
			`{"tables":{"t":{"indexes":"a"}}}`, `{"tables":{"t":{"indexes":["a"]}}}`, `{"tables":{"t":{"dynamic":true,"indexes":["a b"]}}}`,
			`{"tables":{"t":{"indexes":[[]]}}}`, `{"tables":{"t":{"indexes":[["id","id"]]}}}`, `{"tables":{"t":{"indexes":["id",["id"]]}}}`,
			`{"tables":{"t":{"indexes":[1]}}}`, `{"tables":{"t":{"indexes":[[1]]}}}`, `{"tables":{"t":{"indexes":[{"columns":"id","unique":1}]}}}`,
			`{"tables":{"t":{"indexes":[{"columns":"id","multiEntry":true}]}}}`, `{"tables":{"t":{"columns":{"a":"json"},"indexes":["a"]}}}`,
			`{"tables":{"t":{"columns":{"a":"json","b":"json"},"indexes":[{"columns":["a","b"],"multiEntry":true}]}}}`,
			`{"tables":{"t":{"indexes":[{"unique":true}]}}}`, `{"tables":{"t":{"dynamic":"yes"}}}`,
		} {
			v, err := table.ParseJSON([]byte(text))
			if err != nil {
				t.Fatal(err)
			}
			if d, err := table.ParseDatabase(v); table.CodeOf(err) != table.CodeInvalid {
				t.Errorf("%s: got %v, %v", text, d, err)
			}
		}
	})
}

func TestCheck(t *testing.T) {
	d := database(t)
	todo, dynamic := d.Table("todoitem"), d.Table("any")
	t.Run("takes ids that every part can carry", func(t *testing.T) {
		for _, id := range []string{"a", "01939e0a-5c11-7a3e-8f00-2f1d9b0c7e55", "é😀 x", "a.b", "...", "'%&#", strings.Repeat("x", 255), "\uFFFD"} {
			if err := todo.Check(table.Record{"id": id}); err != nil {
				t.Errorf("%q: %v", id, err)
			}
		}
		for _, id := range []any{"", ".", "..", "a\x00", "a\nb", "\x7f", "\u0085", `a"b`, "a+b", "a?b", `a\b`, "a/b", "a`b", strings.Repeat("x", 256),
			strings.Repeat("😀", 128), "\xff", nil, 1.0, true} {
			if err := todo.Check(table.Record{"id": id}); table.CodeOf(err) != table.CodeInvalid {
				t.Errorf("%q: got %v, want an error", id, err)
			}
		}
		if err := todo.Check(table.Record{"text": "x"}); table.CodeOf(err) != table.CodeInvalid {
			t.Errorf("no id: got %v", err)
		}
	})
	t.Run("takes the values of each type, and null", func(t *testing.T) {
		good := map[string][]any{
			"text": {"", "é😀"}, "complete": {true, false}, "cost": {0.0, -1.5, 1e300, 1e21, 5, int64(7), uint64(9), math.MaxFloat64},
			"priority": {0.0, -7.0, float64(table.MaxSafeInteger), 3, int64(-table.MaxSafeInteger)},
			"due":      {"2026-11-21", "2026-11-21T08:00Z", "2026-11-21T08:00:00.000+01:00"},
			"tags":     {"x", 1.0, true, []any{"a", nil, []any{}}, map[string]any{"a": map[string]any{}}, []string{"a"}, table.Record{"a": 1}},
		}
		bad := map[string][]any{
			"text": {1.0, true, "\x00", "\xff", []any{}}, "complete": {"true", 1.0}, "cost": {"1", math.NaN(), math.Inf(1), 1e20, uint64(1 << 60), true},
			"priority": {1.5, 9007199254740992.0, -9007199254740992.0, "1", int64(1 << 60), math.NaN()},
			"due":      {"today", "2026-11-21T08:00", 0.0, "2026-02-29", true},
			"tags": {[]any{math.NaN()}, map[string]any{"\x00": 1.0}, []any{"\xff"}, make(chan int), []any{struct{}{}}, map[string]any{"a": []any{1e17}},
				cyclic()},
		}
		for name := range good {
			for _, v := range append(good[name], nil) {
				if err := todo.Check(table.Record{"id": "a", name: v}); err != nil {
					t.Errorf("%s %v: %v", name, v, err)
				}
			}
			for i, v := range bad[name] {
				if err := todo.Check(table.Record{"id": "a", name: v}); table.CodeOf(err) != table.CodeInvalid || !strings.Contains(err.Error(), name) {
					t.Errorf("%s, bad value %d: got %v, want an error", name, i, err)
				}
			}
		}
	})
	t.Run("takes undeclared columns only where the table is dynamic", func(t *testing.T) {
		r := table.Record{"id": "a", "x": 1.0, "y": []any{"z"}}
		if err := todo.Check(r); table.CodeOf(err) != table.CodeInvalid {
			t.Errorf("got %v", err)
		}
		if err := dynamic.Check(r); err != nil {
			t.Error(err)
		}
		for _, name := range []string{"a b", "", "1", "__proto__.x", "Version", "ID", "updatedat"} {
			if err := dynamic.Check(table.Record{"id": "a", name: 1.0}); table.CodeOf(err) != table.CodeInvalid {
				t.Errorf("%q: got %v, want an error", name, err)
			}
		}
	})
	t.Run("passes over system columns, but for a version that is not text", func(t *testing.T) {
		if err := todo.Check(table.Record{"id": "a", "createdAt": 1.0, "updatedAt": "x", "deleted": "y", "version": "k-1"}); err != nil {
			t.Error(err)
		}
		if err := todo.Check(table.Record{"id": "a", "version": 1.0}); table.CodeOf(err) != table.CodeInvalid {
			t.Errorf("got %v", err)
		}
	})
}

func cyclic() any {
	m := map[string]any{}
	m["m"] = m
	return m
}

func TestNormalize(t *testing.T) {
	d := database(t)
	t.Run("gives the stored form and leaves its argument alone", func(t *testing.T) {
		tags := []any{1, []string{"a"}, map[string]any{"n": int64(2), "z": math.Copysign(0, -1)}}
		r := table.Record{"id": "a", "due": "2026-11-21T09:30:00.1234567+01:30", "cost": 3, "priority": math.Copysign(0, -1), "text": nil, "tags": tags,
			"createdAt": "x", "updatedAt": "y", "deleted": true, "version": "k-1"}
		got, err := d.Table("todoitem").Normalize(r)
		want := table.Record{"id": "a", "due": "2026-11-21T08:00:00.123Z", "cost": 3.0, "priority": 0.0, "text": nil,
			"tags": []any{1.0, []any{"a"}, map[string]any{"n": 2.0, "z": 0.0}}, "version": "k-1"}
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("got %v, %v", got, err)
		}
		if math.Signbit(got["priority"].(float64)) || math.Signbit(got["tags"].([]any)[2].(map[string]any)["z"].(float64)) {
			t.Error("minus zero is kept")
		}
		if r["due"] != "2026-11-21T09:30:00.1234567+01:30" || tags[0] != 1 || len(r) != 10 {
			t.Errorf("the argument became %v", r)
		}
	})
	t.Run("a null version is none", func(t *testing.T) {
		got, err := d.Table("any").Normalize(table.Record{"id": "a", "version": nil, "x": 1})
		if want := (table.Record{"id": "a", "x": 1.0}); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("got %v, %v", got, err)
		}
	})
	t.Run("is the same when done twice", func(t *testing.T) {
		once, err := d.Table("todoitem").Normalize(table.Record{"id": "a", "due": "2026-11-21", "tags": []string{"x"}})
		if err != nil {
			t.Fatal(err)
		}
		twice, err := d.Table("todoitem").Normalize(once)
		if err != nil || !reflect.DeepEqual(once, twice) {
			t.Errorf("%v became %v (%v)", once, twice, err)
		}
	})
}

func BenchmarkNormalize(b *testing.B) {
	s := &table.Schema{Name: "t", Columns: []table.Column{{Name: "complete", Type: table.TypeBoolean}, {Name: "cost", Type: table.TypeNumber},
		{Name: "due", Type: table.TypeDate}, {Name: "note", Type: table.TypeString}, {Name: "priority", Type: table.TypeInteger}, {Name: "text", Type: table.TypeString}}}
	r := record(b, row)
	b.ReportAllocs()
	for b.Loop() {
		sink, _ = s.Normalize(r)
	}
}
