package store_test

import (
	"slices"
	"strconv"
	"testing"

	"github.com/larder-sync/larder/table"
)

// TestManyRows reads more rows than the storage gives at a time, among them more that have one key of an index.
func TestManyRows(t *testing.T) {
	schema := &table.Schema{Name: "item", Indexes: []table.Index{{Columns: []string{"alike"}}, {Columns: []string{"rank"}}},
		Columns: []table.Column{{Name: "alike", Type: table.TypeInteger}, {Name: "rank", Type: table.TypeInteger}}}
	const many = 5000
	records := make([]table.Record, many)
	for i := range records {
		alike := float64(i / 4500) // the first 4,500 have one key
		records[i] = table.Record{"id": strconv.Itoa(100_000 + i), "alike": alike, "rank": float64(i * 7919 % many)}
	}
	by := func(column string, descending bool) []table.Record {
		sorted := slices.Clone(records)
		slices.SortStableFunc(sorted, func(a, b table.Record) int {
			if c := int(a[column].(float64) - b[column].(float64)); descending {
				return -c
			} else {
				return c
			}
		})
		return sorted
	}
	backwards := slices.Clone(records)
	slices.Reverse(backwards)
	for name, open := range openers() {
		t.Run(name, func(t *testing.T) {
			s := filled(t, open, schema, records)
			for _, c := range []struct {
				order      string
				skip, take int
				all        []table.Record
			}{
				{"", 0, table.All, records},
				{"id desc", 4, 4800, backwards},
				{"rank", 0, table.All, by("rank", false)},
				{"alike", 10, table.All, by("alike", false)},
				{"alike desc", 0, table.All, by("alike", true)},
			} {
				q := &table.Query{Skip: c.skip, Take: c.take}
				if c.order != "" {
					parsed, err := table.ParseQuery(map[string]any{"orderBy": c.order})
					if err != nil {
						t.Fatal(err)
					}
					q.Order = parsed.Order
				}
				rows, err := rowsOf(s, "item", q)
				if err != nil {
					t.Fatal(err)
				}
				want := c.all[c.skip:]
				if c.take >= 0 {
					want = want[:min(c.take, len(want))]
				}
				same := func(a, b table.Record) bool { return a.ID() == b.ID() && len(a) == len(b) }
				if !slices.EqualFunc(rows, want, same) {
					t.Errorf("order %q, skip %d, take %d: %d rows, not the %d in their order", c.order, c.skip, c.take, len(rows), len(want))
				}
			}
		})
	}
}
