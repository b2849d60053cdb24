package table_test

import (
	"reflect"
	"testing"

	"github.com/larder-sync/larder/table"
)

func TestMergeVectors(t *testing.T) {
	var v struct {
		Merge []struct {
			Name                        string
			Base, Local, Server, Merged table.Record
			Conflicts                   []string
		}
		Diff []struct {
			Name               string
			Base, Record, Diff table.Record
		}
	}
	vectors(t, "merge.json", &v)
	for _, c := range v.Merge {
		t.Run(c.Name, func(t *testing.T) {
			before := table.AppendJSON(nil, []table.Record{c.Base, c.Local, c.Server})
			merged, conflicts := table.Merge(c.Base, c.Local, c.Server)
			if !reflect.DeepEqual(merged, c.Merged) || len(conflicts)+len(c.Conflicts) > 0 && !reflect.DeepEqual(conflicts, c.Conflicts) {
				t.Errorf("got %v with conflicts %q, want %v with %q", merged, conflicts, c.Merged, c.Conflicts)
			}
			if after := table.AppendJSON(nil, []table.Record{c.Base, c.Local, c.Server}); string(after) != string(before) {
				t.Errorf("the merge changed what it read: %s became %s", before, after)
			}
		})
	}
	for _, c := range v.Diff {
		t.Run(c.Name, func(t *testing.T) {
			if got := table.Diff(c.Base, c.Record); !reflect.DeepEqual(got, c.Diff) {
				t.Errorf("got %v, want %v", got, c.Diff)
			}
		})
	}
}

func TestEqual(t *testing.T) {
	a := record(t, `{"id":"1","a":{"x":[1,"s",true,null]},"b":null}`)
	for text, want := range map[string]bool{
		`{"id":"1","a":{"x":[1,"s",true,null]}}`:               true,
		`{"c":null,"a":{"x":[1,"s",true,null]},"id":"1"}`:      true,
		`{"id":"1","a":{"x":[1,"s",true]}}`:                    false,
		`{"id":"1","a":{"x":[1,"s",true,null],"y":null}}`:      false, // inside a value null is a value
		`{"id":"1","a":{"x":[1,"s",1,null]}}`:                  false,
		`{"id":"1","a":{"x":["1","s",true,null]}}`:             false,
		`{"id":"2","a":{"x":[1,"s",true,null]}}`:               false,
		`{"id":"1","a":{"x":[1,"s",true,null]},"b":0}`:         false,
		`{"id":"1","a":{"x":[1,"s",true,null]},"version":"1"}`: false,
		`{"id":"1"}`: false,
	} {
		b := record(t, text)
		if table.Equal(a, b) != want || table.Equal(b, a) != want {
			t.Errorf("%s: got %v", text, !want)
		}
		if same := reflect.DeepEqual(table.Canonical(a), table.Canonical(b)); same != want {
			t.Errorf("%s: canonical forms are equal: %v", text, same)
		}
	}
	if table.Equal(nil, table.Record{}) || !table.Equal(nil, nil) || table.Canonical(nil) != nil {
		t.Error("no record equals only no record")
	}
	if !table.Equal(table.Record{"a": map[string]any{}}, table.Record{"a": table.Record{}}) {
		t.Error("a Record is an object")
	}
}

func TestRebase(t *testing.T) {
	base := record(t, `{"id":"1","version":"b-1","a":1,"b":1,"c":1}`)
	local := record(t, `{"id":"1","version":"b-1","a":2,"b":1}`)
	server := record(t, `{"id":"1","version":"b-2","a":3,"b":4,"c":1,"d":5}`)
	want := record(t, `{"id":"1","version":"b-2","a":2,"b":4,"d":5}`)
	if got := table.Rebase(base, local, server); !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if got := table.Rebase(base, local, nil); !reflect.DeepEqual(got, local) {
		t.Errorf("gone on the server: got %v", got)
	}
	if got := table.Rebase(base, nil, server); got != nil {
		t.Errorf("deleted here: got %v", got)
	}
}
