package api_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/larder-sync/larder/server/api"
	"github.com/larder-sync/larder/table"
)

func TestImport(t *testing.T) {
	s := start(t, nil)
	load := func(text, name, id string) (api.Imported, error) {
		return s.api.Import(t.Context(), strings.NewReader(text), name, api.ImportOptions{ID: id})
	}

	for name, text := range map[string]string{
		"an array":                 `[{"alpha_3":"aaa","name":"Ghotuo"}, {"alpha_3":"aab","name":"Alumu-Tesu"}]`,
		"lines":                    "{\"alpha_3\":\"aaa\",\"name\":\"Ghotuo\"}\n{\"alpha_3\":\"aab\",\"name\":\"Alumu-Tesu\"}\n",
		"an object with one array": `{"639-3": [{"alpha_3":"aaa","name":"Ghotuo"}, {"alpha_3":"aab","name":"Alumu-Tesu"}]}`,
		"with a byte order mark": "\xef\xbb\xbf \n[{\"alpha_3\":\"aaa\",\"name\":\"Ghotuo\"}, " +
			"{\"alpha_3\":\"aab\",\"name\":\"Alumu-Tesu\"}]",
	} {
		t.Run(name, func(t *testing.T) {
			s := start(t, nil)
			n, err := s.api.Import(t.Context(), strings.NewReader(text), "note", api.ImportOptions{ID: "alpha_3"})
			if err != nil || n != (api.Imported{Added: 2}) {
				t.Fatalf("%+v, %v", n, err)
			}
			a := s.expect(s.do("GET", "/tables/note", ""), 200, `"id":"aaa"`, `"name":"Alumu-Tesu"`)
			if strings.Contains(a.text, "alpha_3") {
				t.Errorf("the id is there twice: %s", a.text)
			}
		})
	}

	t.Run("importing again moves only what differs", func(t *testing.T) {
		if n, err := load(`[{"id":"a","n":1},{"id":"b","n":2},{"id":"c","n":null}]`, "note", ""); err != nil ||
			n != (api.Imported{Added: 3}) {
			t.Fatalf("%+v, %v", n, err)
		}
		token := s.pull("$deltatoken=").Token
		n, err := load(`[{"id":"a","n":1},{"id":"b","n":3},{"id":"c"},{"id":"d"}]`, "note", "")
		if err != nil || n != (api.Imported{Added: 1, Changed: 1, Unchanged: 2}) {
			t.Fatalf("%+v, %v", n, err)
		}
		if got := changes(s.pull("$deltatoken=" + token)); got != "b d" {
			t.Errorf("moved: %s", got)
		}
	})

	t.Run("a record of one array is a record among others", func(t *testing.T) {
		n, err := load(`{"id":"only","tags":[]}`+"\n"+`{"id":"other","tags":["x"]}`, "note", "")
		if err != nil || n.Added != 2 {
			t.Errorf("%+v, %v", n, err)
		}
	})

	t.Run("more than fits into a transaction", func(t *testing.T) {
		var b strings.Builder
		const rows = 12_000
		for i := range rows {
			fmt.Fprintf(&b, `{"n":%d}`, i)
		}
		n, err := load(b.String(), "hard", "n")
		if err != nil || n.Added != rows {
			t.Fatalf("%+v, %v", n, err)
		}
		if live, err := s.db.Live(t.Context(), "hard"); live != rows || err != nil {
			t.Errorf("%d rows, %v", live, err)
		}
	})

	for name, c := range map[string]struct{ text, table, id, want string }{
		"an unknown table": {`[]`, "shopping", "", "shopping.json"},
		"nothing":          {" \n", "note", "", "nothing in it"},
		"no id": {`[{"id":"a"},{"name":"b"}]`, "note", "",
			"record 2: it has no id: name the column that identifies a record with --id"},
		"another id":            {`[{"id":"a"}]`, "note", "alpha_3", "record 1: it has no alpha_3"},
		"an id that is a list":  {`[{"id":[]}]`, "note", "", "record 1"},
		"a wrong type":          {`[{"id":"a"},{"id":"b"},{"id":"c","n":"x"}]`, "todoitem", "", "record 3"},
		"an unknown column":     {`[{"id":"a","txet":1}]`, "todoitem", "", "txet"},
		"no record":             {`[{"id":"a"},5]`, "note", "", "record 2"},
		"broken JSON":           {`[{"id":"a"},{"id":}]`, "note", "", "record 2, after byte 1"},
		"a file cut off":        {`[{"id":"a"},{"id":"b"`, "note", "", "record 2"},
		"a file cut in between": {`[{"id":"a"},`, "note", "", "ends too early"},
		"two arrays":            {`{"a":[],"b":[]}`, "note", "", "record 1: it has no id"},
		"something after it":    {`[{"id":"a"}] x`, "note", "", "after record 1"},
	} {
		t.Run(name, func(t *testing.T) {
			s := start(t, nil)
			n, err := s.api.Import(t.Context(), strings.NewReader(c.text), c.table, api.ImportOptions{ID: c.id})
			if err == nil || !strings.Contains(err.Error(), c.want) || n != (api.Imported{}) {
				t.Errorf("%+v, %v; want an error that says %q", n, err, c.want)
			}
			if code := table.CodeOf(err); code != table.CodeInvalid && code != table.CodeNotFound {
				t.Errorf("code %q", code)
			}
		})
	}
}
