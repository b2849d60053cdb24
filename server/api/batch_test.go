package api_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/larder-sync/larder/table"
)

// push sends a batch and parses the answers.
func (s *server) push(body string) []table.Response {
	s.t.Helper()
	a := s.expect(s.do("POST", "/tables/$batch", body, "ZUMO-API-VERSION:"), 200)
	responses, err := table.ParseResponses([]byte(a.text))
	if err != nil {
		s.t.Fatal(err)
	}
	return responses
}

// statuses lists the statuses of answers, with the codes of those that are errors.
func statuses(responses []table.Response) string {
	var all []string
	for _, r := range responses {
		text := fmt.Sprint(r.Status)
		if code, ok := r.Body["code"]; ok {
			text += fmt.Sprint(":", code)
		}
		all = append(all, text)
	}
	return strings.Join(all, " ")
}

// op is the headers of the client's operation number seq.
func op(client string, seq int, more string) string {
	return fmt.Sprintf(`"headers":{"Repeatability-Request-ID":"op-%d","repeatability-client-id":"%s.%d"%s}`, seq, client, seq, more)
}

func TestBatch(t *testing.T) {
	s := start(t, nil)

	t.Run("each request has its answer, in order, and one that fails stops no other", func(t *testing.T) {
		responses := s.push(batch(
			`{"method":"POST","url":"todoitem","body":{"id":"a","text":"bread"},`+op("c", 1, "")+`}`,
			`{"method":"POST","url":"/tables/todoitem","body":{"id":"b","text":5},`+op("c", 2, "")+`}`,
			`{"method":"PATCH","url":"todoitem/a","body":{"complete":true},`+op("c", 3, `,"if-match":"\"b-1\""`)+`}`,
			`{"method":"PATCH","url":"todoitem/a","body":{"complete":false},`+op("c", 4, `,"If-Match":"\"b-1\""`)+`}`,
			`{"method":"POST","url":"todoitem","body":{"id":"a","text":"other"},`+op("c", 5, "")+`}`,
			`{"method":"POST","url":"note","body":{"id":"a b%","createdAt":"2020-01-01T00:00:00.000Z","deleted":true},`+op("c", 6, "")+`}`,
			`{"method":"DELETE","url":"note/a%20b%25",`+op("c", 7, "")+`}`,
			`{"method":"DELETE","url":"/tables/note/a%20b%25",`+op("c", 8, "")+`}`,
			`{"method":"PATCH","url":"todoitem/none","body":{},`+op("c", 9, "")+`}`,
			`{"method":"DELETE","url":"shopping/a",`+op("c", 10, "")+`}`,
			`{"method":"GET","url":"todoitem/a",`+op("c", 11, "")+`}`,
			`{"method":"POST","url":"note?x=1","body":{},`+op("c", 12, "")+`}`,
		))
		want := "201 400:invalid 200 412 409 201 200 404:not-found 404:not-found 400:invalid 400:invalid 400:invalid"
		if got := statuses(responses); got != want {
			t.Fatalf("statuses %s\nwant     %s", got, want)
		}
		for i, r := range responses {
			if r.ID != fmt.Sprint(i) {
				t.Errorf("answer %d has the id %q", i, r.ID)
			}
		}
		// A conflict of either kind brings the server's record and its tag.
		for _, i := range []int{2, 3, 4} {
			if r := responses[i]; r.Body["text"] != "bread" || r.Body["complete"] != true || r.Headers["etag"] != `"b-2"` ||
				r.Body.Version() != "b-2" {
				t.Errorf("answer %d: %+v", i, r)
			}
		}
		if created := responses[5].Body; created.Deleted() || created["createdAt"] == "2020-01-01T00:00:00.000Z" {
			t.Errorf("the app's system columns were kept: %v", created)
		}
		if tombstone := responses[6].Body; !tombstone.Deleted() || tombstone.ID() != "a b%" {
			t.Errorf("a delete's answer: %v", tombstone)
		}
	})

	t.Run("a group is done whole or not at all", func(t *testing.T) {
		group := func(seq int, text string) string {
			return `{"method":"POST","url":"note","atomicityGroup":"g","body":` + text + `,` + op("g", seq, "") + `}`
		}
		responses := s.push(batch(group(1, `{"id":"g1"}`), group(2, `{"id":"bad/id"}`), group(3, `{"id":"g3"}`),
			`{"method":"POST","url":"note","body":{"id":"g4"},`+op("g", 4, "")+`}`))
		if got := statuses(responses); got != "424:conflict 400:invalid 424:conflict 201" {
			t.Error(got)
		}
		s.expect(s.do("GET", "/tables/note/g1", ""), 404)

		apart := batch(group(5, `{"id":"g5"}`), `{"method":"POST","url":"note","body":{}}`, group(6, `{"id":"g6"}`))
		s.expect(s.do("POST", "/tables/$batch", apart), 400, "atomicityGroup")
		s.expect(s.do("GET", "/tables/note/g5", ""), 404)
	})

	t.Run("too many requests are 413", func(t *testing.T) {
		requests := make([]string, table.MaxBatch+1)
		for i := range requests {
			requests[i] = `{"method":"POST","url":"note","body":{}}`
		}
		s.expect(s.do("POST", "/tables/$batch", batch(requests...)), 413, `"code":"limit"`)
	})
}

// A push of 50 commits and its answer is lost; it is sent again, and then once more with 10 more.
func TestAnswerLost(t *testing.T) {
	s := start(t, nil)
	requests := func(n int) string {
		list := make([]string, n)
		for i := range list {
			seq := i + 1
			switch {
			case i%10 == 7: // of the record before the last
				list[i] = fmt.Sprintf(`{"method":"PATCH","url":"note/%d","body":{"changed":true},%s}`, i-2, op("c", seq, ""))
			case i%10 == 8:
				list[i] = fmt.Sprintf(`{"method":"DELETE","url":"note/%d",%s}`, i-3, op("c", seq, ""))
			case i%10 == 9: // refused: it is deleted
				list[i] = fmt.Sprintf(`{"method":"PATCH","url":"note/%d","body":{"changed":false},%s}`, i-4, op("c", seq, ""))
			default:
				list[i] = fmt.Sprintf(`{"method":"POST","url":"note","body":{"id":"%d"},%s}`, i, op("c", seq, ""))
			}
		}
		return batch(list...)
	}

	deaf := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.api.ServeHTTP(httptest.NewRecorder(), r)
		connection, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		connection.Close()
	}))
	defer deaf.Close()
	if w, err := http.Post(deaf.URL+"/tables/$batch", "application/json", strings.NewReader(requests(50))); err == nil {
		w.Body.Close()
		t.Fatal("the answer was not lost")
	}
	before := s.expect(s.do("GET", "/tables/note?$deltatoken=-0", ""), 200).text
	if !strings.Contains(before, `$deltatoken=b-45"`) { // 50 less 5 that are refused
		t.Fatalf("the lost push did not commit: %s", before)
	}

	again := s.push(requests(50))
	if got := strings.Count(statuses(again), "404"); got != 5 {
		t.Errorf("%d refused: %s", got, statuses(again))
	}
	if after := s.do("GET", "/tables/note?$deltatoken=-0", "").text; after != before {
		t.Errorf("the second push had an effect:\nbefore %s\nafter  %s", before, after)
	}

	more := s.push(requests(60))
	for i := range again {
		if fmt.Sprint(more[i]) != fmt.Sprint(again[i]) {
			t.Errorf("operation %d: first %v, then %v", i, again[i], more[i])
		}
	}
	if got := statuses(more[50:]); got != "201 201 201 201 201 201 201 200 200 404:not-found" {
		t.Errorf("the new ones: %s", got)
	}
	if !strings.Contains(s.do("GET", "/tables/note?$deltatoken=-0", "").text, `$deltatoken=b-54"`) {
		t.Error("the third push was not 9 effects")
	}
}

// Two copies of a client use one number for different operations.
func TestFork(t *testing.T) {
	s := start(t, nil)
	insert := func(seq int, request, id string) string {
		return fmt.Sprintf(`{"method":"POST","url":"note","body":{"id":"%s"},`+
			`"headers":{"repeatability-request-id":"%s","repeatability-client-id":"c.%d"}}`, id, request, seq)
	}
	s.push(batch(insert(1, "one", "a")))
	if got := statuses(s.push(batch(insert(1, "two", "b"), insert(2, "three", "c")))); got != "409:fork 409:fork" {
		t.Error(got)
	}
	s.expect(s.do("GET", "/tables/note", ""), 200, `"id":"a"`)
	for _, id := range []string{"b", "c"} {
		s.expect(s.do("GET", "/tables/note/"+id, ""), 404)
	}
}

func TestRepeatableSingle(t *testing.T) {
	s := start(t, nil)
	headers := []string{"Repeatability-Request-ID: one", "Repeatability-Client-ID: c.1"}
	first := s.expect(s.do("POST", "/tables/note", `{"id":"a","text":"x"}`, headers...), 201)
	again := s.expect(s.do("POST", "/tables/note", `{"id":"a","text":"x"}`, headers...), 201)
	if first.text != again.text || first.header.Get("ETag") != again.header.Get("ETag") {
		t.Errorf("%s\n%s", first.text, again.text)
	}
	taken := s.do("POST", "/tables/note", `{"id":"a","text":"y"}`, "Repeatability-Request-ID: two", "Repeatability-Client-ID: c.2")
	s.expect(taken, 409, `"text":"x"`, `"version":"b-1"`)
}
