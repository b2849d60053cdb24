package feed

import (
	"cmp"
	"maps"
	"net/http"
	"slices"
	"strconv"

	"github.com/larder-sync/larder/server/db"
	"github.com/larder-sync/larder/table"
)

func compareRepeat(a, b db.Repeat) int {
	return cmp.Or(cmp.Compare(a.Client, b.Client), cmp.Compare(a.Seq, b.Seq))
}

// recollect reads what is known of the operations' clients, and the verdicts on those that were answered before.
func (c *commit) recollect(ops []Op) error {
	names := map[string]bool{}
	for i := range ops {
		if ops[i].Client != "" {
			names[ops[i].Client] = true
		}
	}
	if len(names) == 0 {
		return nil
	}
	var err error
	if c.clients, err = c.tx.Clients(slices.Sorted(maps.Keys(names))); err != nil {
		return err
	}
	asked := map[db.Repeat]bool{}
	for i := range ops {
		if r := ops[i].repeat(); r.Client != "" && r.Seq <= c.clients[r.Client].High {
			asked[r] = true
		}
	}
	if len(asked) == 0 {
		return nil
	}
	found, err := c.tx.Verdicts(slices.SortedFunc(maps.Keys(asked), compareRepeat))
	for _, v := range found {
		c.kept[v.Repeat] = v
	}
	return err
}

// push judges the operations of one job, group by group. Once an operation shows that its client is a copy, the client's
// later ones are refused as well: they may build on the one that was not carried out.
func (c *commit) push(ops []Op) ([]Answer, error) {
	answers := make([]Answer, len(ops))
	copies := map[string]Answer{} // clients that are copies, and the answer that says so
	for start, end := 0, 0; start < len(ops); start = end {
		end = groupEnd(ops, start)
		if err := c.group(ops[start:end], answers[start:end], copies); err != nil {
			return nil, err
		}
	}
	return answers, nil
}

// groupEnd returns where the group ends that begins at start.
func groupEnd(ops []Op, start int) int {
	end := start + 1
	for end < len(ops) && ops[start].Group != "" && ops[end].Group == ops[start].Group {
		end++
	}
	return end
}

// group carries out all operations or none. Those that were carried out before count as done.
func (c *commit) group(ops []Op, answers []Answer, copies map[string]Answer) error {
	known := make([]bool, len(ops)) // answered without being judged now
	failed := -1
	for i := range ops {
		answers[i], known[i] = c.recall(&ops[i], copies)
		for k := 0; k < i && !known[i]; k++ {
			if ops[i].Client != "" && ops[i].repeat() == ops[k].repeat() {
				answers[i], known[i] = forked(&ops[i], "is in its group twice: number each operation"), true
			}
		}
		if known[i] && !answers[i].OK() && failed < 0 {
			failed = i
		}
	}
	c.journal = c.journal[:0]
	for i := 0; i < len(ops) && failed < 0; i++ {
		if known[i] {
			continue
		}
		var err error
		if answers[i], err = c.apply(&ops[i]); err != nil {
			return err
		}
		if !answers[i].OK() {
			failed = i
		}
	}
	for i := len(c.journal) - 1; failed >= 0 && i >= 0; i-- {
		c.journal[i]()
	}
	for i := range ops {
		switch {
		case known[i]:
		case failed < 0 || i == failed:
			c.settle(&ops[i], answers[i])
		default:
			// Not kept: what stands in its way is the verdict on another operation.
			answers[i] = Refusal(http.StatusFailedDependency, table.CodeConflict,
				"not done, because operation "+strconv.Itoa(failed+1)+" of its group was refused")
		}
	}
	return nil
}

// recall returns the answer to an operation that needs no judging: it was answered before, or comes from a copy of its
// client.
func (c *commit) recall(op *Op, copies map[string]Answer) (a Answer, known bool) {
	if op.Client == "" {
		return Answer{}, false
	}
	v, expired := c.verdict(op)
	switch {
	case v != nil && v.Request == op.Request:
		return Answer{Status: v.Status, Body: v.Body, Version: version(v), Repeated: true}, true
	case v != nil:
		a = forked(op, "was another one: two copies of the client are at work; take a new client id")
	case expired:
		a = forked(op, "is so old that its verdict was forgotten: take a new client id, and push it as a new operation")
	default:
		a, known = copies[op.Client]
		return a, known
	}
	copies[op.Client] = a
	return a, true
}

// verdict returns the verdict on whatever came under the operation's number, nil for nothing; expired tells that there
// may have been one.
func (c *commit) verdict(op *Op) (v *db.Verdict, expired bool) {
	for _, known := range [...]map[db.Repeat]db.Verdict{c.settled, c.kept} {
		if v, ok := known[op.repeat()]; ok {
			return &v, false
		}
	}
	// Between Expired and High: it was held back while later ones went ahead.
	return nil, op.Seq <= c.clients[op.Client].Expired
}

func forked(op *Op, what string) Answer {
	return Refusal(http.StatusConflict, table.CodeFork, "operation "+strconv.FormatInt(op.Seq, 10)+" of client "+op.Client+" "+what)
}

// version returns the version of the record in a verdict's body, if it is one.
func version(v *db.Verdict) string {
	r, err := table.ParseRecord(v.Body)
	if err != nil {
		return "" // a body that is no object has no version
	}
	return r.Version()
}

// settle keeps the answer to a repeatable operation, unless it is the server's own failure.
func (c *commit) settle(op *Op, a Answer) {
	if op.Client == "" || a.Status >= http.StatusInternalServerError {
		return
	}
	c.settled[op.repeat()] = db.Verdict{
		Repeat: op.repeat(), Request: op.Request, At: c.now, Status: a.Status, Body: a.Body,
	}
}
