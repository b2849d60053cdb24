package api

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/larder-sync/larder/server/db"
	"github.com/larder-sync/larder/server/feed"
	"github.com/larder-sync/larder/table"
)

// importBatch is how many records of an import share one transaction.
const importBatch = 5000

// ImportOptions is how an import reads its records.
type ImportOptions struct {
	ID string // the column that becomes the id; "id" when empty
}

// Imported says what an import did.
type Imported struct {
	Added, Changed, Unchanged int
}

// String tells the counts to people.
func (n Imported) String() string {
	return fmt.Sprintf("%d added, %d changed, %d unchanged", n.Added, n.Changed, n.Unchanged)
}

// Import makes each record of r be in a table as it is in r; what else is in the table stays. Importing the same again
// changes nothing, and costs clients nothing. r is a JSON array of records, records one after the other (JSON lines), or an
// object with one member, the array, as Debian's iso-codes have it.
//
// An error names the number of the record it is about, counted from 1. The records of earlier transactions stay imported then;
// the result counts them.
func (a *API) Import(ctx context.Context, r io.Reader, tableName string, o ImportOptions) (Imported, error) {
	t := a.tables[strings.ToLower(tableName)]
	if t == nil {
		return Imported{}, unknownTable(tableName)
	}
	m := &importer{ctx: ctx, api: a, table: t, id: o.ID}
	if m.id == "" {
		m.id = table.ColumnID
	}
	err := m.read(r)
	if err == nil {
		err = m.flush()
	}
	if err != nil && m.done != (Imported{}) {
		err = fmt.Errorf("%w (before that: %s; import again when it is mended)", err, m.done)
	}
	return m.done, err
}

// importer is an import in progress.
type importer struct {
	ctx   context.Context
	api   *API
	table *db.Table
	id    string
	n     int // records read
	ops   []feed.Op
	done  Imported
}

func (m *importer) read(r io.Reader) error {
	in := bufio.NewReaderSize(r, 1<<16)
	if mark, err := in.Peek(3); err == nil && string(mark) == "\xef\xbb\xbf" {
		_, err := in.Discard(len(mark))
		if err != nil {
			return err
		}
	}
	first, err := firstByte(in)
	if errors.Is(err, io.EOF) {
		return table.Errorf(table.CodeInvalid,
			"there is nothing in it to import: an array of records is, or records one after the other")
	}
	if err != nil {
		return err
	}
	values := json.NewDecoder(in)
	if first == '[' {
		return m.array(values)
	}
	var raw json.RawMessage
	if err := m.next(values, &raw); err != nil {
		return err
	}
	if list, ok := onlyArray(raw); ok && !values.More() {
		return m.array(json.NewDecoder(bytes.NewReader(list)))
	}
	for {
		if err := m.add(raw); err != nil {
			return err
		}
		if !values.More() {
			return m.end(values)
		}
		if err := m.next(values, &raw); err != nil {
			return err
		}
	}
}

// firstByte returns the first byte that is not white space, and leaves it there.
func firstByte(in *bufio.Reader) (byte, error) {
	for {
		c, err := in.ReadByte()
		if err != nil {
			return 0, err
		}
		if !bytes.ContainsRune([]byte(" \t\r\n"), rune(c)) {
			return c, in.UnreadByte()
		}
	}
}

// onlyArray returns the array of an object that has that one member.
func onlyArray(raw json.RawMessage) (json.RawMessage, bool) {
	var object map[string]json.RawMessage
	if json.Unmarshal(raw, &object) != nil || len(object) != 1 {
		return nil, false
	}
	for _, v := range object {
		if v = bytes.TrimSpace(v); len(v) > 0 && v[0] == '[' {
			return v, true
		}
	}
	return nil, false
}

func (m *importer) array(values *json.Decoder) error {
	if _, err := values.Token(); err != nil { // the bracket
		return m.broken(values, err)
	}
	for values.More() {
		var raw json.RawMessage
		if err := m.next(values, &raw); err != nil {
			return err
		}
		if err := m.add(raw); err != nil {
			return err
		}
	}
	if _, err := values.Token(); err != nil {
		return m.broken(values, err)
	}
	return m.end(values)
}

// end reports what follows the last record.
func (m *importer) end(values *json.Decoder) error {
	if _, err := values.Token(); !errors.Is(err, io.EOF) {
		return table.Errorf(table.CodeInvalid, fmt.Sprintf("after record %d, at byte %d: there is something that is no record",
			m.n, values.InputOffset()))
	}
	return nil
}

func (m *importer) next(values *json.Decoder, raw *json.RawMessage) error {
	if err := values.Decode(raw); err != nil {
		m.n++
		return m.broken(values, err)
	}
	return nil
}

// broken tells where JSON could not be read. Other errors are the reader's.
func (m *importer) broken(values *json.Decoder, err error) error {
	var syntax *json.SyntaxError
	switch {
	case errors.As(err, &syntax):
		// The error's own offset leaves out the commas and brackets between records.
		return table.Errorf(table.CodeInvalid, fmt.Sprintf("record %d, after byte %d", m.n, values.InputOffset())).Because(err)
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return table.Errorf(table.CodeInvalid,
			fmt.Sprintf("record %d, after byte %d: the file ends too early", m.n, values.InputOffset()))
	}
	return err
}

// add takes one record.
func (m *importer) add(raw json.RawMessage) error {
	m.n++
	r, err := table.ParseRecord(raw)
	if err != nil {
		return m.wrong(err)
	}
	id, ok := r[m.id]
	if !ok || id == nil {
		return m.wrong(table.Errorf(table.CodeInvalid, "it has no ", m.id, ": name the column that identifies a record with --id"))
	}
	if n, ok := id.(float64); ok {
		id = string(table.AppendJSON(nil, n))
	}
	delete(r, m.id)
	r[table.ColumnID] = id
	if r, err = m.table.Schema.Normalize(r); err != nil {
		return m.wrong(err)
	}
	m.ops = append(m.ops, feed.Op{Table: m.table, Action: feed.Put, ID: r.ID(), Record: r})
	if len(m.ops) == importBatch {
		return m.flush()
	}
	return nil
}

func (m *importer) wrong(err error) error {
	return table.Errorf(table.CodeInvalid, fmt.Sprintf("record %d", m.n)).Because(err)
}

// flush commits the records that were taken.
func (m *importer) flush() error {
	answers, err := m.api.feed.Push(m.ctx, m.ops)
	if err != nil {
		return err
	}
	for i, a := range answers {
		switch {
		case !a.OK():
			err = errors.Join(err, table.Errorf(table.CodeServer, "record ", m.ops[i].ID, " was refused: ", string(a.Body)))
		case a.Status == http.StatusCreated:
			m.done.Added++
		case a.Status == http.StatusNotModified:
			m.done.Unchanged++
		default:
			m.done.Changed++
		}
	}
	m.ops = nil
	return err
}
