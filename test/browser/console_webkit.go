package browser

import (
	"bytes"
	"regexp"
	"strconv"
)

// webkitLog collects the messages that WebKit's processes write among what else they have to say, in lines like
//
//	http://localhost/page:2:14: CONSOLE JS ERROR Error: nobody caught this
//
// where the place may be missing, and so may the source, here JS. They do not tell which page a message is of.
type webkitLog struct {
	console
	rest  []byte // the beginning of a line
	other bool   // the last line was none of a message
}

var webkitLine = regexp.MustCompile(`^(?:(\S+):(\d+):\d+: )?CONSOLE (?:([A-Z]+) )?(LOG|DEBUG|INFO|WARN|ERROR) (.*)$`)

// otherLine is how lines of GLib's log and of its programs' last words begin.
var otherLine = regexp.MustCompile(`^(\(|\*\* |$)`)

// Write takes part of the output. Only one goroutine calls it.
func (l *webkitLog) Write(b []byte) (int, error) {
	l.rest = append(l.rest, b...)
	for {
		line, rest, ok := bytes.Cut(l.rest, []byte{'\n'})
		if !ok {
			return len(b), nil
		}
		l.line(string(line))
		l.rest = rest
	}
}

func (l *webkitLog) line(line string) {
	parts := webkitLine.FindStringSubmatch(line)
	if parts == nil {
		l.other = l.other || otherLine.MatchString(line)
		if !l.other {
			l.extend("\n" + line)
		}
		return
	}
	l.other = false
	m := Message{Text: parts[5], URL: parts[1]}
	m.Line, _ = strconv.Atoi(parts[2]) // else it is unknown
	switch parts[3] + parts[4] {
	case "JSERROR":
		m.Level = "exception"
	case "WARN":
		m.Level = "warning"
	case "DEBUG":
		m.Level = "debug"
	case "INFO":
		m.Level = "info"
	case "LOG":
		m.Level = "log"
	default:
		m.Level = "error"
	}
	l.add(m)
}
