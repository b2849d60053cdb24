package store_test

import (
	"testing"

	"github.com/larder-sync/larder/table"
	"github.com/larder-sync/larder/wasm/store"
)

// FuzzPlan asks whatever is a query of random tables, by a plan and by the query's meaning. From is the number of the
// record to begin after; beyond the records, there is none.
func FuzzPlan(f *testing.F) {
	for i, parameters := range []string{
		"$filter=b eq false and d gt '2026-01-01T00:00:00.000Z'&$orderby=d desc&$top=4",
		"$filter=s in ('a','b',null) or not (n le 2.5)&$orderby=n,s",
		"$filter=startswith(s,'a') and n ne null&$orderby=s desc,id&$skip=2",
		"$filter=j/any(x: x eq 'b' or x in ('a',1)) and u ne null&$orderby=u&$top=9&$select=s",
		"$filter=b or u eq 'u7' or id in ('r10001','r10003')&$orderby=id desc",
	} {
		f.Add(uint64(i), parameters, uint(7*i))
	}
	type opened struct {
		*things
		s *store.Store
	}
	var tables []opened
	for seed := range uint64(16) {
		g := newThings(seed, 25)
		tables = append(tables, opened{g, filled(f, store.Memory(), g.schema, g.records)})
	}
	f.Fuzz(func(t *testing.T, seed uint64, parameters string, from uint) {
		seed %= uint64(len(tables))
		at := tables[seed]
		q, err := table.ParseParameters(parameters)
		if err != nil {
			return
		}
		if from < uint(len(at.records)) {
			q.After = at.records[from]
		}
		if q.Check(at.schema) == nil {
			at.compare(t, at.s, seed, q)
		}
	})
}
