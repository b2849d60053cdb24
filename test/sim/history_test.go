package sim_test

import (
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/larder-sync/larder/table"
)

// history is what a witness between clients and server has seen.
type history struct {
	bodies   map[string]string          // of operations, by id: what was sent stays as it is
	verdicts map[string]string          // that are final, by number and operation
	done     map[string]string          // the version that each operation has made
	effects  map[string]string          // versions, and the operation that made each
	records  map[string]table.Record    // what the server had, by version
	current  map[string]string          // the version of each record
	accepted map[string][]string        // what was accepted, by device and record, in order
	deleted  map[string]bool            // records that were deleted, once at least
	numbers  map[string]map[string]bool // the operations that came under a client's number
	numbered map[string]string          // the number of each operation
	undone   bool                       // what the server had done; versions count on from an older one
	aged     bool                       // the server has forgotten verdicts
	log      []string                   // the records that were changed, in order
}

func newHistory() history {
	return history{bodies: map[string]string{}, verdicts: map[string]string{}, done: map[string]string{}, effects: map[string]string{},
		records: map[string]table.Record{}, current: map[string]string{}, accepted: map[string][]string{},
		deleted: map[string]bool{}, numbers: map[string]map[string]bool{}, numbered: map[string]string{}}
}

// sent sees a push leave its client.
func (h *history) sent(w *world, r request) {
	requests, err := table.ParseBatch(r.Body)
	if err != nil {
		w.fail("%s: sent a batch that cannot be read: %v", r.from.name, err)
	}
	for i := range requests {
		q := &requests[i]
		if q.Method == http.MethodPatch && q.Body == nil {
			continue // it asks what became of the operation
		}
		alone := *q
		alone.Group = "" // where one of a group is in conflict, it stands alone until that has ended
		key := q.ID
		copied := len(r.from.clones) > 1
		if copied { // what waits in both may be merged and migrated in each
			key = r.from.name + "/" + q.ID
		}
		alone.Headers = maps.Clone(q.Headers)
		delete(alone.Headers, "repeatability-client-id") // which is the number
		body := string(table.AppendBatch(nil, []table.Request{alone}))
		if before := h.bodies[key]; before != "" && before != body {
			w.fail("%s: operation %s was sent as\n%s\nand then as\n%s", r.from.name, q.ID, before, body)
		}
		h.bodies[key] = body
		number := q.Headers["repeatability-client-id"]
		if h.numbers[number] == nil {
			h.numbers[number] = map[string]bool{}
		}
		if h.numbers[number][q.ID] = true; len(h.numbers[number]) > 1 && !copied || number == "" {
			w.fail("%s: the number %q belongs to several operations", r.from.name, number)
		}
		if before := h.numbered[key]; before != "" && before != number && !copied && !h.aged {
			w.fail("%s: operation %s was sent with the number %q, and then with %q", r.from.name, q.ID, before, number)
		}
		h.numbered[key] = number
	}
}

// answered sees the server answer a push, whether or not the client will.
func (h *history) answered(w *world, r request, body []byte) {
	requests, err := table.ParseBatch(r.Body)
	if err != nil {
		return // it was reported when it was sent
	}
	responses, err := table.ParseResponses(body)
	if err != nil {
		w.fail("the server's answer cannot be read: %v", err)
	}
	for i := range responses {
		if group := requests[i].Group; group != "" && len(r.from.clones) == 1 && i > 0 && requests[i-1].Group == group {
			if done := responses[i].Status < 300; done != (responses[i-1].Status < 300) {
				w.fail("half of %s's group %s was done", r.from.name, group)
			}
		}
		h.verdict(w, r.from, &requests[i], &responses[i])
	}
}

func (h *history) verdict(w *world, from *device, q *table.Request, a *table.Response) {
	switch {
	case a.Status >= 500, a.Status == 401, a.Status == 408, a.Status == 424, a.Status == 429,
		a.Body["code"] == string(table.CodeFork):
		return
	}
	verdict := strconv.Itoa(a.Status) + " " + string(table.AppendJSON(nil, a.Body))
	id, version, key := a.Body.ID(), a.Body.Version(), q.Headers["repeatability-client-id"]+" "+q.ID
	if before := h.verdicts[key]; before != "" && before != verdict && !h.aged {
		w.fail("operation %s of %s was answered\n%s\nand then\n%s", q.ID, from.name, before, verdict)
	}
	if h.verdicts[key] = verdict; a.Status >= 300 || h.done[q.ID] == version {
		return
	}
	if before := h.done[q.ID]; before != "" && !h.aged {
		w.fail("operation %s of %s took effect as %s and then as %s", q.ID, from.name, before, version)
	}
	h.done[q.ID] = version
	if by := h.effects[version]; by != "" && h.undone {
		return // it was brought back already
	} else if by != "" {
		w.fail("version %s was made by the operations %s and %s", version, by, q.ID)
	}
	h.effects[version] = q.ID
	if match, is := strings.Trim(q.Headers["if-match"], `"`), h.current[id]; q.Method != "POST" && is != "" && match != is {
		w.fail("%s changed %s on top of %q, when it was %q already: %s", from.name, id, match, is,
			string(table.AppendBatch(nil, []table.Request{*q})))
	}
	h.current[id], h.records[version] = version, a.Body
	h.log = append(h.log, id)
	key = from.name + "/" + id
	switch text, _ := q.Body["text"].(string); {
	case q.Method == "DELETE":
		h.deleted[id] = true
	case strings.HasPrefix(text, "w"):
		if n := len(h.accepted[key]); n > 0 && h.accepted[key][n-1] > text && !h.undone {
			w.fail("%s: %s of %s took effect after %s", from.name, text, id, h.accepted[key][n-1])
		}
		if slices.Contains(h.accepted[key], text) && !h.aged { // later it may be in conflict with itself, and be chosen
			w.fail("%s: %s of %s took effect twice", from.name, text, id)
		}
		h.accepted[key] = append(h.accepted[key], text)
	}
}

// took reports whether the server took a write of a device, or of what was copied with it.
func (h *history) took(from *device, id, text string) bool {
	return slices.ContainsFunc(from.clones, func(d *device) bool { return slices.Contains(h.accepted[d.name+"/"+id], text) })
}
