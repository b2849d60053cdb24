package replica

import (
	"strconv"

	"github.com/larder-sync/larder/table"
)

// tooLarge is the verdict on what was not done and never will be, because somebody takes no request of its size.
var tooLarge = &table.Response{Status: 413, Body: table.Record{"error": "it is larger than the server takes"}}

// ask asks what became of the next operation of a batch that is too large for somebody on the way: what was sent before may have
// been done by who took more. It is an update of nothing under the operation's number, small and alone: the server repeats the
// verdict that it has given, and refuses for good what it has not known.
func (m *Machine) ask() Effect {
	i := len(m.asked)
	op := *m.batch.Operations[i]
	op.Action, op.Record, op.Base, op.Lost = table.ActionUpdate, nil, nil, ""
	return m.send(Send{Method: "POST", Path: batchPath(m.batch.Seen), Body: encodeBatch(&Batch{
		Operations: []*table.Operation{&op}, Clients: m.batch.Clients[i : i+1], Groups: []string{""}})})
}

// told takes the answer to ask, and returns those of the whole batch if no other is needed: a group was done if its first
// operation was, and all of it is refused if one is.
func (m *Machine) told(answer *table.Response) (answers map[string]*table.Response) {
	ops := m.batch.Operations
	if answer.Status == 400 || answer.Status == 403 { // it was not known
		answer = tooLarge
	}
	if m.asked = append(m.asked, answer); answer != tooLarge && !isFork(answer) && len(m.asked) < len(ops) {
		return nil
	}
	answers = map[string]*table.Response{}
	for i, op := range ops {
		answers[op.ID] = m.asked[min(i, len(m.asked)-1)]
	}
	return answers
}

// encodeBatch writes the operations as an OData batch. What it writes depends on the operations alone, so a batch that
// is sent again is the same batch.
func encodeBatch(b *Batch) []byte {
	requests := make([]table.Request, len(b.Operations))
	for i, op := range b.Operations {
		r := &requests[i]
		r.ID = op.ID
		r.URL = op.Table
		r.Group = b.Groups[i]
		r.Headers = map[string]string{
			"repeatability-request-id": op.ID,
			"repeatability-client-id":  b.Clients[i] + "." + strconv.FormatUint(op.Seq, 10),
		}
		if op.Lost != "" {
			r.Headers["larder-lost"] = string(op.Lost)
		}
		if op.Action != table.ActionInsert {
			r.URL += "/" + table.EscapeID(op.RecordID)
			if version := op.Base.Version(); version != "" {
				r.Headers["if-match"] = `"` + version + `"`
			}
		}
		switch op.Action {
		case table.ActionInsert:
			r.Method, r.Body = "POST", withoutNulls(op.Record)
		case table.ActionUpdate:
			if r.Method = "PATCH"; op.Record != nil {
				r.Body = table.Diff(op.Base, op.Record)
			}
		case table.ActionDelete:
			r.Method = "DELETE"
		}
	}
	return table.AppendBatch(nil, requests)
}

func withoutNulls(r table.Record) table.Record {
	next := make(table.Record, len(r))
	for k, v := range r {
		if v != nil && !table.IsSystem(k) {
			next[k] = v
		}
	}
	return next
}

// take begins the next batch. A run that is not to push still asks for the verdicts of what was sent before.
func (m *Machine) take() Effect {
	m.pushing = true
	return Take{Limit: m.limit, Sent: !m.job.Push || m.lost > 0}
}

// pushedAll goes on when the queue is empty: with the pull that waited for it, or with the first.
func (m *Machine) pushedAll() Effect {
	m.pushing = false
	if m.now.Table != "" {
		return LoadCursor{m.now}
	}
	return m.nextTable()
}

// pushed takes the answer to a batch.
func (m *Machine) pushed(a Answer) Effect {
	ops := m.batch.Operations
	if isEpoch(a) {
		m.batch = nil
		return m.judge(a, ops)
	}
	m.undecided = 0
	switch {
	case a.Status == 413 && !m.batch.whole():
		m.batch, m.limit, m.grows = nil, len(ops)/2, false
		return m.take()
	case a.Status == 413 && m.asked == nil:
		m.asked = []*table.Response{}
		return m.ask()
	}
	answers := map[string]*table.Response{}
	switch {
	case a.Status == 200:
		list, err := table.ParseResponses(a.Body)
		if err != nil {
			return m.retry(a, table.Errorf(table.CodeServer, "the server's answer to a push cannot be read").Because(err))
		}
		for i := range list {
			answers[list[i].ID] = &list[i]
		}
		if m.asked != nil {
			answer := answers[ops[len(m.asked)].ID]
			if answer == nil || isUndecided(answer) && !isFork(answer) {
				return m.retry(a, table.Errorf(table.CodeServer, "the server does not say what became of what is too large for it"))
			}
			if answers = m.told(answer); answers == nil {
				return m.ask()
			}
			m.grows = true // one record, or one group, was the reason: the others may go together again
		}
		if m.grows {
			m.limit = min(2*m.limit, table.MaxBatch)
		}
	default:
		if a.Status == 404 || a.Status == 405 {
			m.doubt = ops[0].Table
		}
		return m.stop(table.Errorf(table.CodeServer, "the server refused the push with ", strconv.Itoa(a.Status), serverText(a.Body)))
	}
	m.batch.share(answers)
	for _, op := range ops {
		switch r := answers[op.ID]; {
		case r == nil:
			return m.retry(a, table.Errorf(table.CodeServer, "the server left out the verdict of operation ", op.ID))
		case r.Status == 401 && !m.refreshed:
			return Refresh{}
		case r.Status == 401:
			return m.stop(table.Errorf(table.CodeAuth, "the server refused the token"))
		case r.Status == 408 || r.Status == 429 || r.Status >= 500:
			m.undecided++
		}
	}
	flight := m.batch.flight
	m.batch, m.asked = nil, nil
	return Settle{ops, answers, flight}
}

// nextConflict asks about the next conflict, or goes on with the queue.
func (m *Machine) nextConflict() Effect {
	m.rounds = 0
	if len(m.conflicts) > 0 {
		return Ask{m.conflicts[0]}
	}
	switch {
	case m.trouble != nil:
		return m.failed()
	case m.stalled > maxStalled:
		return m.stop(table.Errorf(table.CodeConflict, "the same records conflict again and again: sync later"))
	case m.undecided > 0:
		return m.retry(Answer{}, table.Errorf(table.CodeServer, "the server could not decide ", strconv.Itoa(m.undecided), " operations yet"))
	}
	return m.take()
}

func (m *Machine) resolved(e Resolved) Effect {
	if e.Again != nil {
		m.conflicts[0] = e.Again
		if m.rounds++; m.rounds < maxRounds {
			return Ask{e.Again}
		}
		m.decision = Decision{Choice: ChooseLater}
		return Resolve{e.Again, m.decision}
	}
	if c := m.conflicts[0]; m.decision.Choice == ChooseLater && c.op != nil {
		m.result.Quarantined = append(m.result.Quarantined, c.quarantined())
	}
	m.conflicts = m.conflicts[1:]
	return m.nextConflict()
}

// nextTable begins the next pull, or ends the run.
func (m *Machine) nextTable() Effect {
	if m.now.Table != "" && m.lost > 0 {
		if m.lost--; m.lost == 0 && m.job.Push {
			m.now = Pull{}
			return m.take()
		}
	}
	if len(m.job.Pulls) == 0 {
		return m.stop(nil)
	}
	m.now, m.job.Pulls = m.job.Pulls[0], m.job.Pulls[1:]
	m.first, m.reset, m.known, m.done, m.heals = true, false, -1, 0, 0
	return LoadCursor{m.now}
}

func (m *Machine) pull(token, seen string) Effect {
	m.from = token
	if m.offers {
		return m.send(Fetch{m.now, token, m.job.PageSize, m.first})
	}
	path := table.PathTables + m.now.Table + "?" + table.ParamDeltaToken + "=" + table.EscapeID(token) +
		"&$top=" + strconv.Itoa(m.job.PageSize)
	if m.now.Filter != "" {
		path += "&$filter=" + table.EscapeID(m.now.Filter)
	}
	if seen != "" {
		path += "&" + table.ParamSeen + "=" + table.EscapeID(seen)
	}
	if m.first {
		path += "&$count=true"
	}
	return m.send(Send{Method: "GET", Path: path})
}

// pulled takes a page.
func (m *Machine) pulled(a Answer) Effect {
	switch {
	case isEpoch(a) && !m.judged:
		return Recall{}
	case a.Status == 410 && codeOf(a.Body) == "": // it was cut off: what is done depends on it
		return m.retry(a, table.Errorf(table.CodeServer, "a page of ", m.now.Table, " cannot be read"))
	case a.Status == 410 && !m.reset:
		m.reset = true
		return Forget{m.now, codeOf(a.Body) == table.CodeExpired}
	case a.Status != 200:
		if a.Status == 400 { // perhaps for the rows that were asked for: plain servers have a limit
			m.doubt = m.now.Table
		}
		return m.stop(table.Errorf(table.CodeServer, "the server refused the pull of ", m.now.Table, " with ", strconv.Itoa(a.Status),
			serverText(a.Body)))
	}
	page, err := table.ParsePage(a.Body)
	if err != nil && isList(a.Body) {
		m.doubt = m.now.Table
		return m.stop(table.Errorf(table.CodeServer, "the server of ", m.now.Table, " knows no deltas").Because(err))
	}
	if err != nil {
		return m.retry(a, table.Errorf(table.CodeServer, "a page of ", m.now.Table, " cannot be read").Because(err))
	}
	if m.first {
		m.known, m.first = page.Count, false
	}
	return m.brought(page)
}

func (m *Machine) brought(page *table.Page) Effect {
	m.page = page
	return Apply{m.now, page, m.from, !page.More && len(m.job.Pulls) == 0 && !m.job.early}
}

// applied goes on after a page. A page that touches a record whose operation has no verdict yet cannot be stored: nobody
// knows which of the two is newer, and the cursor must not pass it. So the verdict is asked for, and the page again.
func (m *Machine) applied(unsettled bool) Effect {
	if unsettled {
		m.page = nil
		if m.heals++; m.heals > maxRounds {
			return m.stop(table.Errorf(table.CodeServer, "the server does not say what became of what was sent to ", m.now.Table))
		}
		return m.take()
	}
	m.done += len(m.page.Changes)
	m.result.Pulled += len(m.page.Changes)
	if m.job.Progress != nil {
		m.job.Progress(m.now.Table, m.done, m.known)
	}
	page := m.page
	m.page = nil
	if page.More {
		return m.pull(page.Token, "")
	}
	if m.job.Verify && m.offers && !m.job.Sample {
		return m.stop(table.Errorf(table.CodeServer, "the backend of ", m.now.Table, " has no digests"))
	}
	if m.verifies() {
		return m.inspect(page.Token)
	}
	return m.nextTable()
}
