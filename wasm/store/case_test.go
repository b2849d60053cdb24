package store_test

import (
	"strconv"
	"strings"
	"testing"

	"github.com/larder-sync/larder/table"
	"github.com/larder-sync/larder/wasm/store"
)

// TestCaseOfEveryCharacter compares what filters make of upper and lower case with what Go makes of it.
func TestCaseOfEveryCharacter(t *testing.T) {
	schema := &table.Schema{Name: "character", Columns: []table.Column{
		{Name: "lower", Type: table.TypeString}, {Name: "text", Type: table.TypeString}, {Name: "upper", Type: table.TypeString},
	}}
	const some, last = 128, 0x1FFFF // what comes later has no case
	var records []table.Record
	for from := rune(1); from <= last; from += some {
		var b strings.Builder
		for c := from; c < from+some && c <= last; c++ {
			if c < 0xD800 || c > 0xDFFF {
				b.WriteRune(c)
				b.WriteByte('.')
			}
		}
		records = append(records, table.Record{"id": strconv.FormatInt(int64(from), 16), "text": b.String(),
			"lower": strings.ToLower(b.String()), "upper": strings.ToUpper(b.String())})
	}
	for name, open := range openers() {
		t.Run(name, func(t *testing.T) {
			s := filled(t, open, schema, records)
			for _, filter := range []string{"tolower(text) ne lower", "toupper(text) ne upper"} {
				e, err := table.ParseFilter(filter)
				if err != nil {
					t.Fatal(err)
				}
				if rows, err := rowsOf(s, "character", &table.Query{Filter: e, Take: table.All}); err != nil || len(rows) > 0 {
					t.Errorf("%s: %v, %v", filter, differing(t, s, rows), err)
				}
			}
		})
	}
}

// differing returns the characters in rows whose case is not Go's.
func differing(t *testing.T, s *store.Store, rows []table.Record) (list []string) {
	t.Helper()
	for _, row := range rows {
		for _, c := range row["text"].(string) {
			for _, part := range [...]struct{ function, want string }{
				{"tolower", strings.ToLower(string(c))}, {"toupper", strings.ToUpper(string(c))},
			} {
				e := table.And(table.Compare{Op: table.OpEq, Left: table.ColumnRef{Name: "id"}, Right: table.Literal{Value: row.ID()}},
					table.Compare{Op: table.OpNe, Left: table.Literal{Value: part.want},
						Right: table.Call{Func: part.function, Args: []table.Expr{table.Literal{Value: string(c)}}}})
				if found, err := rowsOf(s, "character", &table.Query{Filter: e, Take: table.All}); err != nil || len(found) > 0 {
					list = append(list, part.function+" "+strconv.FormatInt(int64(c), 16))
				}
			}
		}
	}
	return list
}
