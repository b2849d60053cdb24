package api

import (
	"net/http"
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
	ops := make([]feed.Op, len(requests))
	for i := range requests {
		if ops[i], err = a.batched(&requests[i]); err != nil {
			refusal := feed.Refusal(statusOf(err), table.CodeOf(err), err.Error())
			ops[i] = feed.Op{Refused: &refusal}
		}
		ops[i].Group = requests[i].Group
	}
	answers, err := a.feed.Push(r.Context(), ops)
	if err != nil {
		return reply{}, err
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

// batched reads one request of a batch.
func (a *API) batched(r *table.Request) (feed.Op, error) {
	path := strings.TrimPrefix(r.URL, table.PathTables)
	if strings.ContainsAny(path, "?#") {
		return feed.Op{}, table.Errorf(table.CodeInvalid, "the URL ", strconv.QuoteToGraphic(r.URL),
			` is not like "todoitem" or "todoitem/ID"`)
	}
	t, id, err := a.resolve(path)
	if err != nil {
		if table.CodeOf(err) == table.CodeNotFound {
			// Not 404: to a client that deletes, that says the record is gone, and the delete is done.
			err = status(http.StatusBadRequest, table.Errorf(table.CodeInvalid, err.Error()))
		}
		return feed.Op{}, err
	}
	header := func(name string) string { return r.Headers[strings.ToLower(name)] }
	return a.operation(write{method: r.Method, table: t, id: id, header: header, body: r.Body})
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
