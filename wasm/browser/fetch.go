//go:build js && wasm

package browser

import (
	"context"
	"syscall/js"
	"time"

	"github.com/larder-sync/larder/table"
)

// Request is what [Fetch] sends. The zero value of each field but URL is the browser's default.
type Request struct {
	Method  string // GET if empty
	URL     string // relative ones are relative to the page or worker
	Headers map[string]string
	Body    []byte
	Cache   string // the fetch option, such as "no-store"
	MaxBody int    // the most bytes that an answer may have, or 0 for no limit

	// Silence is how long it may take until there is an answer, or more of it; 0 for as long as the browser waits, which may be for
	// ever where a connection is open and leads nowhere.
	Silence time.Duration
}

// Response is a server's answer, whatever its status.
type Response struct {
	Status  int
	URL     string            // after redirects
	Headers map[string]string // names in lower case; repeated ones joined by ", ". Use Header to read one
	Body    []byte
}

// Header returns the value of the header, whose name is given in lower case, or "". Of an answer from another origin only
// those are there that its server exposes.
func (r *Response) Header(name string) string { return r.Headers[name] }

// Fetch sends a request and reads the whole answer. The request is aborted when ctx ends, and the error is then ctx's cause.
// No answer, or one that breaks off or gets stuck, is a [table.Error] with [table.CodeNetwork]; one above MaxBody has [table.CodeLimit].
func Fetch(ctx context.Context, req Request) (*Response, error) {
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	heard := func() {}
	if req.Silence > 0 {
		inner, end := context.WithCancelCause(ctx)
		defer end(nil)
		timer := time.AfterFunc(req.Silence, func() { end(table.Errorf(table.CodeNetwork, req.URL, " is silent")) })
		defer timer.Stop()
		ctx, heard = inner, func() { timer.Reset(req.Silence) }
	}
	controller, stop := Controller(ctx)
	defer stop()

	response, err := Await(ctx, js.Global().Call("fetch", req.URL, req.init(controller.Get("signal"))))
	if err != nil {
		return nil, unanswered(ctx, req.URL, err)
	}
	answer := &Response{
		Status:  response.Get("status").Int(),
		URL:     response.Get("url").String(),
		Headers: headers(response.Get("headers")),
	}
	heard()
	if answer.Body, err = body(ctx, response, req.MaxBody, heard); err != nil {
		controller.Call("abort")
		return nil, unanswered(ctx, req.URL, err)
	}
	return answer, nil
}

func (req *Request) init(signal js.Value) js.Value {
	init := NewObject()
	init.Set("signal", signal)
	if req.Method != "" {
		init.Set("method", req.Method)
	}
	if req.Cache != "" {
		init.Set("cache", req.Cache)
	}
	fields := NewObject()
	for name, value := range req.Headers {
		fields.Set(name, value)
	}
	init.Set("headers", fields)
	if req.Body != nil {
		bytes := js.Global().Get("Uint8Array").New(len(req.Body))
		js.CopyBytesToJS(bytes, req.Body)
		init.Set("body", bytes)
	}
	return init
}

func headers(list js.Value) map[string]string {
	fields := make(map[string]string)
	entries := list.Call("entries")
	for {
		next := entries.Call("next")
		if next.Get("done").Bool() {
			return fields
		}
		field := next.Get("value")
		fields[field.Index(0).String()] = field.Index(1).String()
	}
}

// body reads the stream piece by piece, so that an answer above the limit is left unread, and tells of each.
func body(ctx context.Context, response js.Value, limit int, heard func()) ([]byte, error) {
	stream := response.Get("body")
	if stream.Type() != js.TypeObject {
		return nil, nil // a HEAD or 204 has none
	}
	reader := stream.Call("getReader")
	var all []byte
	for {
		piece, err := Await(ctx, reader.Call("read"))
		if err != nil {
			return nil, err
		}
		if piece.Get("done").Bool() {
			return all, nil
		}
		heard()
		bytes := piece.Get("value")
		start, size := len(all), bytes.Length()
		if limit > 0 && start+size > limit {
			return nil, table.Errorf(table.CodeLimit, "the answer is larger than asked for")
		}
		all = append(all, make([]byte, size)...)
		js.CopyBytesToGo(all[start:], bytes)
	}
}

func unanswered(ctx context.Context, url string, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if table.CodeOf(err) != "" {
		return err
	}
	return table.Errorf(table.CodeNetwork, "no answer from ", url).Because(err)
}
