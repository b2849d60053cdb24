package store

import "github.com/larder-sync/larder/table"

// Pattern says how single records of a table are written, so that who holds it need not ask each time: a page, to which every
// crossing into Go is dear.
type Pattern struct {
	Columns []table.Column
	Insert  *Ready   // of a record that has nothing but the id that was made for it
	Reads   []*Ready // by action, as in [actions]: what has to be read for a record whose id is [PatternID]
}

// actions are all that there are; a put has no name.
var actions = [...]table.Action{"", table.ActionInsert, table.ActionUpdate, table.ActionDelete}

// PatternID stands for the id of any record. No record can have it.
const PatternID = "?"

// Pattern returns the pattern of a table. It holds as long as the store is open. It needs [Options.NewID].
func (s *Store) Pattern(tableName string) (*Pattern, error) {
	schema, err := s.Schema(tableName)
	if err != nil {
		return nil, err
	}
	p := &Pattern{Columns: schema.Columns}
	if p.Insert, err = s.Prepare(table.ActionInsert, tableName, nil, table.Row{Record: table.Record{}}); err != nil {
		return nil, err
	}
	any := table.Row{ID: PatternID, Text: `{"id":"` + PatternID + `"}`}
	for _, action := range actions {
		r, err := s.Prepare(action, tableName, nil, any)
		if err != nil {
			return nil, err
		}
		p.Reads = append(p.Reads, r)
	}
	return p, nil
}

// AppendJSON appends the pattern as the JSON text that larder.js reads: {columns: {name: type}, steps: those of the insert, and for each
// action that reads first: {stores, reads}}.
func (p *Pattern) AppendJSON(dst []byte) []byte {
	columns := table.Record{}
	for _, c := range p.Columns {
		columns[c.Name] = string(c.Type)
	}
	dst = table.AppendJSON(append(dst, `{"columns":`...), columns)
	dst = AppendProgram(append(dst, `,"steps":`...), p.Insert.Steps)
	for i, r := range p.Reads {
		if r.Reads == nil {
			continue
		}
		action := actions[i]
		if action == "" {
			action = "put"
		}
		dst = append(append(append(dst, `,"`...), action...), `":`...)
		dst = r.AppendJSON(dst, "")
	}
	return append(dst, '}')
}
