//go:build js && wasm

package browser

import (
	"context"
	"errors"
	"syscall/js"

	"github.com/larder-sync/larder/table"
)

// Error is a JavaScript exception or rejection, as Go sees it. Value is what was thrown.
type Error struct {
	Name    string // such as "TypeError" or a DOMException's name; "" if what was thrown is not an object
	Message string
	Value   js.Value
}

// Error returns the name and message.
func (e *Error) Error() string {
	switch {
	case e.Name == "":
		return e.Message
	case e.Message == "":
		return e.Name
	}
	return e.Name + ": " + e.Message
}

// ErrorOf returns what was thrown as an error. If the object came from [ErrorValue], it is the Go error of then, so that an
// error keeps its type on its way through JavaScript.
func ErrorOf(thrown js.Value) error {
	if t := thrown.Type(); t != js.TypeObject && t != js.TypeFunction {
		return &Error{Message: "thrown: " + js.Global().Call("String", thrown).String(), Value: thrown}
	}
	e := &Error{Name: text(thrown, "name"), Message: text(thrown, "message"), Value: thrown}
	if code := text(thrown, "code"); code != "" {
		return &table.Error{Code: table.Code(code), Message: e.Message, Err: nil}
	}
	return e
}

func text(object js.Value, property string) string {
	if v := object.Get(property); v.Type() == js.TypeString {
		return v.String()
	}
	return ""
}

// ErrorValue makes the JavaScript Error for err, with the properties `code`, a [table.Code], and `cause`, the exception
// that err came from, if there was one. An error without a code is [table.CodeAborted] if a context ended it, and
// [table.CodeEngine] else.
func ErrorValue(err error) js.Value {
	code := table.CodeOf(err)
	switch {
	case code != "":
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		code = table.CodeAborted
	default:
		code = table.CodeEngine
	}
	return NewError(string(code), err.Error(), CauseOf(err))
}

// NewError makes a JavaScript Error. An undefined cause is left out.
func NewError(code, message string, cause js.Value) js.Value {
	e := js.Global().Get("Error").New(message)
	e.Set("code", code)
	if !cause.IsUndefined() {
		e.Set("cause", cause)
	}
	return e
}

// CauseOf returns the JavaScript exception in err's chain, or undefined.
func CauseOf(err error) js.Value {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Value
	}
	if thrown, ok := errors.AsType[js.Error](err); ok {
		return thrown.Value
	}
	return js.Undefined()
}

// Recovered turns the value of a recovered panic into an error.
func Recovered(panicked any) error {
	text := "a value that is no error"
	switch v := panicked.(type) {
	case error:
		return table.Errorf(table.CodeEngine, "panic").Because(v)
	case string:
		text = v
	case interface{ String() string }:
		text = v.String()
	}
	return table.Errorf(table.CodeEngine, "panic: ", text)
}
