package replica

import (
	"context"
	"strconv"
	"time"

	"github.com/larder-sync/larder/table"
)

// Azure is the [Source] of tables on a plain Azure Mobile Apps server, by ZUMO-API-VERSION 2.0.0: one request for each
// operation, with If-Match, and pulls by updatedAt. A replica makes one of its own for a server that turns out to be such; most
// callers need none.
//
// All answers that are lost are made up for: where the server refuses an operation for what its record is now, and that is what
// the operation wants, it was applied. Deleted records are told of where the table has softDelete; elsewhere, and where a part
// of a table is pulled, the server is asked for its ids whenever it has fewer records than are here.
//
// Send is needed. It is for one replica, which asks one thing at a time.
type Azure struct {
	// Send sends a request with the caller's token and the version's header, which Send.Headers does not have.
	Send func(ctx context.Context, s Send) Answer
	Now  func() time.Time // tells how much time has passed; nil: time.Now

	tables map[Pull]*azureTable
}

// azureTable is what one has learned of a server's table since the start.
type azureTable struct {
	top    int    // rows that it is asked for; 0: as many as wanted
	page   int    // rows of its largest page: a smaller one is the last
	newest string // the moment after the newest record
	since  int64  // when that was first seen, in milliseconds
	began  int64  // when the last pull began that did not go on with one that had been cut off
}

const headerAuth = "x-zumo-auth"

// maxFailures is how often an operation may have been sent that the server fails to carry out while it answers others.
const maxFailures = 8

func (z *Azure) table(p Pull) *azureTable {
	if z.tables == nil {
		z.tables = map[Pull]*azureTable{}
	}
	if z.tables[p] == nil {
		z.tables[p] = &azureTable{}
	}
	return z.tables[p]
}

// ApplyChanges implements [Source].
func (z *Azure) ApplyChanges(ctx context.Context, ops []*table.Operation) (verdicts []Verdict, failed error) {
	for _, op := range ops {
		v, a, err := z.apply(ctx, op)
		if err != nil {
			return verdicts, err
		}
		switch {
		case v != nil:
			v.ID = op.ID
			verdicts = append(verdicts, *v)
		case a.Status != 500 && a.Status != 501:
			return verdicts, trouble(a, "an operation on "+op.Table)
		default: // it may be the record's fault: the others need not wait
			if failed == nil {
				failed = trouble(a, "an operation on "+op.Table)
			}
			if op.Attempts < maxFailures {
				continue
			}
			if _, err := z.find(ctx, op); err != nil {
				return verdicts, err
			}
			verdicts = append(verdicts, Verdict{ID: op.ID, Refused: refusal(a)})
		}
	}
	return verdicts, failed
}

// apply carries out one operation. Without a verdict the server's answer tells why.
func (z *Azure) apply(ctx context.Context, op *table.Operation) (*Verdict, Answer, error) {
	var a Answer
	switch changed := table.Diff(op.Base, op.Record); {
	case op.Action == table.ActionInsert:
		a = z.write(ctx, "POST", op, "", op.Base, withoutNulls(op.Record))
	case op.Action == table.ActionDelete:
		a = z.write(ctx, "DELETE", op, op.RecordID, op.Base, nil)
	case len(changed) == 0: // such a server fails at a change of nothing
		a.Status = 412
	default:
		a = z.write(ctx, "PATCH", op, op.RecordID, op.Base, changed)
	}
	return z.judge(ctx, op, a)
}

// judge makes a verdict of an answer. Where that does not say what the server has, it is asked.
func (z *Azure) judge(ctx context.Context, op *table.Operation, a Answer) (*Verdict, Answer, error) {
	body, _ := table.ParseRecord(a.Body)
	told := body.ID() == op.RecordID
	switch {
	case a.Err != nil || a.Status == 401 || a.Status == 408 || a.Status == 429 || a.Status >= 500:
		return nil, a, nil
	case a.Status < 300 && (told || op.Action == table.ActionDelete):
		return &Verdict{Record: body}, a, nil
	case a.Status == 412 && told:
		return &Verdict{Conflict: true, Record: body}, a, nil
	case a.Status < 300 || a.Status == 404 || a.Status == 409 || a.Status == 410 || a.Status == 412:
	default:
		return &Verdict{Refused: refusal(a)}, a, nil
	}
	server, err := z.find(ctx, op)
	switch {
	case err != nil:
		return nil, a, err
	case a.Status < 300:
		return &Verdict{Record: server}, a, nil // nil if it is out of the caller's sight now: then it is as it was sent
	case op.Action != table.ActionInsert || server != nil && !server.Deleted():
		return &Verdict{Conflict: true, Record: server}, a, nil
	case a.Status == 409 && server != nil && op.Attempts > 1 && holds(server, op.Record):
		return &Verdict{Conflict: true}, a, nil // it was inserted, by an attempt before, and has been deleted by somebody else
	case a.Status == 409 && server != nil:
		return z.revive(ctx, op, server)
	case a.Status == 409:
		return &Verdict{Refused: "the id is taken by a record that cannot be seen"}, a, nil
	}
	return nil, a, trouble(a, "an insert into "+op.Table)
}

// holds reports whether a record has all that another one has.
func holds(server, record table.Record) bool {
	for _, v := range table.Diff(server, record) {
		if v != nil {
			return false
		}
	}
	return true
}

// revive inserts a record whose id a deleted one has. Nobody else has changed that meanwhile: its version is made sure of.
func (z *Azure) revive(ctx context.Context, op *table.Operation, deleted table.Record) (*Verdict, Answer, error) {
	a := z.write(ctx, "POST", op, op.RecordID, deleted, nil)
	back, _ := table.ParseRecord(a.Body)
	switch {
	case a.Err == nil && (a.Status == 404 || a.Status == 410 || a.Status == 412):
		a.Status = 503 // it was revived, or purged, by somebody else: the next attempt finds out
		fallthrough
	case back.ID() != op.RecordID:
		return nil, a, nil
	}
	changed := table.Diff(back, op.Record)
	if len(changed) == 0 {
		return &Verdict{Record: back}, a, nil
	}
	return z.judge(ctx, op, z.write(ctx, "PATCH", op, op.RecordID, back, changed))
}

// write sends an operation; base has the version that the record must have, if any.
func (z *Azure) write(ctx context.Context, method string, op *table.Operation, id string, base, body table.Record) Answer {
	s := Send{Method: method, Path: table.PathTables + op.Table}
	if id != "" {
		s.Path += "/" + table.EscapeID(id)
	}
	if v := base.Version(); v != "" {
		s.Headers = map[string]string{"if-match": `"` + v + `"`}
	}
	if body != nil {
		s.Body = table.AppendJSON(nil, body)
	}
	return z.Send(ctx, s)
}

// find returns an operation's record as the server has it: deleted, if it is, and nil if there is none.
func (z *Azure) find(ctx context.Context, op *table.Operation) (table.Record, error) {
	rows, err := z.read(ctx, op.Table, paramDeleted, "id eq "+quoted(op.RecordID))
	if err != nil || len(rows) == 0 {
		return nil, err
	}
	return rows[0], nil
}

// trouble is the error of an answer that is none to what was asked.
func trouble(a Answer, what string) error {
	switch {
	case a.Err != nil:
		return table.Errorf(table.CodeNetwork, "the server cannot be reached").Because(a.Err)
	case a.Status == 401:
		return table.Errorf(table.CodeAuth, "the server refused the token", serverText(a.Body))
	}
	err := table.Errorf(table.CodeServer, "the server answered ", what, " with ", strconv.Itoa(a.Status), serverText(a.Body))
	if a.Status == 408 || a.Status == 429 || a.Status >= 500 {
		return &Later{a.RetryAfter, err}
	}
	return err
}

// refusal says why an operation was refused.
func refusal(a Answer) string {
	body, _ := table.ParseRecord(a.Body)
	for _, name := range [...]string{"error", "message"} {
		if text, _ := body[name].(string); text != "" {
			return text
		}
	}
	return "the server answered " + strconv.Itoa(a.Status)
}
