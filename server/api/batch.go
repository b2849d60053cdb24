package api

import (
	"fmt"
	"net/http"
	"runtime/debug"
	"strconv"
	"strings"

	"github.com/larder-sync/larder/server/feed"
	"github.com/larder-sync/larder/table"
)

// batch carries out many writes in one transaction. A write that is refused does not stop the others, but for those of its
// atomicity group.
func (a *API) batch(r *http.Request) (reply, error) {
	if r.Method != http.MethodPost {
		return reply{}, notAllowed(r.Method, http.MethodPost)
	}
	if err := a.remembers(r); err != nil {
		return reply{}, err
	}
	data, err := a.readBody(r)
	if err != nil {
		return reply{}, err
	}
	requests, err := table.ParseBatch(data)
	if err != nil {
		return reply{}, err
	}
	if err := checkGroups(requests); err != nil {
		return reply{}, err
	}
	if len(requests) == 0 { // a client asks whether it is remembered
		return reply{status: http.StatusOK, body: appendAnswers(nil, nil, nil)}, nil
	}
	ops, contexts := make([]feed.Op, len(requests)), make([]*Context, len(requests))
	for i := range requests {
		if ops[i], contexts[i], err = a.batched(r, &requests[i]); err != nil {
			ops[i] = feed.Op{Refused: a.refusal(r, err)}
		}
		ops[i].Group = requests[i].Group
	}
	answers, err := a.feed.Push(r.Context(), ops)
	if err != nil {
		return reply{}, err
	}
	for i, c := range contexts {
		if c != nil && answers[i].OK() && answers[i].Version != "" {
			a.batchedDone(r, c, &answers[i])
		}
	}
	return reply{status: http.StatusOK, body: appendAnswers(nil, requests, answers)}, nil
}

// checkGroups reports a group whose members are not next to each other: the order of operations would be unclear.
func checkGroups(requests []table.Request) error {
	ended := map[string]bool{}
	for i := range requests {
		group := requests[i].Group
		if i > 0 && requests[i-1].Group != group {
			ended[requests[i-1].Group] = true
		}
		if group != "" && ended[group] {
			return table.Errorf(table.CodeInvalid, "request ", strconv.QuoteToGraphic(requests[i].ID),
				" stands apart from the others of its atomicityGroup: put them next to each other")
		}
	}
	return nil
}

// refusal is the answer to one request of a batch that failed.
func (a *API) refusal(r *http.Request, err error) *feed.Answer {
	out := a.refuse(r, err)
	if out.text {
		out.body = feed.Refusal(out.status, table.CodeOf(err), string(out.body)).Body
	}
	return &feed.Answer{Status: out.status, Body: out.body}
}

// batchedDone runs what comes after one request of a batch, and takes over what that changed in the answer.
func (a *API) batchedDone(r *http.Request, c *Context, out *feed.Answer) {
	fn := c.hooks.of(c.Operation).After
	if fn == nil && c.Table.Webhook == "" {
		return // the stored record is the answer as it is
	}
	err := caught(func() error { return a.finish(c, *out) })
	if err != nil {
		*out = *a.refusal(r, err)
	} else if fn != nil {
		out.Body = table.AppendJSON(nil, c.Item)
	}
}

// caught makes an error of a panic in one request's hook, so that its neighbours in the batch do not suffer from it.
func caught(fn func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
	}()
	return fn()
}

// batched reads one request of a batch.
func (a *API) batched(batch *http.Request, r *table.Request) (op feed.Op, c *Context, err error) {
	path := strings.TrimPrefix(r.URL, table.PathTables)
	if strings.ContainsAny(path, "?#") {
		return feed.Op{}, nil, table.Errorf(table.CodeInvalid, "the URL ", strconv.QuoteToGraphic(r.URL),
			` is not like "todoitem" or "todoitem/ID"`)
	}
	t, id, err := a.resolve(path)
	if err != nil {
		if table.CodeOf(err) == table.CodeNotFound {
			// Not 404: to a client that deletes, that says the record is gone, and the delete is done.
			err = status(http.StatusBadRequest, table.Errorf(table.CodeInvalid, err.Error()))
		}
		return feed.Op{}, nil, err
	}
	header := func(name string) string { return r.Headers[strings.ToLower(name)] }
	err = caught(func() (err error) {
		op, c, err = a.operation(write{request: batch, speaks: batched, method: r.Method, table: t, id: id, header: header,
			body: r.Body})
		return err
	})
	return op, c, err
}

// appendAnswers writes the body of the answer. Records are JSON already, which [table.AppendResponses] would have to read to
// write again.
func appendAnswers(dst []byte, requests []table.Request, answers []feed.Answer) []byte {
	dst = append(dst, `{"responses":[`...)
	for i, a := range answers {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(dst, `{"id":`...)
		dst = table.AppendJSON(dst, requests[i].ID)
		dst = append(dst, `,"status":`...)
		dst = strconv.AppendInt(dst, int64(a.Status), 10)
		if a.Version != "" {
			dst = append(dst, `,"headers":{"etag":`...)
			dst = table.AppendJSON(dst, `"`+a.Version+`"`)
			dst = append(dst, '}')
		}
		dst = append(dst, `,"body":`...)
		dst = append(dst, a.Body...)
		dst = append(dst, '}')
	}
	return append(dst, "]}"...)
}
