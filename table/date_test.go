package table_test

import (
	"strconv"
	"testing"
	"time"

	"github.com/larder-sync/larder/table"
)

func TestParseDate(t *testing.T) {
	for text, want := range map[string]string{
		"2026-11-21":                        "2026-11-21T00:00:00.000Z",
		"2026-11-21T08:00Z":                 "2026-11-21T08:00:00.000Z",
		"2026-11-21T08:00:00Z":              "2026-11-21T08:00:00.000Z",
		"2026-11-21T08:00:00.5Z":            "2026-11-21T08:00:00.500Z",
		"2026-11-21T08:00:00.9999999Z":      "2026-11-21T08:00:00.999Z",
		"2026-11-21T08:00:00.000Z":          "2026-11-21T08:00:00.000Z",
		"2026-11-21 08:00:00.000+0000":      "2026-11-21T08:00:00.000Z",
		"2026-11-21T00:00:00+14:00":         "2026-11-20T10:00:00.000Z",
		"2026-01-01T00:00:00+00:01":         "2025-12-31T23:59:00.000Z",
		"2026-12-31T23:59:59.999-00:01":     "2027-01-01T00:00:59.999Z",
		"2024-03-01T00:00:00+01:00":         "2024-02-29T23:00:00.000Z",
		"1900-03-01T00:00:00+01:00":         "1900-02-28T23:00:00.000Z",
		"2000-02-29T00:00:00Z":              "2000-02-29T00:00:00.000Z",
		"0000-01-01":                        "0000-01-01T00:00:00.000Z",
		"9999-12-31T23:59:59.999Z":          "9999-12-31T23:59:59.999Z",
		"2026-11-21T08:00:00.123456789123Z": "2026-11-21T08:00:00.123Z",
	} {
		if got, err := table.ParseDate(text); err != nil || got != want {
			t.Errorf("%s: got %s, %v, want %s", text, got, err, want)
		}
	}
	for _, text := range []string{"", "2026", "2026-11", "2026-11-21T", "2026-11-21T08", "2026-11-21T08:00", "2026-11-21T08:00:00", "2026-13-01", "2026-00-01",
		"2026-11-31", "2026-11-00", "1900-02-29", "2026-11-21T24:00:00Z", "2026-11-21T08:60:00Z", "2026-11-21T08:00:60Z", "2026-11-21T08:00:00.Z",
		"2026-11-21T08:00:00+24:00", "2026-11-21T08:00:00+01:60", "2026-11-21T08:00:00+1:00", "2026-11-21T08:00:00Zx", "2026-11-21x", " 2026-11-21",
		"+002026-11-21T08:00:00Z", "0000-01-01T00:00:00+01:00", "9999-12-31T23:00:00-01:00", "２０２６-11-21"} {
		if got, err := table.ParseDate(text); table.CodeOf(err) != table.CodeInvalid {
			t.Errorf("%q: got %s, %v", text, got, err)
		}
	}
	t.Run("is the moment that package time reads", func(t *testing.T) {
		moment := time.Date(1899, 12, 31, 23, 59, 59, 0, time.UTC)
		for i := range 5000 {
			moment = moment.Add(time.Duration(i)*997*time.Second + time.Duration(i)*time.Millisecond)
			text := moment.In(time.FixedZone("", (i%2881-1440)*30)).Format("2006-01-02T15:04:05.000Z07:00")
			if i%2881%2 == 1 {
				continue // zones of half a minute cannot be written
			}
			got, err := table.ParseDate(text)
			if want := moment.Format("2006-01-02T15:04:05.000Z"); err != nil || got != want {
				t.Fatalf("%s: got %s, %v, want %s (step %s)", text, got, err, want, strconv.Itoa(i))
			}
		}
	})
}

func TestFormatDate(t *testing.T) {
	for _, day := range []string{"0000-01-01", "1582-10-15", "1900-02-28", "1969-12-31", "2000-02-29", "2026-11-21", "9999-12-31"} {
		at, err := time.Parse(time.DateOnly, day)
		if err != nil {
			t.Fatal(err)
		}
		at = at.Add(23*time.Hour + 4*time.Minute + 5*time.Second + 6999999)
		want := day + "T23:04:05.006Z"
		for _, zone := range []*time.Location{time.UTC, time.FixedZone("east", 3600), time.FixedZone("west", -9000)} {
			if got := table.FormatDate(at.In(zone)); got != want {
				t.Errorf("got %s, want %s", got, want)
			}
		}
	}
}
