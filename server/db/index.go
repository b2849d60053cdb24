package db

import (
	"hash/fnv"
	"slices"
	"strconv"
	"strings"

	"github.com/larder-sync/larder/table"
)

// Index is an index that a table should have in the database.
type Index struct {
	Name string // of letters, digits, _ and +: the columns, and a hash of On, so that another definition has another name
	On   string // what is indexed, as CREATE INDEX takes it between its parentheses
}

// Indexes returns the indexes by which [Dialect.Page] and [Dialect.Count] find a table's rows: those that its schemas, for
// several may share it, declare, and one by updatedAt, which Azure's clients pull by. Indexes of columns without a type,
// multi-entry ones among them, are left out, for SQL could not use them. Unique ones do not make SQL check anything: that must
// be known before the write.
func (d *Dialect) Indexes(schemas ...*table.Schema) []Index {
	always := []table.Index{{Columns: []string{table.ColumnUpdatedAt}}}
	var list []Index
	for _, s := range schemas {
		c := &compiler{Dialect: d, schema: s}
		for _, x := range append(always, s.Indexes...) {
			if index, ok := c.index(x); ok && !slices.Contains(list, index) {
				list = append(list, index)
			}
		}
	}
	return list
}

func (c *compiler) index(x table.Index) (Index, bool) {
	var parts []string
	for _, name := range x.Columns {
		if name == table.ColumnID {
			break // which nothing comes after
		}
		keys := c.columnKeys(name, false)
		if len(keys) > 1 {
			return Index{}, false
		}
		parts = append(parts, "("+keys[0].sql+")")
	}
	if len(parts) == 0 {
		return Index{}, false
	}
	// The id is what rows with equal keys are ordered by; deleted lets a count do without the rows.
	on := strings.Join(append(parts, "("+c.idKey(false).sql+")", "deleted"), ", ")
	h := fnv.New32a()
	h.Write([]byte(on))
	const most = 30 // bytes, of PostgreSQL's 63 for the name of an index
	name := x.Name()
	return Index{name[:min(len(name), most)] + "_" + strconv.FormatUint(uint64(h.Sum32()), 36), on}, true
}
