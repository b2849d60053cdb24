package api_test

import (
	"strings"
	"testing"

	"github.com/larder-sync/larder/table"
)

// A client that has seen what is not in the past of this database is told so before anything of it is written.
func TestPast(t *testing.T) {
	s := start(t, nil)
	s.expect(s.do("POST", "/tables/note", `{"id":"1","text":"x"}`), 201)
	page := s.pull("$deltatoken=")
	mark := table.MarkOf(page.Token)
	if !page.Past.Has(mark) {
		t.Errorf("the first page tells the past %q, and is of %s", page.Past, mark)
	}
	if again := s.pull("$deltatoken=" + page.Token); again.Past != "" {
		t.Errorf("the next page tells the past again: %q", again.Past)
	}
	insert := `{"requests":[{"id":"1","method":"POST","url":"note","body":{"id":"2"}}]}`

	t.Run("a batch of one who is known is carried out", func(t *testing.T) {
		s.expect(s.do("POST", "/tables/$batch?$seen=note:"+mark.String()+",other:b-1,note:", insert), 200, `"status":201`)
		s.expect(s.do("POST", "/tables/$batch?$seen=note:"+mark.String(), `{"requests":[]}`), 200, `{"responses":[]}`)
	})
	t.Run("one of a stranger is not, and hears of the past", func(t *testing.T) {
		for _, seen := range []string{"note:strange-1", "NOTE:" + mark.Boot + "-99", "note:" + mark.String() + ",note:strange-1"} {
			a := s.expect(s.do("POST", "/tables/$batch?$seen="+seen, strings.Replace(insert, `"2"`, `"3"`, 1)), 410,
				`"code":"epoch"`, `"past":{"`+seen[:4]+`":"`+mark.Boot+`-2"}`)
			if strings.Contains(a.text, "responses") {
				t.Errorf("%s: %s", seen, a.text)
			}
		}
		s.expect(s.do("GET", "/tables/note/3", ""), 404)
	})
	t.Run("a pull of one who has seen more than its token says is refused", func(t *testing.T) {
		a := s.expect(s.do("GET", "/tables/note?$deltatoken="+page.Token+"&$seen="+mark.Boot+"-99", ""), 410, `"code":"epoch"`,
			`"past":{"note":`)
		if strings.Contains(a.text, "value") {
			t.Error(a.text)
		}
	})
	t.Run("a record that is brought back says so in its version, and those that follow", func(t *testing.T) {
		operation := func(n, method, url, headers, body string) string {
			return `{"requests":[{"id":"` + n + `","method":"` + method + `","url":"` + url + `","headers":{"repeatability-request-id":"` +
				n +
				`","repeatability-client-id":"c.` + n + `"` + headers + `},"body":` + body + `}]}`
		}
		batch := func(wants string, text string) {
			t.Helper()
			s.expect(s.do("POST", "/tables/$batch", text), 200, wants)
		}
		batch(`-3~old-7"`, operation("1", "POST", "note", `,"larder-lost":"old-7"`, `{"id":"4","text":"a"}`))
		batch(`-4~old-7+"`, operation("2", "PATCH", "note/4", "", `{"text":"b"}`))
		batch(`-5~old-9"`, operation("3", "PATCH", "note/4", `,"larder-lost":"old-9"`, `{"text":"c"}`))
		batch(`-6~old-9+"`, operation("4", "DELETE", "note/4", "", `null`))
		batch(`"status":400`, operation("5", "PATCH", "note/1", `,"larder-lost":"~"`, `{"text":"c"}`))
		page := s.pull("$deltatoken=-0")
		if last := page.Changes[len(page.Changes)-1]; last.Removed != table.ReasonDeleted || last.Version != mark.Boot+"-6~old-9+" {
			t.Errorf("its tombstone is %+v", last)
		}
	})
}
