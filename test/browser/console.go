package browser

import (
	"encoding/json"
	"slices"
	"strings"
	"sync"
)

// console collects the messages of a page, or of the workers that belong to no page. The zero value is empty.
type console struct {
	mu  sync.Mutex
	all []Message
}

func (c *console) add(m Message) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.all = append(c.all, m)
}

// extend adds to the text of the last message.
func (c *console) extend(text string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if n := len(c.all); n > 0 {
		c.all[n-1].Text += text
	}
}

func (c *console) messages() []Message {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.all)
}

// event takes the protocol's three kinds of message, and ignores all other events.
func (c *console) event(method string, params json.RawMessage) {
	switch method {
	case "Runtime.consoleAPICalled":
		var e struct {
			Type       string
			Args       []remoteObject
			StackTrace struct {
				CallFrames []struct {
					URL        string
					LineNumber int
				}
			}
		}
		if json.Unmarshal(params, &e) != nil {
			return
		}
		parts := make([]string, len(e.Args))
		for i, a := range e.Args {
			parts[i] = a.text()
		}
		m := Message{Level: level(e.Type), Text: strings.Join(parts, " ")}
		if f := e.StackTrace.CallFrames; len(f) > 0 {
			m.URL, m.Line = f[0].URL, f[0].LineNumber+1
		}
		c.add(m)
	case "Runtime.exceptionThrown":
		var e struct{ ExceptionDetails exceptionDetails }
		if json.Unmarshal(params, &e) == nil {
			d := e.ExceptionDetails
			c.add(Message{Level: "exception", Text: d.text(), URL: d.URL, Line: d.LineNumber + 1})
		}
	case "Log.entryAdded":
		var e struct {
			Entry struct {
				Level, Text, URL string
				LineNumber       *int
			}
		}
		if json.Unmarshal(params, &e) != nil {
			return
		}
		m := Message{Level: level(e.Entry.Level), Text: e.Entry.Text, URL: e.Entry.URL}
		if e.Entry.LineNumber != nil {
			m.Line = *e.Entry.LineNumber + 1
		}
		c.add(m)
	}
}

// level maps the protocol's words to those of [Message].
func level(word string) string {
	switch word {
	case "debug", "info", "warning", "error":
		return word
	case "verbose":
		return "debug"
	case "assert":
		return "error"
	}
	return "log"
}

// exceptionDetails is how the protocol tells an exception.
type exceptionDetails struct {
	Text       string
	URL        string
	LineNumber int
	Exception  *remoteObject
}

func (d exceptionDetails) text() string {
	if d.Exception == nil {
		return d.Text
	}
	return d.Exception.text()
}

// remoteObject is how the protocol tells a JavaScript value.
type remoteObject struct {
	Type                string
	Subtype             string
	Value               json.RawMessage
	UnserializableValue string
	Description         string
	Preview             *struct {
		Overflow   bool
		Properties []struct{ Name, Type, Value string }
	}
}

// text writes a value about as a console does.
func (o remoteObject) text() string {
	var s string
	switch {
	case o.Type == "string" && json.Unmarshal(o.Value, &s) == nil:
		return s
	case o.Preview != nil && o.Subtype != "error":
		array := o.Subtype == "array"
		var parts []string
		for _, p := range o.Preview.Properties {
			v := p.Value
			if p.Type == "string" {
				v = `"` + v + `"`
			}
			if !array {
				v = p.Name + ": " + v
			}
			parts = append(parts, v)
		}
		if o.Preview.Overflow {
			parts = append(parts, "…")
		}
		if array {
			return "[" + strings.Join(parts, ", ") + "]"
		}
		return "{" + strings.Join(parts, ", ") + "}"
	case o.Description != "":
		return o.Description
	case o.UnserializableValue != "":
		return o.UnserializableValue
	case len(o.Value) > 0:
		return string(o.Value)
	}
	return o.Type
}
