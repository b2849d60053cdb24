package table_test

import (
	"reflect"
	"testing"

	"github.com/larder-sync/larder/table"
	"github.com/larder-sync/larder/table/tabletest"
)

// FuzzParseQuery reads queries as apps build them. What is read can be checked, applied, printed, and read again.
func FuzzParseQuery(f *testing.F) {
	suites := tabletest.Read(f, "testdata/query")
	for _, s := range suites {
		for _, c := range s.Cases {
			for _, q := range []any{c.Query, c.Also} {
				if q != nil {
					f.Add(string(table.AppendJSON(nil, q)))
				}
			}
		}
	}
	var v refusedVectors
	vectors(f, "refused.json", &v)
	for _, c := range v.Unreadable {
		f.Add(string(table.AppendJSON(nil, c.Query)))
	}
	f.Fuzz(func(t *testing.T, text string) {
		value, err := table.ParseJSON([]byte(text))
		if err != nil {
			return
		}
		q, err := table.ParseQuery(value)
		if err != nil {
			if table.CodeOf(err) != table.CodeQuery {
				t.Fatalf("%s: %v has another code than query", text, err)
			}
			return
		}
		for _, s := range suites {
			if err := q.Check(s.Schema); err == nil {
				q.Apply(s.Records)
			} else if table.CodeOf(err) != table.CodeQuery {
				t.Fatalf("%s: %v has another code than query", text, err)
			}
		}
		if q.Filter == nil {
			return
		}
		printed := table.FilterText(q.Filter)
		if len(printed) > table.MaxFilter {
			return
		}
		again, err := table.ParseFilter(printed)
		if err == nil && !reflect.DeepEqual(again, q.Filter) {
			t.Fatalf("%s is printed as %s, which is read as %v", text, printed, again)
		}
		if err != nil && table.CodeOf(err) != table.CodeQuery {
			t.Fatalf("%s is printed as %s: %v", text, printed, err)
		}
	})
}

// FuzzParseDatabase reads schemas. One that is read is sound, and takes records and refuses them without a panic.
func FuzzParseDatabase(f *testing.F) {
	for _, text := range []string{
		`{"version":2,"tables":{"todoitem":{"columns":{"text":"string","complete":"boolean"},
			"indexes":["complete",["complete","text"],{"columns":["text"],"unique":true}],"dynamic":false}}}`,
		`{"tables":{"a":{"columns":{"tags":"json","__proto__":"date"},"indexes":[{"columns":"tags","multiEntry":true}]},
			"b":{"dynamicSchema":true}}}`,
		`{"version":0}`, `{"tables":{"a b":{}}}`, `{"tables":{"a":{"columns":{"id":"number"}}}}`, `{"tables":{"a":{},"A":{}}}`,
	} {
		f.Add(text, `{"id":"1","text":"x","tags":[1,"a"],"complete":null}`)
	}
	f.Fuzz(func(t *testing.T, text, row string) {
		value, err := table.ParseJSON([]byte(text))
		if err != nil {
			return
		}
		d, err := table.ParseDatabase(value)
		if err != nil {
			if table.CodeOf(err) != table.CodeInvalid {
				t.Fatalf("%s: %v has another code than invalid", text, err)
			}
			return
		}
		r, unread := table.ParseRecord([]byte(row))
		for _, s := range d.Tables {
			if err := s.Validate(); err != nil || d.Table(s.Name) != s {
				t.Fatalf("%s: table %s is read and not sound: %v", text, s.Name, err)
			}
			if unread != nil {
				continue
			}
			once, err := s.Normalize(r)
			if (err == nil) != (s.Check(r) == nil) {
				t.Fatalf("%s: table %s: to check and to normalise %v differ: %v", text, s.Name, r, err)
			}
			if err != nil {
				continue
			}
			if twice, err := s.Normalize(once); err != nil || !reflect.DeepEqual(once, twice) {
				t.Fatalf("%s: table %s: %v is normalised to %v, and that to %v (%v)", text, s.Name, r, once, twice, err)
			}
		}
	})
}
