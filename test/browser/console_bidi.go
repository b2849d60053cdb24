package browser

import (
	"encoding/json"
	"errors"
	"regexp"
	"strings"
)

// thrown is how the text about an exception begins.
var thrown = regexp.MustCompile(`^(uncaught exception: |[A-Za-z]*(Error|Exception):)`)

// bidiEvent takes WebDriver BiDi's one kind of message.
func (c *console) bidiEvent(params json.RawMessage) {
	var e struct {
		Type, Method, Level, Text string
		Args                      []bidiValue
		StackTrace                bidiStack
	}
	if json.Unmarshal(params, &e) != nil {
		return
	}
	m := Message{Level: level(strings.Replace(e.Method, "warn", "warning", 1)), Text: e.Text}
	switch {
	case e.Type == "console":
		parts, all := make([]string, len(e.Args)), true
		for i, a := range e.Args {
			var ok bool
			parts[i], ok = a.text()
			all = all && ok
		}
		if all {
			m.Text = strings.Join(parts, " ")
		}
	case thrown.MatchString(e.Text):
		m.Level = "exception"
	default: // the browser's own, which has no type to itself
		m.Level = "error"
	}
	if f := e.StackTrace.CallFrames; len(f) > 0 {
		m.URL, m.Line = f[0].URL, f[0].LineNumber+1
	}
	c.add(m)
}

// bidiStack is where a script was.
type bidiStack struct {
	CallFrames []struct {
		FunctionName, URL string
		LineNumber        int
	}
}

// bidiException is how the protocol tells an exception.
type bidiException struct {
	Text       string
	StackTrace bidiStack
}

func (e bidiException) text() string {
	var text strings.Builder
	text.WriteString(e.Text)
	for _, f := range e.StackTrace.CallFrames {
		text.WriteString("\n    at " + f.FunctionName + " (" + Message{URL: f.URL, Line: f.LineNumber + 1}.place() + ")")
	}
	return text.String()
}

// bidiValue is how the protocol tells a JavaScript value.
type bidiValue struct {
	Type  string
	Value json.RawMessage
}

// text writes a value about as a console does, if the protocol says enough of it.
func (v bidiValue) text() (string, bool) {
	var s string
	var list []bidiValue
	var pairs [][2]json.RawMessage
	switch v.Type {
	case "string", "date":
		err := json.Unmarshal(v.Value, &s)
		return s, err == nil
	case "number", "boolean":
		return strings.Trim(string(v.Value), `"`), true // NaN and its like are in quotes
	case "null", "undefined":
		return v.Type, true
	case "array":
		err := json.Unmarshal(v.Value, &list)
		parts := make([]string, len(list))
		for i, e := range list {
			parts[i] = e.quoted()
		}
		return "[" + strings.Join(parts, ", ") + "]", err == nil
	case "object":
		err := json.Unmarshal(v.Value, &pairs)
		parts := make([]string, len(pairs))
		for i, pair := range pairs {
			var e bidiValue
			err = errors.Join(err, json.Unmarshal(pair[0], &s), json.Unmarshal(pair[1], &e))
			parts[i] = s + ": " + e.quoted()
		}
		return "{" + strings.Join(parts, ", ") + "}", err == nil
	}
	return v.Type, false
}

// quoted is the text of a value inside another one.
func (v bidiValue) quoted() string {
	if v.Type == "string" {
		return string(v.Value)
	}
	text, _ := v.text()
	return text
}
