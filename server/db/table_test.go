package db_test

import (
	"os"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/larder-sync/larder/server/db"
	"github.com/larder-sync/larder/table"
)

func TestParseTable(t *testing.T) {
	t.Run("what is left out has Azure's values, but deletes are remembered", func(t *testing.T) {
		parsed, err := db.ParseTable("note", []byte(`{}`))
		if err != nil {
			t.Fatal(err)
		}
		if !parsed.Schema.Dynamic || !parsed.SoftDelete || parsed.PageSize != 50 || parsed.MaxTop != 1000 || parsed.Name() != "note" {
			t.Errorf("%+v, %+v", parsed, parsed.Schema)
		}
	})

	t.Run("who may do what", func(t *testing.T) {
		for file, want := range map[string]string{
			`{}`:                         "anonymous anonymous anonymous anonymous anonymous",
			`{"access":"authenticated"}`: "authenticated authenticated authenticated authenticated authenticated",
			`{"access":"Disabled","read":{"access":"anonymous"}}`: "anonymous disabled disabled disabled disabled",
			`{"authorize":true,"delete":{"disable":true}}`: "authenticated authenticated authenticated " +
				"disabled authenticated",
			`{"access":{"insert":"authenticated","undelete":"disabled"}}`: "anonymous authenticated anonymous anonymous " +
				"disabled",
			`{"access":"authenticated","read":"anonymous","update":{"authorize":true}}`: "anonymous authenticated authenticated " +
				"authenticated authenticated",
			`{"authorize":true,"disable":true}`: "disabled disabled disabled disabled disabled",
		} {
			parsed, err := db.ParseTable("note", []byte(file))
			if err != nil {
				t.Errorf("%s: %v", file, err)
				continue
			}
			var got []string
			for _, op := range db.Operations {
				got = append(got, string(parsed.Rules.For(op)))
			}
			if strings.Join(got, " ") != want {
				t.Errorf("%s: %v", file, got)
			}
		}
	})

	t.Run("records expire by the calendar", func(t *testing.T) {
		parsed, err := db.ParseTable("note", []byte(`{"recordsExpire":{"months":1,"weeks":1,"hours":2}}`))
		if err != nil {
			t.Fatal(err)
		}
		at, ok := parsed.Expiry.Before(time.Date(2026, 3, 15, 12, 0, 0, 0, time.UTC))
		if want := time.Date(2026, 2, 8, 10, 0, 0, 0, time.UTC); !ok || !at.Equal(want) {
			t.Errorf("%v, %v", at, ok)
		}
	})

	t.Run("what means nothing is named", func(t *testing.T) {
		parsed, err := db.ParseTable("note", []byte(`{"zest":1,"columns":{},"colour":"red"}`))
		if err != nil || strings.Join(parsed.Unknown, " ") != "colour zest" {
			t.Errorf("%+v, %v", parsed, err)
		}
	})

	t.Run("the owner's column is there", func(t *testing.T) {
		parsed, err := db.ParseTable("note", []byte(`{"perUser":true,"dynamicSchema":false}`))
		if c, ok := parsed.Schema.Column("userId"); err != nil || !ok || parsed.Owner != "userId" {
			t.Errorf("%+v, %v", c, err)
		}
	})

	for name, file := range map[string]struct{ text, want string }{
		"broken JSON tells the byte":                {`{"columns":}`, "byte 11"},
		"an unknown type names the column":          {`{"columns":{"due":"moment"}}`, "due"},
		"an index of no column names it":            {`{"columns":{},"indexes":["due"],"dynamicSchema":false}`, "due"},
		"a page size must be a number":              {`{"pageSize":"many"}`, "pageSize"},
		"a page cannot be greater than the maximum": {`{"pageSize":20,"maxTop":10}`, "pageSize"},
		"a wrong seed is counted":                   {`{"columns":{"n":"number"},"seed":[{"n":1},{"n":"one"}]}`, "seed, record 2"},
		"seeds are records":                         {`{"seed":["bread"]}`, "seed, record 1"},
		"softDelete is a boolean":                   {`{"softDelete":"yes"}`, "softDelete"},
		"access is one of three words":              {`{"access":"friends"}`, `"friends"`},
		"so is an operation's":                      {`{"read":{"access":7}}`, "read"},
		"operations have names":                     {`{"access":{"peek":"anonymous"}}`, "peek"},
		"authorize is a boolean":                    {`{"authorize":"yes"}`, "authorize"},
		"an owner's column is a string":             {`{"perUser":true,"columns":{"userId":"number"}}`, "userId"},
		"records expire after whole units":          {`{"recordsExpire":{"days":1.5}}`, "days"},
		"which have names":                          {`{"recordsExpire":{"moons":1}}`, "moons"},
		"a webhook is a URL":                        {`{"webhook":{"url":"ftp://example.com"}}`, "webhook"},
		"a name in the database is a name":          {`{"databaseTableName":"a b"}`, "databaseTableName"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := db.LoadTables(fstest.MapFS{"note.json": {Data: []byte(file.text)}})
			if err == nil || !strings.Contains(err.Error(), file.want) || !strings.Contains(err.Error(), "note.json") {
				t.Errorf("error = %v, want one that names note.json and %q", err, file.want)
			}
		})
	}
}

func TestLoadTables(t *testing.T) {
	t.Run("the sample apps' tables", func(t *testing.T) {
		tables, err := db.LoadTables(os.DirFS("../../tables"))
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, parsed := range tables {
			names = append(names, parsed.Name())
		}
		if got := strings.Join(names, " "); got != "language todoitem" {
			t.Errorf("tables: %s", got)
		}
		if n := len(tables[1].Seed); n != 3 {
			t.Errorf("todoitem has %d seeds", n)
		}
	})

	t.Run("names that SQL would mix up", func(t *testing.T) {
		_, err := db.LoadTables(fstest.MapFS{"Note.json": {Data: []byte(`{}`)}, "note.json": {Data: []byte(`{}`)}})
		if err == nil || !strings.Contains(err.Error(), "Note.json") {
			t.Errorf("error = %v", err)
		}
	})

	t.Run("a file whose name cannot be a table's", func(t *testing.T) {
		_, err := db.LoadTables(fstest.MapFS{"my notes.json": {Data: []byte(`{}`)}})
		if err == nil || !strings.Contains(err.Error(), "my notes.json") {
			t.Errorf("error = %v", err)
		}
	})
}

func TestCursor(t *testing.T) {
	for _, c := range []db.Cursor{
		{},
		db.At(db.Mark{Boot: "k3x", Seq: 12}),
		{Anchor: db.Mark{Boot: "k3x", Seq: 12}, After: 5},
		{Anchor: db.Mark{Boot: "k3x", Seq: 12}},
	} {
		if got, err := db.ParseCursor(c.String()); got != c || err != nil {
			t.Errorf("%+v as %q reads back as %+v, %v", c, c, got, err)
		}
	}
	for _, text := range []string{"", "12", "k3x", "k3x-", "k3x-0", "-12", "k3x--1", "k3x-012", "k3x-+1", "k3x-12.12", "k3x-12.",
		"k3x-9999999999999999999"} {
		if c, err := db.ParseCursor(text); err == nil {
			t.Errorf("%q reads as %+v", text, c)
		}
	}
}

// FuzzParseTable reads any file. What is accepted can be relied on.
func FuzzParseTable(f *testing.F) {
	for _, text := range []string{
		`{}`, `{"columns":{"text":"string"},"indexes":["text",["text","id"]],` +
			`"dynamicSchema":false,"softDelete":true,"seed":[{"text":"x"}]}`,
		`{"access":{"read":"anonymous","insert":"authenticated"},"update":{"disable":true},"authorize":true}`,
		`{"perUser":true,"userIdColumn":"owner","recordsExpire":{"days":1,"hours":2},` +
			`"webhook":{"url":"https://example.com/"},"databaseTableName":"x"}`,
		`{"autoIncrement":true,"pageSize":10,"maxTop":20,"other":1}`,
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		parsed, err := db.ParseTable("note", data)
		if err != nil {
			if parsed != nil || table.CodeOf(err) != table.CodeInvalid {
				t.Fatalf("%+v, %v", parsed, err)
			}
			return
		}
		for _, op := range db.Operations {
			if rule := parsed.Rules.For(op); rule == "" || db.CheckAccess(rule) != nil {
				t.Fatalf("%s: %q", op, rule)
			}
		}
		if parsed.PageSize < 1 || parsed.PageSize > parsed.MaxTop || parsed.StoredName() == "" || parsed.Schema.Validate() != nil {
			t.Fatalf("%+v", parsed)
		}
		if c, ok := parsed.Schema.Column(parsed.Owner); parsed.Owner != "" && (!ok || c.Type != table.TypeString) {
			t.Fatalf("owner %+v", c)
		}
		for _, row := range parsed.Seed {
			row["id"] = "seed"
			if _, err := parsed.Schema.Normalize(row); err != nil {
				t.Fatal(err)
			}
		}
	})
}
