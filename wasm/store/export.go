package store

import (
	"bufio"
	"context"
	"errors"
	"io"
	"strconv"

	"github.com/larder-sync/larder/table"
)

// exportFormat is the number of the form in which exports are written.
const exportFormat = 1

// maxLine is the longest line of an import, in bytes: far above any record that can be stored.
const maxLine = 16 << 20

// Progress hears, after each slice, of which table it was and how many records are done in all. Nil hears nothing.
type Progress func(tableName string, done int)

// Export writes the rows of the named tables, or of all if none is named, as JSON lines: first {"larder":1,"name":…,
// "version":…}, then {"table":…,"row":…} for each. Each slice of rows is of one moment, and the whole is if nothing writes
// meanwhile. What waits in the journal is not part of it, but rows are as it will have left them. It returns how many rows
// it has written.
func (s *Store) Export(ctx context.Context, w io.Writer, progress Progress, tables ...string) (done int, err error) {
	if len(tables) == 0 {
		tables = s.Tables()
	}
	head := table.Record{"larder": float64(exportFormat), "name": s.options.Name, "version": float64(s.Version())}
	line := table.AppendJSON(nil, head)
	if _, err := w.Write(append(line, '\n')); err != nil {
		return 0, err
	}
	for _, name := range tables {
		for after := (&Range{}); after != nil; {
			var rows []table.Record
			err := s.View(ctx, []string{name}, func(tx *Tx) error {
				results, err := tx.Run(ctx, Step{Op: OpGetAll, Store: name, Range: after, Take: slice})
				if err == nil {
					rows = results[0].Rows
				}
				return err
			})
			if err != nil {
				return done, err
			}
			if after = nil; len(rows) == slice {
				after = After(rows[len(rows)-1].ID())
			}
			lines := line[:0]
			for _, r := range rows {
				lines = append(table.AppendJSON(append(lines, `{"row":`...), r), `,"table":`...)
				lines = append(table.AppendJSON(lines, name), "}\n"...)
			}
			if _, err := w.Write(lines); err != nil {
				return done, err
			}
			if done += len(rows); progress != nil && len(rows) > 0 {
				progress(name, done)
			}
			line = lines
		}
	}
	return done, nil
}

// Import puts the records of an export, slice by slice, each in a transaction of its own: checked and journaled as any
// other put. System columns are the server's and are left out; records of an older version are migrated. It returns how
// many records it has read into transactions that were kept, also with an error.
//
// Errors: "invalid" with the line for what is no export, "version" for one of a newer version, and those of a put.
func (s *Store) Import(ctx context.Context, r io.Reader, progress Progress) (done int, err error) {
	in := importer{store: s, progress: progress}
	reader := bufio.NewReaderSize(r, 64<<10)
	for {
		text, err := readLine(reader)
		if err != nil && err != io.EOF {
			return in.done, err
		}
		in.line++
		if len(text) > 0 {
			if err := in.take(ctx, text); err != nil {
				return in.done, err
			}
		}
		if err == io.EOF {
			break
		}
	}
	if in.from == 0 {
		return 0, table.Errorf(table.CodeInvalid, "import: there is nothing in it")
	}
	return in.done, in.flush(ctx)
}

// readLine returns the next line without its end, and io.EOF with the last.
func readLine(r *bufio.Reader) ([]byte, error) {
	var line []byte
	for {
		part, err := r.ReadSlice('\n')
		if line = append(line, part...); len(line) > maxLine {
			return nil, table.Errorf(table.CodeInvalid, "import: a line is too long")
		}
		if errors.Is(err, bufio.ErrBufferFull) {
			continue
		}
		for len(line) > 0 && (line[len(line)-1] == '\n' || line[len(line)-1] == '\r') {
			line = line[:len(line)-1]
		}
		return line, err
	}
}

// importer is one import under way.
type importer struct {
	store    *Store
	progress Progress
	line     int
	from     int    // the export's version; 0 until it is known
	table    string // of the records that are collected
	records  []table.Record
	done     int
}

func (in *importer) take(ctx context.Context, text []byte) error {
	wrong := func(parts ...string) *table.Error {
		return table.Errorf(table.CodeInvalid, append([]string{"import: line ", strconv.Itoa(in.line), " "}, parts...)...)
	}
	value, err := table.ParseRecord(text)
	if err != nil {
		return wrong("is not a JSON object").Because(err)
	}
	if in.from == 0 {
		version, _ := value["version"].(float64)
		if value["larder"] != float64(exportFormat) || version < 1 || version != float64(int(version)) {
			return wrong("is not the beginning of an export")
		}
		if in.from = int(version); in.from > in.store.Version() {
			return table.Errorf(table.CodeVersion, "import: the export is of version ", strconv.Itoa(in.from),
				", and this schema of ", strconv.Itoa(in.store.Version()))
		}
		return nil
	}
	name, _ := value["table"].(string)
	row, ok := value["row"].(map[string]any)
	if name == "" || !ok {
		return wrong("is not a row of a table")
	}
	if name != in.table || len(in.records) == slice {
		if err := in.flush(ctx); err != nil {
			return err
		}
		if _, err := in.store.Schema(name); err != nil {
			return err
		}
		in.table = name
	}
	for column := range row {
		if table.IsSystem(column) {
			delete(row, column)
		}
	}
	in.records = append(in.records, row)
	return nil
}

// flush puts the records that are collected.
func (in *importer) flush(ctx context.Context) (err error) {
	records := in.records
	if len(records) == 0 {
		return nil
	}
	if in.from < in.store.Version() {
		if records, err = in.store.Convert(in.table, in.from, records); err != nil {
			return err
		}
	}
	kept := records[:0:0]
	for _, r := range records {
		if r != nil {
			kept = append(kept, r)
		}
	}
	if _, err := in.store.Write(ctx, "", in.table, kept...); err != nil {
		return err
	}
	in.done += len(in.records)
	in.records = in.records[:0]
	if in.progress != nil {
		in.progress(in.table, in.done)
	}
	return nil
}
