package db

import (
	"errors"
	"io/fs"
	"path"
	"strings"

	"github.com/larder-sync/larder/table"
)

// LoadTables reads every file called NAME.json in a folder as the table NAME, sorted by name. Errors name the file and
// the key. Names are matched without regard to case on the wire and in SQL, so two that differ only by it are refused.
func LoadTables(folder fs.FS) ([]*Table, error) {
	files, err := fs.Glob(folder, "*.json")
	if err != nil {
		return nil, err
	}
	var tables []*Table
	for _, file := range files {
		data, err := fs.ReadFile(folder, file)
		if pe, ok := errors.AsType[*fs.PathError](err); ok {
			err = pe.Err // the file is named already
		}
		if err != nil {
			return nil, table.Errorf(table.CodeInvalid, "the table file ", file, " cannot be read").Because(err)
		}
		t, err := ParseTable(strings.TrimSuffix(path.Base(file), ".json"), data)
		if err != nil {
			return nil, table.Errorf(table.CodeInvalid, "the table file ", file).Because(err)
		}
		for _, other := range tables {
			if strings.EqualFold(other.Name(), t.Name()) {
				return nil, table.Errorf(table.CodeInvalid, "the table files ", other.Name(), ".json and ", file,
					" differ only in case: rename one")
			}
		}
		tables = append(tables, t)
	}
	return tables, nil
}
