package sim_test

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/larder-sync/larder/table"
	"github.com/larder-sync/larder/wasm/replica"
)

// request is one on its way. It may come late, twice, or after others.
type request struct {
	from *device
	replica.Send
}

var (
	errLost = errors.New("the connection was reset")
	portal  = []byte("<!doctype html><title>Welcome to our network</title>")
)

// Send is the network of a tab, [replica.Network]. A tab that was killed sends nothing.
func (t *session) Send(_ context.Context, s replica.Send, token string) replica.Answer {
	if t.over {
		return replica.Answer{Err: errLost}
	}
	t.burn()
	if token == "" {
		token = s.Headers["x-zumo-auth"] // a server that has answered like a plain Azure one is told so
	}
	if sub := replica.Subject(token); sub != t.owner {
		t.fail("%s: %s's data is sent as %q", t.name, t.owner, sub)
	}
	t.signedIn = true
	if t.requests++; t.requests > 300 {
		t.fail("%s: %d requests in one sync", t.name, t.requests)
	}
	if t.violation != "" { // ends what would not end
		return replica.Answer{Status: http.StatusBadRequest}
	}
	if t.defect.send != nil {
		s = t.defect.send(s)
	}
	r := request{t.device, s}
	if s.Method == http.MethodPost {
		if other := t.flying; other != nil && !other.over {
			t.fail("%s: two pushes at once", t.name)
		}
		t.flying = t
		defer func() {
			if t.flying == t {
				t.flying = nil
			}
		}()
		t.history.sent(t.world, r)
	}
	answer := t.carry(r, token)
	t.note("%s.%d: %s %.60s: %d %v", t.name, t.number, s.Method, s.Path, answer.Status, answer.Err)
	if t.chance(4) { // life goes on while the request is under way
		other := t.tabs[t.rng.IntN(len(t.tabs))]
		if t.rng.IntN(3) == 0 && other != t.tab {
			other.sync()
		} else {
			other.write()
		}
	}
	return answer
}

// carry takes a request to the server and its answer back, or something else.
func (t *tab) carry(r request, token string) replica.Answer {
	switch {
	case t.dark:
		return t.losePower(r)
	case t.cut[t.device]:
		return replica.Answer{Err: errLost}
	case t.whole || t.still:
		return t.serve(r)
	case token != t.token() || t.rng.IntN(25) == 0:
		t.tokens++
		t.meet("a token expires")
		return replica.Answer{Status: http.StatusUnauthorized, Body: []byte(`{"code":"auth","error":"the token has expired"}`)}
	}
	if t.most > 0 && r.Method == http.MethodPost && bytes.Count(r.Body, []byte(`"method"`)) > t.most {
		t.meet("a batch is too large")
		return replica.Answer{Status: http.StatusRequestEntityTooLarge}
	}
	switch t.rng.IntN(36) {
	case 0, 1, 2:
		t.meet("a request is lost")
		return replica.Answer{Err: errLost}
	case 3, 4, 5:
		t.meet("an answer is lost")
		t.serve(r)
		return replica.Answer{Err: errLost}
	case 6, 7:
		t.meet("a request comes late, after others")
		t.late = append(t.late, r)
		return replica.Answer{Err: errLost}
	case 8:
		t.meet("a request comes twice")
		t.serve(r)
		return t.serve(r)
	case 9:
		t.meet("a portal answers")
		return replica.Answer{Status: http.StatusOK, Body: portal}
	case 10:
		t.meet("a proxy answers 502")
		return replica.Answer{Status: http.StatusBadGateway, Body: portal}
	case 11:
		t.meet("the server answers 429")
		return replica.Answer{Status: http.StatusTooManyRequests, RetryAfter: time.Minute, Body: []byte(`{"error":"slow down"}`)}
	case 12:
		t.meet("an answer is cut off")
		a := t.serve(r)
		a.Body = a.Body[:t.rng.IntN(len(a.Body)+1)]
		return a
	case 13:
		t.deliver()
	case 14:
		t.meet("somebody answers with JSON of another kind")
		return replica.Answer{Status: http.StatusOK, Body: []byte(rubbish[t.rng.IntN(len(rubbish))])}
	case 15:
		return t.half(r)
	}
	return t.serve(r)
}

// rubbish is what no server of ours answers.
var rubbish = []string{"", "null", "{}", "[]", `{"value":null}`, `{"responses":[]}`, `{"responses":[{"id":"x","status":200}]}`,
	`{"value":[{}]}`,
	`{"value":[{"id":"r1","text":"rubbish"}]}`, `{"value":[]}`, `{"error":"no"}`}

// half has the server carry out the first operations of a push, and refuse the others, because the token expires between them.
func (t *tab) half(r request) replica.Answer {
	list, err := table.ParseBatch(r.Body)
	if r.Method != http.MethodPost || err != nil || len(list) == 0 {
		return t.serve(r)
	}
	n := t.rng.IntN(len(list))
	for n > 0 && n < len(list) && list[n].Group != "" && list[n].Group == list[n-1].Group {
		n-- // a group stays together
	}
	if n == 0 {
		return t.serve(r)
	}
	t.meet("a token expires within a batch")
	first := r
	first.Body = table.AppendBatch(nil, list[:n])
	a := t.serve(first)
	responses, err := table.ParseResponses(a.Body)
	if err != nil {
		return a
	}
	for i := n; i < len(list); i++ {
		responses = append(responses, table.Response{ID: list[i].ID, Status: http.StatusUnauthorized,
			Body: table.Record{"code": "auth", "error": "the token has expired"}})
	}
	a.Body = table.AppendResponses(nil, responses)
	return a
}

// deliver brings what was late, in any order; nobody waits for the answers.
func (w *world) deliver() {
	late := w.late
	w.late = nil
	w.rng.Shuffle(len(late), func(i, j int) { late[i], late[j] = late[j], late[i] })
	for _, r := range late {
		w.note("late: %s %.60s", r.Method, r.Path)
		w.serve(r)
	}
}

// serve lets the server answer.
func (w *world) serve(r request) replica.Answer {
	sent := r.Send
	if w.defect.request != nil {
		sent = w.defect.request(sent)
	}
	in := httptest.NewRequest(sent.Method, sent.Path, bytes.NewReader(sent.Body))
	in.Header.Set("ZUMO-API-VERSION", table.ZUMOVersion)
	in.Header.Set("Content-Type", "application/json")
	for name, v := range sent.Headers {
		in.Header.Set(name, v)
	}
	out := httptest.NewRecorder()
	w.api.ServeHTTP(out, in)
	answer := replica.Answer{Status: out.Code, Body: out.Body.Bytes()}
	if w.defect.answer != nil {
		answer = w.defect.answer(r.Send, answer)
	}
	if r.Method == http.MethodPost && out.Code == http.StatusOK && !w.dark {
		w.history.answered(w, r, out.Body.Bytes())
	}
	return answer
}
