package store_test

import (
	"testing"

	"github.com/larder-sync/larder/table"
	"github.com/larder-sync/larder/wasm/replica"
	"github.com/larder-sync/larder/wasm/store"
)

func TestPattern(t *testing.T) {
	schema := &table.Database{Version: 3, Tables: []*table.Schema{{
		Name: "item", Columns: []table.Column{{Name: "due", Type: table.TypeDate}, {Name: "text", Type: table.TypeString}},
		Indexes: []table.Index{{Columns: []string{"text"}}},
	}}}
	columns := `{"columns":{"due":"date","text":"string"},"steps":[{"op":"put","store":"item","values":[{"id":"made"}],"encode":["text"]}`
	get := `{"op":"get","store":"item","keys":["?"]}`
	both := `{"stores":["item","$outbox","$meta"],"reads":[` + get + `,{"op":"lookup","store":"$outbox","index":"record","keys":[["item","?"]]},` +
		`{"op":"get","store":"$meta","keys":["flight"]}]}`
	for _, c := range []struct {
		name    string
		journal store.Journal
		want    string
	}{
		{"of a table that is not synced", nil,
			columns + `],"insert":{"stores":["item"],"reads":[` + get + `]},"update":{"stores":["item"],"reads":[` + get + `]}}`},
		{"of one with an outbox", replica.NewOutbox(replica.OutboxOptions{NewID: made, Now: func() string { return "now" }}),
			columns + `,{"op":"put","store":"$outbox","values":[{"action":"insert","attempts":0,"base":null,"createdAt":"now","id":"made",` +
				`"principal":"","reason":"","record":{"id":"made"},"recordId":"made","schema":3,"server":null,"state":"waiting","table":"item"}]}],` +
				`"put":` + both + `,"insert":` + both + `,"update":` + both + `,"delete":` + both + `}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, err := store.Open(t.Context(), store.Options{
				Name: t.Name(), Schema: schema, Open: store.Memory(), NewID: made, Journal: c.journal,
			})
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			p, err := s.Pattern("item")
			if err != nil {
				t.Fatal(err)
			}
			if got := string(p.AppendJSON(nil)); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
			if _, err := s.Pattern("other"); table.CodeOf(err) != table.CodeNotFound {
				t.Errorf("of another table: %v", err)
			}
		})
	}
}

func made() string { return "made" }
