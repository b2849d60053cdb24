package db

import (
	"strings"
	"unicode"

	"github.com/larder-sync/larder/table"
)

// Dialect is how one kind of SQL database says what queries mean: [SQLite] or [PostgreSQL]. Its texts are formats into
// which SQL is put; none of them mentions an operand more often than its values need, because operands nest.
type Dialect struct {
	parameter string                // by number
	types     map[table.Kind]string // follows a parameter or NULL, to give it its type
	live      string                // the condition that a row is not deleted
	noLimit   string                // stands before an OFFSET without LIMIT

	members  jsonValue             // of the row's JSON: what the row's columns are written after, and a column
	element  jsonValue             // of the array that elements yields
	elements string                // yields the elements of a JSON array, and nothing for other values
	casts    map[table.Kind]string // a JSON value, or NULL where it is of another kind
	nullTest string                // a JSON value is null, or not there

	bytes string // a text that is ordered by its bytes
	units string // a text that is ordered by its UTF-16 code units
	date  string // a text's date in canonical form, or NULL

	arithmetic map[table.Op]string
	functions  map[string]string    // by their OData names; substring3 is substring with a length
	constants  map[string][2]string // that a function takes after its arguments
}

// jsonValue is a value within JSON: SQL for the name of its type, and for its value.
type jsonValue struct{ kind, value string }

// SQLite is the dialect of SQLite 3.38 and later, with the collation utf16 and the functions larder_… of package sqlite:
// the evaluator's own, for what SQLite has not or has otherwise.
var SQLite = &Dialect{
	parameter: "?%d",
	types:     map[table.Kind]string{},
	live:      "r.deleted = 0",
	noLimit:   " LIMIT -1",

	members:  jsonValue{"json_type(%[1]sdata, '$.%[2]s')", "json_extract(%[1]sdata, '$.%[2]s')"},
	element:  jsonValue{"e.type", "e.value"},
	elements: "json_each(CASE %[1]s WHEN 'array' THEN %[2]s END) AS e",
	casts: map[table.Kind]string{
		table.KindText:    "CASE %[1]s WHEN 'text' THEN %[2]s END",
		table.KindNumber:  "CASE WHEN %[1]s IN ('integer', 'real') THEN %[2]s END",
		table.KindBoolean: "CASE %[1]s WHEN 'true' THEN 1 WHEN 'false' THEN 0 END",
	},
	nullTest: "(%[2]s IS NULL)",

	bytes: "%s",
	units: "(%s COLLATE utf16)",
	date:  "larder_date(%s)",

	arithmetic: map[table.Op]string{
		table.OpAdd: finite("CAST(%s AS REAL) + CAST(%s AS REAL)"),
		table.OpSub: finite("CAST(%s AS REAL) - CAST(%s AS REAL)"),
		table.OpMul: finite("CAST(%s AS REAL) * CAST(%s AS REAL)"),
		table.OpDiv: "larder_div(%s, %s)",
		table.OpMod: "larder_mod(%s, %s)",
	},
	functions: map[string]string{
		"substringof": "(instr(%[2]s, %[1]s) > 0)",
		"startswith":  "(instr(%[1]s, %[2]s) = 1)",
		"endswith":    "larder_endswith(%s, %s)",
		"concat":      "(%s || %s)",
		"indexof":     "(instr(%s, %s) - 1)",
		"replace":     "replace(%s, %s, %s)",
		"substring":   "larder_substring(%s, %s)",
		"substring3":  "larder_substring(%s, %s, %s)",
		"tolower":     "larder_tolower(%s)",
		"toupper":     "larder_toupper(%s)",
		"trim":        "trim(%s)",
		"length":      "length(%s)",
		"floor":       "floor(%s)",
		"ceiling":     "ceil(%s)",
		"round":       "larder_round(%s)",
		"year":        "CAST(substr(%s, 1, 4) AS INTEGER)",
		"month":       "CAST(substr(%s, 6, 2) AS INTEGER)",
		"day":         "CAST(substr(%s, 9, 2) AS INTEGER)",
		"hour":        "CAST(substr(%s, 12, 2) AS INTEGER)",
		"minute":      "CAST(substr(%s, 15, 2) AS INTEGER)",
		"second":      "CAST(substr(%s, 18, 2) AS INTEGER)",
		"date":        "(substr(%s, 1, 11) || '00:00:00.000Z')",

		"fractionalseconds": "(CAST(substr(%s, 21, 3) AS REAL) / 1000)",
	},
}

// finite makes the infinities of SQLite null, as it makes what is not a number by itself.
func finite(sql string) string { return "nullif(nullif(" + sql + ", 9e999), -9e999)" }

// PostgreSQL is the dialect of PostgreSQL 12 and later, and of what speaks its language: functions and patterns are such as
// CockroachDB has too. It needs no extension, collation or function of ours. What overflows there is an error by itself, so
// calculations look before.
var PostgreSQL = &Dialect{
	parameter: "$%d",
	types: map[table.Kind]string{
		table.KindText: "::text", table.KindNumber: "::float8", table.KindBoolean: "::boolean",
	},
	live: "NOT r.deleted",

	members:  jsonValue{"jsonb_typeof(%[1]sdata::jsonb -> '%[2]s')", "(%[1]sdata::jsonb -> '%[2]s')"},
	element:  jsonValue{"jsonb_typeof(e.value)", "e.value"},
	elements: "jsonb_array_elements(CASE %[1]s WHEN 'array' THEN %[2]s END) AS e(value)",
	casts: map[table.Kind]string{
		table.KindText:    "CASE %[1]s WHEN 'string' THEN %[2]s #>> '{}' END",
		table.KindNumber:  "CASE %[1]s WHEN 'number' THEN (%[2]s #>> '{}')::float8 END",
		table.KindBoolean: "CASE %[1]s WHEN 'boolean' THEN (%[2]s #>> '{}')::boolean END",
	},
	nullTest: "(coalesce(%[1]s, 'null') = 'null')",

	bytes: `(%s COLLATE "C")`,
	// What comes after the surrogates is put after all that is beyond U+FFFF: behind its last character, for which the one
	// before it stands then.
	units: "(regexp_replace(replace(replace(%s, '\U0010FFFE', '\U0010FFFE\U0010FFFE'), '\U0010FFFF', '\U0010FFFE\U0010FFFF'), " +
		"'[\uE000-\uFFFF]', '\U0010FFFF\\&', 'g') COLLATE \"C\")",
	date: postgresDate,

	arithmetic: map[table.Op]string{
		table.OpAdd: named("CASE WHEN sign(x) = -sign(y) OR abs(x) <= 1.7976931348623157e308 - abs(y) THEN x + y END"),
		table.OpSub: named("CASE WHEN sign(x) = sign(y) OR abs(x) <= 1.7976931348623157e308 - abs(y) THEN x - y END"),
		table.OpMul: named("CASE WHEN x IS NULL OR y IS NULL THEN NULL WHEN x = 0 OR y = 0 OR ln(abs(x)) + ln(abs(y)) < -744 THEN 0 " +
			"WHEN ln(abs(x)) + ln(abs(y)) < 709.78 THEN x * y END"),
		table.OpDiv: named("CASE WHEN y = 0 OR y IS NULL THEN NULL WHEN x = 0 OR ln(abs(x)) - ln(abs(y)) < -744 THEN 0 " +
			"WHEN ln(abs(x)) - ln(abs(y)) > 709.78 THEN NULL WHEN trunc(x) = x AND trunc(y) = y THEN trunc(x / y) ELSE x / y END"),
		table.OpMod: named("CASE WHEN y = 0 OR y IS NULL THEN NULL WHEN abs(x) < abs(y) THEN x WHEN trunc(x) = x AND trunc(y) = y " +
			"AND abs(x) < 9007199254740992 AND abs(y) < 9007199254740992 THEN (x::int8 % y::int8)::float8 " +
			"WHEN ln(abs(x)) - ln(abs(y)) < 709 THEN x - y * trunc(x / y) END"),
	},
	functions: map[string]string{
		"substringof": "(strpos(%[2]s, %[1]s) > 0)",
		"startswith":  "(strpos(%[1]s, %[2]s) = 1)",
		"endswith":    "(right(%[1]s, length(%[2]s)) = %[2]s)",
		"concat":      "(%s || %s)",
		"indexof":     "(strpos(%s, %s) - 1)::float8",
		"replace":     "replace(%s, %s, %s)",
		"substring":   "(SELECT substr(s, 1 + " + clamp("x", "0") + ") FROM (SELECT %s AS s, %s AS x OFFSET 0) AS v)",
		"substring3": "(SELECT CASE WHEN y > -1 THEN substr(s, 1 + " + clamp("x", "-1000000000") + ", " + clamp("y", "0") + ") END " +
			"FROM (SELECT %s AS s, %s AS x, %s AS y OFFSET 0) AS v)",
		"tolower": "translate(%s, %s, %s)",
		"toupper": "translate(%s, %s, %s)",
		"trim":    "btrim(%s)",
		"length":  "length(%s)::float8",
		"floor":   "floor(%s)",
		"ceiling": "ceil(%s)",
		"round":   "(SELECT trunc(x) + CASE WHEN abs(x - trunc(x)) >= 0.5 THEN sign(x) ELSE 0 END FROM (SELECT %s AS x OFFSET 0) AS v)",
		"year":    "substr(%s, 1, 4)::float8",
		"month":   "substr(%s, 6, 2)::float8",
		"day":     "substr(%s, 9, 2)::float8",
		"hour":    "substr(%s, 12, 2)::float8",
		"minute":  "substr(%s, 15, 2)::float8",
		"second":  "substr(%s, 18, 2)::float8",
		"date":    "(substr(%s, 1, 11) || '00:00:00.000Z')",

		"fractionalseconds": "(substr(%s, 21, 3)::float8 / 1000)",
	},
	constants: map[string][2]string{"tolower": folding(unicode.ToLower), "toupper": folding(unicode.ToUpper)},
}

// named gives the two operands names, so that sql can mention each more than once. OFFSET 0 keeps PostgreSQL from putting
// them back in the names' place.
func named(sql string) string {
	return "(SELECT " + strings.ReplaceAll(sql, "%", "%%") + " FROM (SELECT %s AS x, %s AS y OFFSET 0) AS v)"
}

// clamp cuts a number to a whole one that an int4 holds. Beyond any text's length one bound is as good as another.
func clamp(x, least string) string {
	return "CASE WHEN " + x + " < " + least + " THEN " + least +
		" WHEN " + x + " > 1e9 THEN 1000000000 ELSE trunc(" + x + ")::int4 END"
}

// postgresDate reads what [table.ParseDate] reads. The pattern lets only dates through that there are, because a cast of
// another is an error.
var postgresDate = strings.NewReplacer("\n\t", " ").Replace(`(SELECT CASE WHEN length(d) = 24 THEN d END FROM (
	SELECT CASE WHEN t ~ '^(?:` +
	`[0-9]{4}-(?:(?:0[13578]|1[02])-(?:0[1-9]|[12][0-9]|3[01])|(?:0[469]|11)-(?:0[1-9]|[12][0-9]|30)|` +
	`02-(?:0[1-9]|1[0-9]|2[0-8]))|` +
	`(?:[0-9][0-9](?:0[48]|[2468][048]|[13579][26])|(?:0[48]|[2468][048]|[13579][26])00)-02-29)` +
	`(?:[Tt ](?:[01][0-9]|2[0-3]):[0-5][0-9](?::[0-5][0-9](?:\.[0-9]+)?)?(?:[Zz]|[+-](?:[01][0-9]|2[0-3]):?[0-5][0-9]))?$'
	AND left(t, 4) <> '0000' THEN to_char(
	(left(t, 10) || ' ' || CASE z WHEN '' THEN '00:00' ELSE left(substr(t, 12, length(t) - 11 - length(z)), 12) END)::timestamp
	- CASE WHEN length(z) > 1 THEN (left(z, 1) || '1')::int * (substr(z, 2, 2)::int * 60 + right(z, 2)::int) ELSE 0 END
	* interval '1 minute', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') END AS d FROM (
	SELECT t, CASE WHEN length(t) = 10 THEN '' WHEN right(t, 1) IN ('Z', 'z') THEN 'Z'
	WHEN left(right(t, 6), 1) IN ('+', '-') THEN right(t, 6) ELSE right(t, 5) END AS z
	FROM (SELECT %s AS t OFFSET 0) AS u) AS v) AS w)`)

// folding lists the characters that have another case, and that case, as Go knows it, wherever the database comes from.
func folding(fold func(rune) rune) [2]string {
	var from, to []rune
	for _, r := range unicode.CaseRanges {
		for c := rune(r.Lo); c <= rune(r.Hi); c++ {
			if f := fold(c); f != c {
				from, to = append(from, c), append(to, f)
			}
		}
	}
	return [2]string{string(from), string(to)}
}
