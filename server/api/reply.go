package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"runtime/debug"
	"strconv"

	"github.com/larder-sync/larder/server/access"
	"github.com/larder-sync/larder/server/feed"
	"github.com/larder-sync/larder/table"
)

// reply is an answer on its way out.
type reply struct {
	status  int
	version string // of the record in body, for the ETag; "" for none
	header  http.Header
	body    []byte // JSON; nil for none
	text    bool   // body is plain text instead
}

// statusError is an error with a status of its own.
type statusError struct {
	status int
	err    error
	header http.Header
	plain  bool // is told as plain text, which Azure's clients expect
}

func (e *statusError) Error() string { return e.err.Error() }
func (e *statusError) Unwrap() error { return e.err }

func status(code int, err error) error { return &statusError{status: code, err: err} }

// plain makes an error whose answer is text.
func plain(code int, text string) error {
	return &statusError{status: code, err: table.Errorf(table.CodeAuth, text), plain: true}
}

func notAllowed(method, allow string) error {
	return &statusError{
		status: http.StatusMethodNotAllowed,
		err: table.Errorf(table.CodeInvalid, "the method ", strconv.QuoteToGraphic(method),
			" is not for this path: use one of ", allow),
		header: http.Header{"Allow": {allow}},
	}
}

// serve turns a function into a handler. Errors and panics become answers here, and nowhere else.
func (a *API) serve(fn func(*http.Request) (reply, error)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			if p := recover(); p != nil {
				a.send(w, a.refuse(r, fmt.Errorf("panic: %v\n%s", p, debug.Stack())))
			}
		}()
		r.Body = http.MaxBytesReader(w, r.Body, a.maxBody)
		var out reply
		known, err := a.identify(r)
		if err == nil {
			out, err = fn(known)
		}
		if err != nil {
			out = a.refuse(r, err)
		}
		a.send(w, out)
	})
}

// What many answers say in their headers is made once, and assigned by the headers' canonical names.
var (
	valueNoCache = []string{"no-cache"}
	valueZero    = []string{"0"}
	valueNoSniff = []string{"nosniff"}
	valueLarder  = []string{"larder"}
	valueJSON    = []string{"application/json; charset=utf-8"}
	valueText    = []string{"text/plain; charset=utf-8"}
)

func (a *API) send(w http.ResponseWriter, out reply) {
	h := w.Header()
	for name, values := range out.header {
		h[name] = values
	}
	// What the tables hold is asked for anew each time; the old pair is for old clients.
	h["Cache-Control"], h["Expires"], h["Pragma"] = valueNoCache, valueZero, valueNoCache
	h["X-Content-Type-Options"], h["X-Zumo-Server-Version"] = valueNoSniff, valueLarder
	if out.version != "" {
		h["Etag"] = []string{`"` + out.version + `"`}
	}
	if out.body != nil {
		h["Content-Type"] = valueJSON
		if out.text {
			h["Content-Type"] = valueText
		}
		h["Content-Length"] = []string{strconv.Itoa(len(out.body))}
	}
	w.WriteHeader(out.status)
	if out.body != nil {
		// A failure here is the client's connection, of which there is nobody left to tell.
		_, _ = w.Write(out.body)
	}
}

// refuse makes the answer to a request that failed. What the server did wrong is logged, and told without its details.
func (a *API) refuse(r *http.Request, err error) reply {
	if told, ok := errors.AsType[*statusError](context.Cause(r.Context())); ok && errors.Is(err, context.DeadlineExceeded) {
		err = told // says how long it was
	}
	code, text := table.CodeOf(err), err.Error()
	out := reply{status: statusOf(err)}
	var own *statusError
	if errors.As(err, &own) {
		if out.header = own.header; own.plain {
			out.text, out.body = true, []byte(text)
			return out
		}
	}
	if refused, ok := errors.AsType[*access.Error](err); ok {
		// Name and message are what Azure Mobile Apps' clients know, which is what jsonwebtoken said there.
		out.header = http.Header{"Www-Authenticate": {`Bearer error="invalid_token"`}}
		out.body = table.AppendJSON(nil, map[string]any{
			"code": string(table.CodeAuth), "error": text, "name": refused.Name, "message": text,
		})
		return out
	}
	if out.status >= http.StatusInternalServerError {
		if r.Context().Err() == nil && code != table.CodeClosed { // to refuse is no failure
			a.log.Error("request failed", "method", r.Method, "path", r.URL.Path, "status", out.status, "error", text)
		}
		var known *table.Error
		text = "the server failed: see its log"
		if errors.As(err, &known) {
			text = known.Message
		} else {
			code = table.CodeServer
		}
		if out.status == http.StatusServiceUnavailable {
			out.header = http.Header{"Retry-After": {"2"}}
		}
	}
	out.body = feed.Refusal(out.status, code, text).Body
	if strange, ok := errors.AsType[*estranged](err); ok {
		out.body = table.AppendJSON(nil, map[string]any{"code": string(code), "error": text, table.FieldPasts: strange.pasts})
	}
	return out
}

func statusOf(err error) int {
	var own *statusError
	var tooLarge *http.MaxBytesError
	var refused *access.Error
	switch {
	case errors.As(err, &own):
		return own.status
	case errors.As(err, &refused):
		return http.StatusUnauthorized
	case errors.As(err, &tooLarge):
		return http.StatusRequestEntityTooLarge
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return http.StatusServiceUnavailable
	}
	switch table.CodeOf(err) {
	case table.CodeInvalid, table.CodeQuery:
		return http.StatusBadRequest
	case table.CodeAuth:
		return http.StatusUnauthorized
	case table.CodeNotFound:
		return http.StatusNotFound
	case table.CodeExists, table.CodeConflict, table.CodeConstraint, table.CodeFork:
		return http.StatusConflict
	case table.CodeLimit:
		return http.StatusRequestEntityTooLarge
	case table.CodeEpoch, table.CodeExpired:
		return http.StatusGone
	case table.CodeClosed, table.CodeStorage, table.CodeNetwork:
		return http.StatusServiceUnavailable
	}
	return http.StatusInternalServerError
}
