package postgres_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/larder-sync/larder/server/db"
	"github.com/larder-sync/larder/server/db/dbtest"
	"github.com/larder-sync/larder/server/db/postgres"
	"github.com/larder-sync/larder/table"
	pgtest "github.com/larder-sync/larder/test/postgres"
)

// lacking is what PostgreSQL has and CockroachDB, YugabyteDB, Citus or Aurora DSQL have not, have only in part, or want to be
// told of: no statement may need any of it. Statements are looked at without their texts in quotes.
var lacking = map[string]*regexp.Regexp{
	"advisory locks": regexp.MustCompile(`(?i)\badvisory`),
	"notifications":  regexp.MustCompile(`(?i)\b(un)?listen\b|\b(pg_)?notify\b`),
	"triggers, functions and the like": regexp.MustCompile(`(?i)\bcreate\s+(or\s+replace\s+)?(trigger|function` +
		`|procedure|rule|event)|\bdo\s+\$`),
	"extensions and types": regexp.MustCompile(`(?i)\bcreate\s+(extension|type|domain|collation|operator|aggregate)`),
	"sequences": regexp.MustCompile(`(?i)\b(nextval|setval|currval|(big|small)?serial)\b` +
		`|\bcreate\s+sequence`),
	"tables of other kinds": regexp.MustCompile(`(?i)\b(temp|temporary|unlogged)\b|\binherits\b|\bpartition\b`),
	"system columns and snapshots": regexp.MustCompile(`(?i)\b(xmin|xmax|cmin|cmax|ctid|tableoid)\b|\btxid_|_xact_` +
		`|\bpg_snapshot`),
	"exclusion constraints": regexp.MustCompile(`(?i)\bexclude\b|\bdeferrable\b`),
	"foreign keys":          regexp.MustCompile(`(?i)\breferences\b`),
	"locks of other kinds": regexp.MustCompile(`(?i)\bskip\s+locked\b|\bnowait\b|\block\s+table\b` +
		`|\bfor\s+(share|key|no\s+key)`),
	"savepoints": regexp.MustCompile(`(?i)\bsavepoint\b|\bprepare\s+transaction\b`),
	"statements of its own": regexp.MustCompile(`(?i)\b(merge|truncate|cluster|reindex|vacuum|copy` +
		`|declare)\b|\bconcurrently\b|\blateral\b`),
	"indexes of other kinds": regexp.MustCompile(`(?i)\busing\s+(gin|gist|brin|hash|spgist)`),
	"escapes of Unicode":     regexp.MustCompile(`(?i)\bu&''`),
	"collations but C":       regexp.MustCompile(`(?i)\bcollate\s+"?[^"Cc\s]`),
}

// functions are those that statements call, all of which CockroachDB's list of functions has. YugabyteDB, Citus and DSQL have
// PostgreSQL's.
var functions = strings.Fields(`abs btrim ceil coalesce count current_schema floor greatest jsonb_array_elements jsonb_typeof left
	length ln max now regexp_replace replace right round sign string_agg strpos substr to_char translate trunc unnest`)

var (
	quoted = regexp.MustCompile(`'(?:[^']|'')*'`)
	calls  = regexp.MustCompile(`\b([a-z_][a-z0-9_]*)\(`)
	around = regexp.MustCompile(`\(\?[=!<]|\\[umMyYZA]|\\[1-9]`) // what RE2 has not, whose patterns are CockroachDB's
	level  = regexp.MustCompile(`(?i)(isolation level) (read committed|repeatable read)`)
)

// common is a database that has what they all have: it refuses what is lacking, and makes every transaction serializable, as
// CockroachDB does when nothing else is said. The test fails for each statement that is refused, but for notifications,
// which are hints.
func common(t *testing.T, address string) string {
	known := map[string]bool{}
	for _, name := range functions {
		known[name] = true
	}
	return pgtest.Through(t, address, func(text string) (instead, code string) {
		bare := quoted.ReplaceAllString(text, "''")
		if lacking["notifications"].MatchString(bare) {
			return text, "0A000" // feature_not_supported
		}
		var wants []string
		for what, pattern := range lacking {
			if pattern.MatchString(bare) {
				wants = append(wants, what)
			}
		}
		for _, call := range calls.FindAllStringSubmatch(strings.ReplaceAll(bare, " AS e(value)", ""), -1) {
			if !known[call[1]] {
				wants = append(wants, "the function "+call[1])
			}
		}
		for _, literal := range quoted.FindAllString(text, -1) {
			if strings.ContainsAny(literal, "[(") && around.MatchString(literal) {
				wants = append(wants, "a pattern like "+literal)
			}
		}
		if len(wants) > 0 {
			t.Errorf("needs %s: %.2000s", strings.Join(wants, ", "), text)
			return text, "0A000"
		}
		return level.ReplaceAllString(text, "$1 serializable"), ""
	})
}

func mustOpenCommon(t *testing.T) db.DB {
	d, err := postgres.Open(t.Context(), common(t, pgtest.New(t)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	})
	return d
}

// What the conformance suites ask of a database, [TestQueries] too, is done by statements that CockroachDB, YugabyteDB and Citus
// take as well.
func TestCommon(t *testing.T) {
	t.Run("the database", func(t *testing.T) {
		dbtest.Run(t, func(t *testing.T) db.DB {
			d, err := postgres.Open(t.Context(), common(t, pgtest.New(t)))
			if err != nil {
				t.Fatal(err)
			}
			return d
		})
	})
	t.Run("indexes", func(t *testing.T) {
		d := mustOpenCommon(t)
		s, err := db.ParseTable("note", []byte(`{"columns": {"text": "string", "n": "number", "due": "date", "done": "boolean"},
			"indexes": ["text", "n", ["done", "due"]]}`))
		if err != nil {
			t.Fatal(err)
		}
		err = d.Update(t.Context(), func(tx db.Tx) error {
			if _, err := tx.Create("note"); err != nil {
				return err
			}
			return tx.Index("note", s.Schema)
		})
		if err != nil {
			t.Fatal(err)
		}
		dbtest.Fill(t, d, s.Schema, []table.Record{{"id": "a", "text": "x", "n": 1.0, "due": nil, "done": true}})
	})
}
