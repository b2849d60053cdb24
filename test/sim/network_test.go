package sim_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
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
	if t.whole {
		return t.serve(r)
	}
	if token != fmt.Sprint("token", t.token) || t.rng.IntN(25) == 0 {
		t.token++
		return replica.Answer{Status: http.StatusUnauthorized, Body: []byte(`{"code":"auth","error":"the token has expired"}`)}
	}
	switch t.rng.IntN(30) {
	case 0, 1, 2:
		return replica.Answer{Err: errLost}
	case 3, 4, 5:
		t.serve(r)
		return replica.Answer{Err: errLost}
	case 6, 7:
		t.late = append(t.late, r)
		return replica.Answer{Err: errLost}
	case 8:
		t.serve(r)
		return t.serve(r)
	case 9:
		return replica.Answer{Status: http.StatusOK, Body: portal}
	case 10:
		return replica.Answer{Status: http.StatusBadGateway, Body: portal}
	case 11:
		return replica.Answer{Status: http.StatusTooManyRequests, RetryAfter: time.Minute, Body: []byte(`{"error":"slow down"}`)}
	case 12:
		a := t.serve(r)
		a.Body = a.Body[:t.rng.IntN(len(a.Body)+1)]
		return a
	case 13:
		if r.Method == http.MethodPost && bytes.Count(r.Body, []byte(`"method"`)) > 1 {
			return replica.Answer{Status: http.StatusRequestEntityTooLarge}
		}
	case 14:
		t.deliver()
	}
	return t.serve(r)
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
	out := httptest.NewRecorder()
	w.api.ServeHTTP(out, in)
	answer := replica.Answer{Status: out.Code, Body: out.Body.Bytes()}
	if w.defect.answer != nil {
		answer = w.defect.answer(r.Send, answer)
	}
	if r.Method == http.MethodPost && out.Code == http.StatusOK {
		w.history.answered(w, r, out.Body.Bytes())
	}
	return answer
}
