package db

import (
	"math"
	"time"

	"github.com/larder-sync/larder/table"
)

// Expiry is how old records may be before nobody sees them any more. The zero value is for ever.
type Expiry struct {
	Years, Months, Days int
	Rest                time.Duration
}

// Before returns the time before which records have expired, and false if they never do.
func (e Expiry) Before(now time.Time) (time.Time, bool) {
	return now.AddDate(-e.Years, -e.Months, -e.Days).Add(-e.Rest), e != Expiry{}
}

// parseExpiry reads {"days": 30, "hours": 12}.
func parseExpiry(v any) (e Expiry, err error) {
	if v == nil {
		return e, nil
	}
	parts, ok := v.(map[string]any)
	if !ok {
		return e, table.Errorf(table.CodeInvalid, `recordsExpire is not like {"days": 30}`)
	}
	for unit, v := range parts {
		n, ok := v.(float64)
		if !ok || n < 0 || n > 1e9 || n != math.Trunc(n) {
			return e, table.Errorf(table.CodeInvalid, "recordsExpire: ", unit, " is not a whole number")
		}
		whole := int(n)
		switch unit {
		case "years", "year":
			e.Years = whole
		case "months", "month":
			e.Months = whole
		case "weeks", "week":
			e.Days += 7 * whole
		case "days", "day":
			e.Days += whole
		case "hours", "hour":
			e.Rest += time.Duration(whole) * time.Hour
		case "minutes", "minute":
			e.Rest += time.Duration(whole) * time.Minute
		case "seconds", "second":
			e.Rest += time.Duration(whole) * time.Second
		case "milliseconds", "millisecond":
			e.Rest += time.Duration(whole) * time.Millisecond
		default:
			return e, table.Errorf(table.CodeInvalid, "recordsExpire has no ", unit,
				"; it has years, months, weeks, days, hours, minutes, seconds and milliseconds")
		}
	}
	if e.Years > 10_000 || e.Months > 100_000 || e.Days > 4_000_000 || e.Rest < 0 {
		return e, table.Errorf(table.CodeInvalid, "recordsExpire is longer than calendars last")
	}
	return e, nil
}
