//go:build js && wasm

package main

import (
	"encoding/json"
	"errors"
	"strconv"
	"strings"

	"github.com/larder-sync/larder/table"
	"github.com/larder-sync/larder/wasm/idb"
)

// record is a row, as the page's other contenders have it.
type record struct {
	ID       string `json:"id"`
	Text     string `json:"text"`
	Notes    string `json:"notes"`
	Complete bool   `json:"complete"`
	List     string `json:"list"`
	Rank     int    `json:"rank"`
}

var errRow = errors.New("a row cannot be read")

var rows = idb.Rows[record]{Store: "todoitem", Append: appendRecord, Parse: parseRecord}

func appendRecord(b []byte, r *record) ([]byte, error) {
	for _, column := range [...]struct{ before, value string }{
		{`{"id":`, r.ID}, {`,"text":`, r.Text}, {`,"notes":`, r.Notes}, {`,"list":`, r.List},
	} {
		b = table.AppendJSON(append(b, column.before...), column.value)
	}
	b = strconv.AppendBool(append(b, `,"complete":`...), r.Complete)
	return append(strconv.AppendInt(append(b, `,"rank":`...), int64(r.Rank), 10), '}'), nil
}

// parseRecord reads a row of flat JSON. Its texts share one string.
func parseRecord(text []byte, r *record) error {
	rest := strings.TrimPrefix(string(text), "{")
	for rest != "" && rest != "}" {
		var key, value string
		var err error
		if key, rest, err = token(rest); err != nil || rest == "" || rest[0] != ':' {
			return errRow
		}
		if value, rest, err = token(rest[1:]); err != nil {
			return err
		}
		switch key {
		case "id":
			r.ID = value
		case "text":
			r.Text = value
		case "notes":
			r.Notes = value
		case "list":
			r.List = value
		case "complete":
			r.Complete = value == "true"
		case "rank":
			if r.Rank, err = strconv.Atoi(value); err != nil {
				return err
			}
		}
		rest = strings.TrimPrefix(rest, ",")
	}
	return nil
}

// token cuts off a text, or the digits or letters of another value.
func token(s string) (value, rest string, err error) {
	if s == "" {
		return "", "", errRow
	}
	if s[0] != '"' {
		end := strings.IndexAny(s, ",}")
		if end < 0 {
			return "", "", errRow
		}
		return s[:end], s[end:], nil
	}
	end := 1 + strings.IndexByte(s[1:], '"')
	if end == 0 {
		return "", "", errRow
	}
	if strings.IndexByte(s[:end], '\\') < 0 {
		return s[1:end], s[end+1:], nil
	}
	for end = 1; end < len(s) && s[end] != '"'; end++ { // rare: the library's own reader is good enough from here
		if s[end] == '\\' {
			end++
		}
	}
	if end >= len(s) {
		return "", "", errRow
	}
	err = json.Unmarshal([]byte(s[:end+1]), &value)
	return value, s[end+1:], err
}
