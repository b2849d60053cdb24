package table

import "strconv"

// Row is a record on its way into a store: as JSON text where that is all that is needed, which costs a fraction of what a
// map does, else as a [Record]. The zero Row has neither.
type Row struct {
	ID     string
	Text   string // the record's JSON, as it is to be stored; "" if Record has it
	Record Record // nil if Text has it
}

// IsZero reports whether the row has neither text nor record.
func (r *Row) IsZero() bool { return r.Text == "" && r.Record == nil }

// Open returns the row's record, reading its text if need be. The text was checked, so it can be read. A row that has
// neither opens as nil.
func (r *Row) Open() Record {
	if r.Record == nil && r.Text != "" {
		r.Record, _ = ParseRecord([]byte(r.Text))
	}
	return r.Record
}

// AppendJSON appends the row's JSON to dst.
func (r *Row) AppendJSON(dst []byte) []byte {
	if r.Text != "" {
		return append(dst, r.Text...)
	}
	return appendObject(dst, r.Record)
}

// ParseRows reads a JSON array of records that an app wants to store. One whose text is just what [Schema.Normalize] would
// make of it, as most are, stays text; the others come as records, not yet checked. The texts share one copy of data.
func (s *Schema) ParseRows(data []byte) ([]Row, error) {
	p := parser{s: string(data)}
	var rows []Row
	err := p.items(func() error {
		p.next()
		start, depth := p.i, p.depth
		if id := s.plainRow(&p); id != "" {
			rows = append(rows, Row{ID: id, Text: p.s[start:p.i]})
			return nil
		}
		p.i, p.depth = start, depth
		r, err := p.record()
		rows = append(rows, Row{ID: r.ID(), Record: r})
		return err
	})
	if err == nil {
		err = p.end()
	}
	if err != nil {
		return nil, err
	}
	return rows, nil
}

// plainRow reads an object and returns its id if [Schema.Normalize] would leave it as it is. Else, which need not be an
// error, it returns "", having stopped anywhere.
func (s *Schema) plainRow(p *parser) (id string) {
	at := 0
	id = p.plainObject(func(key string) bool {
		next := s.column(key, at)
		if next < 0 {
			return s.checkUndeclared("", key) == nil && p.skip(MaxRecordDepth-1) == nil
		}
		at = next + 1
		return s.Columns[next].plainValue(p)
	})
	if CheckID(id) != nil {
		return ""
	}
	return id
}

// serverRow reads an object and returns its id if it is a record of the server's that can be stored as it is, and no tombstone.
// Else, which need not be an error, it returns "", having stopped anywhere.
func serverRow(p *parser) (id string) {
	return p.plainObject(func(key string) bool {
		switch key {
		case FieldRemoved:
			return false
		case ColumnDeleted:
			return p.next() != 't' && p.skip(0) == nil
		}
		return p.skip(MaxDepth) == nil
	})
}

// plainObject reads an object whose values, but for the id, are read by plain. It returns the id, or "" where there is not
// exactly one, or plain reports false.
func (p *parser) plainObject(plain func(key string) bool) (id string) {
	for more, err := p.open('{', '}'); ; more, err = p.more('}') {
		if err != nil {
			return ""
		}
		if !more {
			return id
		}
		key, err := p.key()
		if err != nil {
			return ""
		}
		if key != ColumnID {
			if !plain(key) {
				return ""
			}
			continue
		}
		if p.next() != '"' || id != "" {
			return ""
		}
		if id, err = p.str(); err != nil {
			return ""
		}
	}
}

// column returns the position of a declared column, or -1. Rows of one source have their columns in one order, so looking
// begins at the position after the last.
func (s *Schema) column(name string, from int) int {
	for i := from; i < from+len(s.Columns); i++ {
		if at := i % len(s.Columns); s.Columns[at].Name == name {
			return at
		}
	}
	return -1
}

// plainValue reads a value and reports whether the column keeps it as it is.
func (c *Column) plainValue(p *parser) bool {
	first := p.next()
	if first == 'n' {
		return p.word("null") == nil
	}
	switch c.Type {
	case TypeString:
		if first != '"' {
			return false
		}
		_, err := p.str()
		return err == nil
	case TypeBoolean:
		if first == 't' {
			return p.word("true") == nil
		}
		return first == 'f' && p.word("false") == nil
	case TypeNumber, TypeInteger:
		if first != '-' && (first < '0' || first > '9') {
			return false
		}
		f, err := p.number()
		if err != nil || f == 0 && first == '-' {
			return false
		}
		_, ok := whole(f)
		return ok || c.Type == TypeNumber
	case TypeDate:
		if first != '"' {
			return false
		}
		d, err := p.str()
		return err == nil && isCanonicalDate(d)
	case TypeJSON:
		return p.skip(MaxRecordDepth-1) == nil
	}
	return false
}

// skip reads a value as [ParseJSON] does and makes nothing of it. It refuses −0, which is no canonical number, and what nests
// deeper than levels.
func (p *parser) skip(levels int) error {
	first, at := p.next(), p.i
	switch first {
	case '"':
		_, err := p.str()
		return err
	case '{', '[':
		if levels == 0 {
			return p.fail(at, "arrays and objects nest deeper than "+strconv.Itoa(MaxRecordDepth))
		}
		closing := first + 2 // of both
		for more, err := p.open(first, closing); ; more, err = p.more(closing) {
			if err == nil && more && first == '{' {
				_, err = p.key()
			}
			if err != nil || !more {
				return err
			}
			if err = p.skip(levels - 1); err != nil {
				return err
			}
		}
	}
	v, err := p.value()
	if v == 0.0 && first == '-' {
		return p.fail(at, "-0 is not canonical")
	}
	return err
}
