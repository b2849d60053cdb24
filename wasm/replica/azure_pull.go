package replica

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/larder-sync/larder/table"
)

const (
	paramDeleted = "__includeDeleted=true"
	firstDate    = "1970-01-01T00:00:00.000Z"
	maxNot       = 10 // ids in one filter
	leastTop     = 50 // rows that every server gives that is asked for as many
)

// place is how far a table has been read in the order of updatedAt, as text the position of [Azure]. Many records may have one
// updatedAt, records that change while they are read move to the end, and of what the server keeps in fractions of a
// millisecond answers have the milliseconds. So records are skipped by what they are and never by their number: those of one
// millisecond by their ids.
type place struct {
	at    string   // records of this moment and later are to be read; "" stands for those that have no moment
	not   []string // ids of records of this millisecond that were read
	only  bool     // only records of this millisecond are to be read, in the order of their ids: there are more than not has room for
	after string   // the last id of those that were read

	newest string // the moment after the newest record that was ever read
	low    string // the next pull begins here: nothing older can appear any more
	next   string // what low will be when this pull has ended
	ended  bool   // this pull has
	hard   bool   // deleted records leave no trace in this table

	step string // what is done at the end: stepCount, then stepList
}

const (
	stepCount = "count" // ask how many records the server has
	stepList  = "list"  // ask for their ids
)

// placeOf reads a position. One that this program did not write is the beginning.
func placeOf(text string) (s place) {
	fields := strings.Split(text, "\n")
	if len(fields) < 7 {
		return place{only: true, low: firstDate}
	}
	s = place{at: fields[0], after: fields[1], newest: fields[2], low: fields[3], next: fields[4], step: fields[5],
		not: fields[7:]}
	s.only, s.ended, s.hard = strings.Contains(fields[6], "o"), strings.Contains(fields[6], "e"), strings.Contains(fields[6], "h")
	return s
}

// String is one line for each field, and one for each id of not: no id has a line break.
func (s *place) String() string {
	flags := ""
	if s.only {
		flags += "o"
	}
	if s.ended {
		flags += "e"
	}
	if s.hard {
		flags += "h"
	}
	return strings.Join(append([]string{s.at, s.after, s.newest, s.low, s.next, s.step, flags}, s.not...), "\n")
}

// GetLastSync implements [Source]. A write is seen some time after the moment that its updatedAt tells, so records may appear
// behind those that were read. What can be told is that a record that is read has no unseen one before it that is a minute
// older than another that was seen before: from there on a pull reads once more what the last one has read.
func (z *Azure) GetLastSync(_ context.Context, p Pull, stored string) (string, error) {
	s := placeOf(stored)
	if s.ended {
		s.at, s.next, s.ended, s.step, s.after = s.low, minuteBefore(s.newest), false, "", ""
		z.table(p).began = z.now()
	}
	return s.String(), nil
}

func minuteBefore(date string) string { return table.ShiftDate(date, -1, 0) }

func (z *Azure) now() int64 {
	now := z.Now
	if now == nil {
		now = time.Now
	}
	return now().UnixMilli()
}

// GetChanges implements [Source].
func (z *Azure) GetChanges(ctx context.Context, w Want) (*Changes, error) {
	s := placeOf(w.Since)
	switch {
	case s.step == stepCount:
		return z.count(ctx, w, &s)
	case s.step == stepList:
		return z.list(ctx, w, &s)
	case s.only && s.at == "" && s.after == "":
		rows, err := z.read(ctx, w.Table, paramDeleted+"&$orderby=updatedAt%20desc&$top=1", w.Filter)
		if err != nil {
			return nil, err
		}
		if len(rows) > 0 {
			date, _ := rows[0][table.ColumnUpdatedAt].(string)
			s.next = minuteBefore(date)
		}
	}
	filter, order := s.filter()
	rows, last, err := z.page(ctx, w, paramDeleted+"&$orderby="+order, filter)
	if err != nil {
		return nil, err
	}
	if s.only {
		s.within(rows, last)
		return &Changes{Changed: rows, Next: s.String(), More: true}, nil
	}
	at := s.at
	for _, row := range rows {
		_, soft := row[table.ColumnDeleted]
		s.hard = !soft
		text, _ := row[table.ColumnUpdatedAt].(string)
		when, err := table.ParseDate(text)
		if err != nil {
			return nil, table.Errorf(table.CodeServer, "records of ", w.Table, " cannot be pulled without updatedAt").Because(err)
		}
		at = max(at, when)
	}
	if !last {
		s.advance(at, rows)
		return &Changes{Changed: rows, Next: s.String(), More: true}, nil
	}
	if len(rows)+len(s.not) > 0 {
		s.at = table.ShiftDate(at, 0, 1)
	}
	z.end(w, &s)
	if s.hard || w.Filter != "" {
		s.step = stepCount
	}
	return &Changes{Changed: rows, Next: s.String(), More: s.step != ""}, nil
}

// filter returns what is to be read next, and in which order.
func (s *place) filter() (filter, order string) {
	const from, to = "updatedAt ge ", "updatedAt lt "
	next := moment(table.ShiftDate(s.at, 0, 1))
	switch {
	case s.only && s.at == "":
		filter, order = "updatedAt eq null", "id"
	case s.only:
		filter, order = from+moment(s.at)+" and "+to+next, "id"
	default:
		filter, order = from+moment(s.at), "updatedAt,id"
	}
	if s.only && s.after != "" {
		filter += " and id gt " + quoted(s.after)
	}
	if len(s.not) > 0 {
		others := make([]string, len(s.not))
		for i, id := range s.not {
			others[i] = "id ne " + quoted(id)
		}
		filter += " and (" + from + next + " or (" + strings.Join(others, " and ") + "))"
	}
	return filter, order
}

// within goes on after a page of one millisecond.
func (s *place) within(rows []table.Record, last bool) {
	switch {
	case !last:
		s.after = rows[len(rows)-1].ID()
	case s.at == "":
		s.at, s.only, s.after = firstDate, false, ""
	default:
		s.at, s.only, s.after = table.ShiftDate(s.at, 0, 1), false, ""
	}
}

// advance goes on after a page whose newest record is of the moment at.
func (s *place) advance(at string, rows []table.Record) {
	var not []string
	if at == s.at {
		not = s.not
	}
	for _, row := range rows {
		text, _ := row[table.ColumnUpdatedAt].(string)
		if when, _ := table.ParseDate(text); when == at { // it was read before
			not = append(not, row.ID())
		}
	}
	full := len(not) > maxNot
	s.only = full && at == s.at
	if s.at, s.not = at, not; full {
		s.not = nil
	}
}

// end notes that everything was read.
func (z *Azure) end(w Want, s *place) {
	t := z.table(w.Pull)
	s.newest = max(s.newest, s.at)
	if t.newest != s.newest {
		t.newest, t.since = s.newest, z.now()
	}
	if t.began-t.since >= time.Minute.Milliseconds() {
		s.next = s.newest // it was read when it was a minute old
	}
	s.low, s.next = max(s.low, s.next), ""
	s.ended, s.not = true, nil
}

// count finds out whether records have gone without a trace. All that the server has are here now, so that it has fewer then.
func (z *Azure) count(ctx context.Context, w Want, s *place) (*Changes, error) {
	s.step = ""
	known, err := w.Known(ctx)
	if err != nil {
		return nil, err
	}
	if known != 0 {
		a, err := z.get(ctx, w.Table, "$select=id&$top=1&$inlinecount=allpages", w.Filter)
		if err != nil {
			return nil, err
		}
		body, _ := table.ParseRecord(a.Body)
		if n, told := body["count"].(float64); !told || int(n) != known {
			s.step = stepList
		}
	}
	return &Changes{Next: s.String(), More: s.step != ""}, nil
}

// list reads ids.
func (z *Azure) list(ctx context.Context, w Want, s *place) (*Changes, error) {
	filter := ""
	if s.after != "" {
		filter = "id gt " + quoted(s.after)
	}
	rows, last, err := z.page(ctx, w, "$select=id&$orderby=id", filter)
	if err != nil {
		return nil, err
	}
	ids := make([]string, len(rows))
	for i, row := range rows {
		ids[i] = row.ID()
	}
	if last {
		s.step, s.after = "", ""
	} else {
		s.after = ids[len(ids)-1]
	}
	return &Changes{IDs: ids, Next: s.String(), More: !last}, nil
}

// page reads rows of what is pulled, and tells whether they are the last of what is asked for. Servers give as many as they like:
// only a page that is smaller than another one was is the last, and one that is empty.
func (z *Azure) page(ctx context.Context, w Want, params, filter string) (rows []table.Record, last bool, err error) {
	t := z.table(w.Pull)
	whole := filter
	if w.Filter != "" && filter != "" {
		whole = "(" + w.Filter + ") and " + filter
	} else if w.Filter != "" {
		whole = w.Filter
	}
	top := w.Limit
	if t.top > 0 {
		top = min(top, t.top)
	}
	a, err := z.get(ctx, w.Table, params+"&$top="+strconv.Itoa(top), whole)
	if a.Status == 400 && top > leastTop { // more than its maxTop, perhaps
		t.top = leastTop
		return z.page(ctx, w, params, filter)
	}
	if err == nil {
		rows, err = rowsOf(a.Body, w.Table)
	}
	last = len(rows) < max(1, t.page)
	t.page = max(t.page, len(rows))
	return rows, last, err
}

// read reads the rows that meet a filter.
func (z *Azure) read(ctx context.Context, tableName, params, filter string) ([]table.Record, error) {
	a, err := z.get(ctx, tableName, params, filter)
	if err != nil {
		return nil, err
	}
	return rowsOf(a.Body, tableName)
}

// get asks a table a question. Its error is nil if the status is 200.
func (z *Azure) get(ctx context.Context, tableName, params, filter string) (Answer, error) {
	path := table.PathTables + tableName + "?" + params
	if filter != "" {
		path += "&$filter=" + table.EscapeID(filter)
	}
	a := z.Send(ctx, Send{Method: "GET", Path: path})
	if a.Err != nil || a.Status != 200 {
		return a, trouble(a, "a query of "+tableName)
	}
	return a, nil
}

// rowsOf reads a list of records.
func rowsOf(body []byte, tableName string) ([]table.Record, error) {
	v, err := table.ParseJSON(body)
	list, ok := v.([]any)
	if !ok {
		return nil, table.Errorf(table.CodeServer, "the answer to a query of ", tableName, " is no list of records").Because(err)
	}
	rows := make([]table.Record, len(list))
	for i, v := range list {
		if rows[i], _ = v.(map[string]any); rows[i].ID() == "" {
			return nil, table.Errorf(table.CodeServer, "the server gave a record of ", tableName, " whose id is no text")
		}
	}
	return rows, nil
}

func moment(date string) string { return "datetimeoffset'" + date + "'" }

func quoted(text string) string { return "'" + strings.ReplaceAll(text, "'", "''") + "'" }
