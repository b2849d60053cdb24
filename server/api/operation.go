package api

import (
	"net/http"
	"strconv"
	"strings"

	"github.com/larder-sync/larder/server/db"
	"github.com/larder-sync/larder/server/feed"
	"github.com/larder-sync/larder/table"
)

// write is what a request of a batch, or a request of its own, wants to do to a record.
type write struct {
	method string
	table  *db.Table
	id     string // from the path; "" for none
	header func(name string) string
	body   table.Record // nil for none
	strict bool         // columns that are the server's are refused, as in ZUMO 2.0.0, not dropped
}

// operation reads a write. An operation that is repeatable carries its refusal with it, to be kept like any other answer;
// else the refusal is the error.
func (a *API) operation(w write) (feed.Op, error) {
	op := feed.Op{Table: w.table, ID: w.id}
	if err := readRepeat(&op, w.header); err != nil {
		return feed.Op{}, err
	}
	if err := a.readWrite(&op, w); err != nil {
		if op.Client == "" || statusOf(err) >= http.StatusInternalServerError {
			return feed.Op{}, err
		}
		refusal := feed.Refusal(statusOf(err), table.CodeOf(err), err.Error())
		op.Refused = &refusal
	}
	return op, nil
}

// readRepeat reads the Repeatability headers: both or none.
func readRepeat(op *feed.Op, header func(string) string) error {
	request, client := header(table.HeaderRequestID), header(table.HeaderClientID)
	if request == "" && client == "" {
		return nil
	}
	const most = 128
	dot := strings.LastIndexByte(client, '.')
	if request == "" || len(request) > most || dot < 1 || len(client) > most {
		return table.Errorf(table.CodeInvalid, table.HeaderRequestID, " and ", table.HeaderClientID,
			` go together: an operation's id, and "<client id>.<number>"`)
	}
	seq, err := strconv.ParseInt(client[dot+1:], 10, 64)
	if err != nil || seq < 1 || seq > table.MaxSafeInteger {
		return table.Errorf(table.CodeInvalid, table.HeaderClientID, " ends in ", strconv.QuoteToGraphic(client[dot+1:]),
			", which is not a number from 1 up")
	}
	op.Client, op.Seq, op.Request = client[:dot], seq, request
	return nil
}

func (a *API) readWrite(op *feed.Op, w write) error {
	switch w.method {
	case http.MethodPost:
		op.Action = feed.Insert
		if w.id != "" {
			op.Action = feed.Undelete
		}
	case http.MethodPatch:
		op.Action = feed.Update
	case http.MethodDelete:
		op.Action = feed.Delete
	default:
		return table.Errorf(table.CodeInvalid, "the method ", strconv.QuoteToGraphic(w.method), " is not POST, PATCH or DELETE")
	}
	op.Match = unquote(w.header("If-Match"))
	if op.Action == feed.Insert || op.Action == feed.Update {
		if err := a.readRecord(op, w); err != nil {
			return err
		}
	}
	if op.ID == "" {
		return table.Errorf(table.CodeInvalid, "the record's id is missing: ", w.method, " ", table.PathTables, w.table.Name(), "/ID")
	}
	if op.Match == "*" { // any version, as long as there is a record
		op.Match = ""
	}
	return nil
}

// readRecord reads the columns of an insert or update.
func (a *API) readRecord(op *feed.Op, w write) error {
	if w.body == nil {
		return table.Errorf(table.CodeInvalid, "the request has no record: send it as a JSON object")
	}
	given := table.Record{}
	for name, v := range w.body {
		if w.strict && isReserved(name) {
			return table.Errorf(table.CodeInvalid, "Cannot update item with property '", name, "' as it is reserved")
		}
		given[name] = v
	}
	if given[table.ColumnID] == nil {
		given[table.ColumnID] = w.id
	} else if w.id != "" && given.ID() != w.id {
		return table.Errorf(table.CodeInvalid, "The item ID and querystring ID did not match")
	}
	if given[table.ColumnID] == "" && op.Action == feed.Insert {
		given[table.ColumnID] = a.feed.NewID()
	}
	if given[table.ColumnID] == "" {
		return nil // told by the caller
	}
	var err error
	if op.Record, err = w.table.Schema.Normalize(given); err != nil {
		return err
	}
	op.ID = op.Record.ID()
	if op.Action == feed.Update && op.Match == "" {
		op.Match = op.Record.Version()
	}
	return nil
}

// unquote reads an entity tag. A weak one stays what it is, and so matches no version.
func unquote(tag string) string {
	if len(tag) >= 2 && tag[0] == '"' && tag[len(tag)-1] == '"' {
		return strings.ReplaceAll(tag[1:len(tag)-1], `\"`, `"`)
	}
	return tag
}

// isReserved reports whether name, in any case of letters, is a column that a client of ZUMO 2.0.0 must not send. The
// version is not one of them: it says what an update was made on.
func isReserved(name string) bool {
	for _, c := range [...]string{table.ColumnCreatedAt, table.ColumnUpdatedAt, table.ColumnDeleted} {
		if strings.EqualFold(name, c) {
			return true
		}
	}
	return false
}
