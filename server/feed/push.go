package feed

import (
	"cmp"
	"net/http"
	"strconv"

	"github.com/larder-sync/larder/server/db"
	"github.com/larder-sync/larder/table"
)

func compareRepeat(a, b repeat) int {
	return cmp.Or(cmp.Compare(a.client, b.client), cmp.Compare(a.seq, b.seq))
}

// push judges the operations of one job, group by group. Once an operation shows that its client is a copy, the client's
// later ones are refused as well: they may build on the one that was not carried out.
func (c *commit) push(ops []Op) ([]Answer, error) {
	answers := make([]Answer, len(ops))
	copies := map[string]Answer{} // clients that are copies, and the answer that says so
	for start, end := 0, 0; start < len(ops); start = end {
		for end = start + 1; end < len(ops) && ops[start].Group != "" && ops[end].Group == ops[start].Group; {
			end++
		}
		if err := c.group(ops[start:end], answers[start:end], copies); err != nil {
			return nil, err
		}
	}
	return answers, nil
}

// group carries out all operations or none. Those that were carried out before count as done.
func (c *commit) group(ops []Op, answers []Answer, copies map[string]Answer) error {
	known := make([]bool, len(ops)) // answered without being judged now
	failed := -1
	for i := range ops {
		var err error
		if answers[i], known[i], err = c.recall(&ops[i], copies); err != nil {
			return err
		}
		for k := 0; k < i && !known[i]; k++ {
			if ops[i].Client != "" && ops[i].Client == ops[k].Client && ops[i].Seq == ops[k].Seq {
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
func (c *commit) recall(op *Op, copies map[string]Answer) (a Answer, known bool, err error) {
	if op.Client == "" {
		return Answer{}, false, nil
	}
	v, expired, err := c.verdict(op)
	switch {
	case err != nil:
		return Answer{}, false, err
	case v != nil && v.Op == op.Request:
		return Answer{Status: v.Status, Body: v.Body, Version: version(v)}, true, nil
	case v != nil:
		a = forked(op, "was another one: two copies of the client are at work; take a new client id")
	case expired:
		a = forked(op, "is so old that its verdict was forgotten: take a new client id, and push it as a new operation")
	default:
		a, known = copies[op.Client]
		return a, known, nil
	}
	copies[op.Client] = a
	return a, true, nil
}

// verdict returns the verdict on whatever came under the operation's number, nil for nothing; expired tells that there
// may have been one.
func (c *commit) verdict(op *Op) (v *db.Verdict, expired bool, err error) {
	if v, ok := c.settled[repeat{op.Client, op.Seq}]; ok {
		return &v, false, nil
	}
	client, ok := c.clients[op.Client]
	if !ok {
		if client, err = c.tx.Client(op.Client); err != nil {
			return nil, false, err
		}
		c.clients[op.Client] = client
	}
	if op.Seq > client.High {
		return nil, false, nil
	}
	found, ok, err := c.tx.Verdict(op.Client, op.Seq)
	if err != nil || !ok { // between Expired and High: it was held back while later ones went ahead
		return nil, op.Seq <= client.Expired, err
	}
	return &found, false, nil
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
	c.settled[repeat{op.Client, op.Seq}] = db.Verdict{
		Client: op.Client, Seq: op.Seq, Op: op.Request, At: c.now, Status: a.Status, Body: a.Body,
	}
}
