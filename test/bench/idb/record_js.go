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

// parseRecord reads a row: at once if it is as appendRecord writes it and JSON.stringify keeps it, else column by column.
func parseRecord(text string, r *record) error {
	if strings.IndexByte(text, '\\') < 0 {
		rest := text
		if cut(&rest, `{"id":"`, &r.ID) && cut(&rest, `,"text":"`, &r.Text) && cut(&rest, `,"notes":"`, &r.Notes) && cut(&rest, `,"list":"`, &r.List) {
			before, after, ok := strings.Cut(rest, `,"rank":`)
			if ok && strings.HasPrefix(before, `,"complete":`) {
				r.Complete = before == `,"complete":true`
				rank, err := strconv.Atoi(strings.TrimSuffix(after, "}"))
				r.Rank = rank
				return err
			}
		}
	}
	return parseColumns(text, r)
}

// cut takes a text that follows before off rest, and reports whether it was there.
func cut(rest *string, before string, text *string) bool {
	if !strings.HasPrefix(*rest, before) {
		return false
	}
	from := len(before)
	n := strings.IndexByte((*rest)[from:], '"')
	if n < 0 {
		return false
	}
	*text, *rest = (*rest)[from:from+n], (*rest)[from+n+1:]
	return true
}

// parseColumns reads a row of flat JSON, its columns in any order.
func parseColumns(rest string, r *record) error {
	for len(rest) > 1 { // past a brace or comma there is a key, or the end
		key, after, err := token(rest[1:])
		if err != nil || after == "" {
			return errRow
		}
		value, after, err := token(after[1:])
		if err != nil {
			return err
		}
		rest = after
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
	}
	return nil
}

// token cuts off a text, or the digits or letters of another value.
func token(s string) (value, rest string, err error) {
	if s == "" {
		return "", "", errRow
	}
	if s[0] != '"' {
		for end := range len(s) {
			if s[end] == ',' || s[end] == '}' {
				return s[:end], s[end:], nil
			}
		}
		return "", "", errRow
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
