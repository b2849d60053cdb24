// Package tabletest holds queries to the one meaning they have: the vectors in table/testdata/query, which other languages
// can run too, and random queries over random records. Whatever answers queries runs both, by [Vectors] and [Random].
package tabletest

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/larder-sync/larder/table"
)

// Open makes a table of the schema that holds the records, and returns what answers queries over it.
type Open func(t *testing.T, s *table.Schema, records []table.Record) Find

// Find returns the ids of the records that a query asks for, in its order. Its select is not to be looked at.
type Find func(q *table.Query) ([]string, error)

// IDs returns the records' ids.
func IDs(records []table.Record) []string {
	ids := make([]string, len(records))
	for i, r := range records {
		ids[i] = r.ID()
	}
	return ids
}

// Suite is one file of vectors: a table, and what queries find in it.
type Suite struct {
	Name    string
	Server  bool // it concerns what only servers keep: tombstones and the other system columns
	Schema  *table.Schema
	Records []table.Record
	Cases   []Case
}

// Case is one query. Also is a second way to write it, or nil.
type Case struct {
	Name        string
	Query, Also any // as [table.ParseQuery] takes it
	IDs         string
}

// Read reads the suites of a folder: that is table/testdata/query, wherever the test that asks stands.
func Read(t testing.TB, folder string) []*Suite {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(folder, "*.json"))
	if err != nil || len(files) == 0 {
		t.Fatalf("there are no vectors in %s (%v)", folder, err)
	}
	var suites []*Suite
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		v, err := table.ParseRecord(data)
		if err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		s := &Suite{Name: strings.TrimSuffix(filepath.Base(file), ".json")}
		s.Server, _ = v["server"].(bool)
		if s.Schema, err = table.ParseSchema("thing", v["table"]); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		for _, r := range v["records"].([]any) {
			s.Records = append(s.Records, r.(map[string]any))
		}
		for _, c := range v["cases"].([]any) {
			m := c.(map[string]any)
			s.Cases = append(s.Cases, Case{Name: m["name"].(string), Query: m["query"], Also: m["also"], IDs: m["ids"].(string)})
		}
		suites = append(suites, s)
	}
	return suites
}

// Vectors asks for all of the vectors in folder; those that only servers can answer if server is set.
func Vectors(t *testing.T, folder string, server bool, open Open) {
	for _, s := range Read(t, folder) {
		if s.Server && !server {
			continue
		}
		t.Run(s.Name, func(t *testing.T) {
			find := open(t, s.Schema, s.Records)
			for _, c := range s.Cases {
				t.Run(c.Name, func(t *testing.T) {
					q := mustParse(t, s.Schema, c.Query)
					got, err := find(q)
					if err != nil {
						t.Fatal(err)
					}
					if strings.Join(got, "") != c.IDs {
						t.Errorf("got %q, want %q, by %s", strings.Join(got, ""), c.IDs, table.FilterText(q.Filter))
					}
				})
			}
		})
	}
}

func mustParse(t *testing.T, s *table.Schema, v any) *table.Query {
	t.Helper()
	q, err := table.ParseQuery(v)
	if err == nil {
		err = q.Check(s)
	}
	if err != nil {
		t.Fatal(err)
	}
	q.Select = nil
	return q
}
