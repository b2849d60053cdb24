package table_test

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"github.com/larder-sync/larder/table"
)

// everyType is a schema with a column of each type.
func everyType(dynamic bool) *table.Schema {
	return &table.Schema{Name: "things", Dynamic: dynamic, Columns: []table.Column{
		{Name: "b", Type: table.TypeBoolean}, {Name: "d", Type: table.TypeDate}, {Name: "i", Type: table.TypeInteger},
		{Name: "j", Type: table.TypeJSON}, {Name: "n", Type: table.TypeNumber}, {Name: "s", Type: table.TypeString},
	}}
}

// checkRows reads an array of records as rows, and compares them with what reading and normalising records makes of it.
func checkRows(t *testing.T, s *table.Schema, data string) []table.Row {
	t.Helper()
	rows, err := s.ParseRows([]byte(data))
	value, wantErr := table.ParseJSON([]byte(data))
	list, isList := value.([]any)
	for _, item := range list {
		_, isObject := item.(map[string]any)
		isList = isList && isObject
	}
	if (err == nil) != (wantErr == nil && isList) {
		t.Fatalf("%s: got error %v, and %v of values", data, err, wantErr)
	}
	if err != nil {
		if table.CodeOf(err) != table.CodeInvalid {
			t.Fatalf("%s: %v has another code than invalid", data, err)
		}
		return nil
	}
	if len(rows) != len(list) {
		t.Fatalf("%s: %d rows instead of %d", data, len(rows), len(list))
	}
	for i, row := range rows {
		want := table.Record(list[i].(map[string]any))
		if row.ID != want.ID() || (row.Text != "") != (row.Record == nil) {
			t.Fatalf("%s: got %+v", data, row)
		}
		if row.Text == "" {
			continue
		}
		normal, err := s.Normalize(want)
		if err != nil || !reflect.DeepEqual(normal, want) {
			t.Fatalf("%s stays text, but is normalised to %v, %v", row.Text, normal, err)
		}
		var library map[string]any // reads as JavaScript does, −0 included
		if err := json.Unmarshal([]byte(row.Text), &library); err != nil || string(table.AppendJSON(nil, library)) != string(table.AppendJSON(nil, want)) {
			t.Fatalf("%s: the library reads %v, %v", row.Text, library, err)
		}
		if got := row.Open(); !reflect.DeepEqual(got, want) {
			t.Fatalf("%s opens as %v", row.Text, got)
		}
	}
	return rows
}

func TestParseRows(t *testing.T) {
	static, dynamic := everyType(false), everyType(true)
	t.Run("what is stored as it is stays text", func(t *testing.T) {
		for _, record := range []string{
			`{"id":"1"}`, `{"s":"a","id":"1"}`, `{"id":"1","b":true,"d":"2026-11-21T08:00:00.000Z","i":-5,"j":[{"x":[]}],"n":1.5,"s":"é"}`,
			`{ "s" : null, "n":null,"j":null,"i":null,"d":null,"b":null , "id":"1"}`, `{"id":"1","s":"\ud83d\ude00\n"}`, `{"id":"\u0031"}`,
		} {
			rows := checkRows(t, static, "["+record+" , "+record+"]")
			for _, row := range rows {
				if row.Text != record {
					t.Errorf("%s became %+v", record, row)
				}
			}
		}
		if rows := checkRows(t, dynamic, `[{"id":"1","other":{"x":1}}]`); rows[0].Text == "" {
			t.Error("an undeclared column of a dynamic table has to be opened")
		}
	})
	t.Run("what changes or is refused becomes a record", func(t *testing.T) {
		for _, record := range []string{
			`{}`, `{"id":1}`, `{"id":"a/b"}`, `{"id":""}`, `{"id":"1","id":"2"}`, `{"id":"1","version":"v"}`, `{"id":"1","createdAt":null}`,
			`{"id":"1","d":"2026-11-21"}`, `{"id":"1","d":"tomorrow"}`, `{"id":"1","i":1.5}`, `{"id":"1","i":"1"}`, `{"id":"1","n":"1"}`,
			`{"id":"1","n":-0}`, `{"id":"1","j":-0.0}`, `{"id":"1","j":[-0]}`, `{"id":"1","s":1}`, `{"id":"1","b":1}`, `{"id":"1","b":"true"}`, `{"id":"1","other":1}`,
			`{"id":"1","j":` + strings.Repeat("[", table.MaxRecordDepth) + strings.Repeat("]", table.MaxRecordDepth) + `}`,
		} {
			for _, row := range checkRows(t, static, "["+record+"]") {
				if row.Text != "" {
					t.Errorf("%s stays text", record)
				}
			}
		}
		for _, row := range checkRows(t, dynamic, `[{"id":"1","S":1},{"id":"1","other":-0},{"id":"1","deleted":true},{"id":"1","a b":1}]`) {
			if row.Text != "" {
				t.Errorf("%s stays text", row.Text)
			}
		}
	})
	t.Run("a value as deep as a record may be is read", func(t *testing.T) {
		deep := strings.Repeat("[", table.MaxRecordDepth-1) + strings.Repeat("]", table.MaxRecordDepth-1)
		if rows := checkRows(t, static, `[{"id":"1","j":`+deep+`}]`); rows[0].Text == "" {
			t.Error("it has to be opened")
		}
	})
	t.Run("every value of the vectors, in a column of every type", func(t *testing.T) {
		var v jsonVectors
		vectors(t, "json.json", &v)
		for _, column := range []string{"id", "b", "d", "i", "j", "n", "s", "x"} {
			for _, c := range v.Good {
				checkRows(t, static, `[{"id":"1","`+column+`":`+c.In+`}]`)
				checkRows(t, dynamic, `[{"`+column+`":`+c.In+`,"id":"1"}]`)
			}
			for _, c := range v.Bad {
				checkRows(t, dynamic, `[{"id":"1","`+column+`":`+c.In+`}]`)
			}
		}
	})
	t.Run("what is no array of objects is refused", func(t *testing.T) {
		for _, data := range []string{``, `{}`, `[1]`, `[null]`, `[{}`, `[{}] 1`, `[[]]`, `[{"id":"1"}`, `[{"id":"1"},]`} {
			checkRows(t, static, data)
		}
	})
}

func FuzzParseRows(f *testing.F) {
	f.Add(`[{"id":"1","b":true,"d":"2026-11-21T08:00:00.000Z","i":-5,"j":[{"x":[]}],"n":1.5,"s":"é"}]`, false)
	f.Add(`[{"id":"1","version":"v","j":-0},{"x":1e9}]`, true)
	f.Fuzz(func(t *testing.T, data string, dynamic bool) { checkRows(t, everyType(dynamic), data) })
}

func BenchmarkParseRows1000(b *testing.B) {
	s := &table.Schema{Name: "todoitem", Columns: []table.Column{{Name: "complete", Type: table.TypeBoolean}, {Name: "cost", Type: table.TypeNumber},
		{Name: "due", Type: table.TypeDate}, {Name: "note", Type: table.TypeString}, {Name: "priority", Type: table.TypeInteger}, {Name: "text", Type: table.TypeString}}}
	record, _, _ := strings.Cut(row, `,"version"`)
	data := []byte("[" + strings.Repeat(record+"},", 999) + record + "}]")
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		if rows, err := s.ParseRows(data); err != nil || rows[999].Text == "" {
			b.Fatal(err)
		}
	}
}
