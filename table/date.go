package table

import "time"

// moment is a date in UTC to the millisecond.
type moment struct {
	year, month, day, hour, minute, second, milli int
}

// ParseDate returns an ISO date in the form that records keep: UTC with milliseconds, "2026-11-21T08:00:00.000Z", whose
// order as text is the order in time. It reads YYYY-MM-DD, which is midnight in UTC as in JavaScript, and YYYY-MM-DDTHH:MM
// with optional seconds and fraction (cut to milliseconds) and an offset, Z or ±HH:MM. A time without an offset is
// refused, with [CodeInvalid]: it would mean another moment in each time zone. So are years beyond 0000–9999.
func ParseDate(text string) (string, error) {
	if isCanonicalDate(text) {
		return text, nil
	}
	m, ok := readDate(text)
	if !ok {
		return "", Errorf(CodeInvalid, quote(text), " is not an ISO date with an offset, such as 2026-11-21T08:00:00.000Z")
	}
	return m.String(), nil
}

// ShiftDate returns a date in the form that records keep, later by some minutes, at most a day, and by some milliseconds, less than
// a second; negative ones are not for milliseconds. A text that is no date is returned as it is.
func ShiftDate(text string, minutes, millis int) string {
	m, ok := readDate(text)
	if !ok {
		return text
	}
	if m.milli += millis; m.milli >= 1000 {
		m.milli -= 1000
		if m.second++; m.second == 60 {
			m.second = 0
			minutes++
		}
	}
	return m.minus(-minutes).String()
}

// FormatDate returns a time, of a year from 0 to 9999, in the form that records keep, cut to milliseconds.
func FormatDate(t time.Time) string {
	t = t.UTC()
	year, month, day := t.Date()
	hour, minute, second := t.Clock()
	return moment{year, int(month), day, hour, minute, second, t.Nanosecond() / 1e6}.String()
}

// isCanonicalDate reports whether text is a date in the form that records keep. It runs for every row, hence the care.
func isCanonicalDate(text string) bool {
	if len(text) != 24 || text[10] != 'T' || text[19] != '.' || text[23] != 'Z' {
		return false
	}
	_, ok := readDate(text)
	return ok
}

// readDate reads what [ParseDate] reads.
func readDate(s string) (moment, bool) {
	var m moment
	r := dateReader{s: s, ok: true}
	m.year = r.digits(4)
	r.expect('-')
	m.month = r.digits(2)
	r.expect('-')
	m.day = r.digits(2)
	if !r.ok || m.month < 1 || m.month > 12 || m.day < 1 || m.day > daysIn(m.year, m.month) {
		return m, false
	}
	if r.s == "" {
		return m, true
	}
	if r.s[0] == 't' || r.s[0] == ' ' {
		r.s = r.s[1:]
	} else {
		r.expect('T')
	}
	m.hour = r.digits(2)
	r.expect(':')
	m.minute = r.digits(2)
	if r.peek() == ':' {
		r.expect(':')
		m.second = r.digits(2)
		if r.peek() == '.' {
			m.milli = r.fraction()
		}
	}
	offset := r.offset()
	if !r.ok || r.s != "" || m.hour > 23 || m.minute > 59 || m.second > 59 {
		return m, false
	}
	if offset != 0 {
		m = m.minus(offset)
	}
	return m, m.year >= 0 && m.year <= 9999
}

// dateReader takes a date's text apart from the left. After the first thing that does not fit, ok is false.
type dateReader struct {
	s  string
	ok bool
}

func (r *dateReader) peek() byte {
	if r.s == "" {
		return 0
	}
	return r.s[0]
}

func (r *dateReader) expect(c byte) {
	if r.peek() != c {
		r.ok = false
		return
	}
	r.s = r.s[1:]
}

func (r *dateReader) digits(n int) int {
	if len(r.s) < n {
		r.ok = false
		return 0
	}
	v := 0
	for i := range n {
		d := r.s[i] - '0'
		if d > 9 {
			r.ok = false
			return 0
		}
		v = v*10 + int(d)
	}
	r.s = r.s[n:]
	return v
}

// fraction reads a point and one digit or more, and returns the milliseconds.
func (r *dateReader) fraction() int {
	r.expect('.')
	milli, n := 0, 0
	for ; r.peek()-'0' <= 9; n++ {
		if n < 3 {
			milli = milli*10 + int(r.s[0]-'0')
		}
		r.s = r.s[1:]
	}
	if n == 0 {
		r.ok = false
	}
	for ; n < 3; n++ {
		milli *= 10
	}
	return milli
}

// offset reads Z or ±HH:MM and returns the minutes east of UTC.
func (r *dateReader) offset() int {
	sign := 1
	switch r.peek() {
	case 'Z', 'z':
		r.s = r.s[1:]
		return 0
	case '-':
		sign = -1
	case '+':
	default:
		r.ok = false
		return 0
	}
	r.s = r.s[1:]
	hours := r.digits(2)
	if r.peek() == ':' {
		r.expect(':')
	}
	minutes := r.digits(2)
	if hours > 23 || minutes > 59 {
		r.ok = false
	}
	return sign * (hours*60 + minutes)
}

// minus returns the moment minutes earlier, at most a day.
func (m moment) minus(minutes int) moment {
	t := m.hour*60 + m.minute - minutes
	for t < 0 {
		t += 24 * 60
		if m.day--; m.day == 0 {
			if m.month--; m.month == 0 {
				m.month = 12
				m.year--
			}
			m.day = daysIn(m.year, m.month)
		}
	}
	for t >= 24*60 {
		t -= 24 * 60
		if m.day++; m.day > daysIn(m.year, m.month) {
			m.day = 1
			if m.month++; m.month == 13 {
				m.month = 1
				m.year++
			}
		}
	}
	m.hour, m.minute = t/60, t%60
	return m
}

// String returns the form that records keep.
func (m moment) String() string {
	b := []byte("0000-00-00T00:00:00.000Z")
	put := func(end, v int) {
		for ; v > 0; v /= 10 {
			end--
			b[end] += byte(v % 10)
		}
	}
	put(4, m.year)
	put(7, m.month)
	put(10, m.day)
	put(13, m.hour)
	put(16, m.minute)
	put(19, m.second)
	put(23, m.milli)
	return string(b)
}

func daysIn(year, month int) int {
	switch month {
	case 4, 6, 9, 11:
		return 30
	case 2:
		if year%4 == 0 && (year%100 != 0 || year%400 == 0) {
			return 29
		}
		return 28
	}
	return 31
}
