package table_test

import (
	"testing"
	"time"

	"github.com/larder-sync/larder/table"
)

// TestShiftDate shifts dates as package time does, over the ends of seconds, days, months and years.
func TestShiftDate(t *testing.T) {
	const form = "2006-01-02T15:04:05.000Z"
	for _, text := range []string{"2026-11-21T08:00:00.000Z", "2026-12-31T23:59:59.999Z", "2028-02-28T23:59:59.999Z", "1970-01-01T00:00:00.000Z"} {
		moment, err := time.Parse(form, text)
		if err != nil {
			t.Fatal(err)
		}
		for _, minutes := range []int{-1440, -61, -1, 0, 1, 90} {
			for _, millis := range []int{0, 1, 999} {
				want := moment.Add(time.Duration(minutes)*time.Minute + time.Duration(millis)*time.Millisecond).Format(form)
				if got := table.ShiftDate(text, minutes, millis); got != want {
					t.Errorf("%s by %d min and %d ms: got %s, want %s", text, minutes, millis, got, want)
				}
			}
		}
	}
	if got := table.ShiftDate("no date", 1, 1); got != "no date" {
		t.Errorf("got %q", got)
	}
}
