package table

import (
	"strconv"
	"strings"
)

// AppendBatch appends the body of a POST to [PathBatch], an OData JSON batch, to dst.
func AppendBatch(dst []byte, requests []Request) []byte {
	dst = append(dst, `{"requests":[`...)
	for i := range requests {
		r := &requests[i]
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(dst, `{"id":`...)
		dst = appendString(dst, r.ID)
		if r.Group != "" {
			dst = append(dst, `,"atomicityGroup":`...)
			dst = appendString(dst, r.Group)
		}
		dst = append(dst, `,"method":`...)
		dst = appendString(dst, r.Method)
		dst = append(dst, `,"url":`...)
		dst = appendString(dst, r.URL)
		dst = appendMessage(dst, r.Headers, r.Body)
	}
	return append(dst, "]}"...)
}

// AppendResponses appends the body of the answer to a batch to dst.
func AppendResponses(dst []byte, responses []Response) []byte {
	dst = append(dst, `{"responses":[`...)
	for i := range responses {
		r := &responses[i]
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(dst, `{"id":`...)
		dst = appendString(dst, r.ID)
		dst = append(dst, `,"status":`...)
		dst = strconv.AppendInt(dst, int64(r.Status), 10)
		dst = appendMessage(dst, r.Headers, r.Body)
	}
	return append(dst, "]}"...)
}

// appendMessage writes what requests and answers end with.
func appendMessage(dst []byte, headers map[string]string, body Record) []byte {
	if len(headers) > 0 {
		var room [8]string
		dst = append(dst, `,"headers":{`...)
		for i, name := range AppendKeys(room[:0], headers) {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = appendString(dst, name)
			dst = append(dst, ':')
			dst = appendString(dst, headers[name])
		}
		dst = append(dst, '}')
	}
	if body != nil {
		dst = append(dst, `,"body":`...)
		dst = appendObject(dst, body)
	}
	return append(dst, '}')
}

// ParseBatch reads the body of a batch. Header names become lower case. Every request has an id that no other has, a
// method and a URL; whether they make sense is the caller's to say. Errors have [CodeInvalid], and [CodeLimit] when there
// are more than [MaxBatch] requests.
func ParseBatch(data []byte) ([]Request, error) {
	p := parser{s: string(data)}
	requests, err := parseMessages(&p, "requests", readRequest)
	if err != nil {
		return nil, err
	}
	ids := make(map[string]bool, len(requests))
	for i := range requests {
		r := &requests[i]
		if r.ID == "" || r.Method == "" || r.URL == "" {
			return nil, Errorf(CodeInvalid, "request ", strconv.Itoa(i), " of the batch lacks its id, method or url")
		}
		if ids[r.ID] {
			return nil, Errorf(CodeInvalid, "request ", strconv.Itoa(i), " of the batch has the id of another: ", quote(r.ID))
		}
		ids[r.ID] = true
	}
	return requests, nil
}

// ParseResponses reads the answer to a batch. Header names become lower case. Whatever cannot be understood is an error
// with [CodeServer].
func ParseResponses(data []byte) ([]Response, error) {
	p := parser{s: string(data)}
	responses, err := parseMessages(&p, "responses", readResponse)
	if err != nil {
		return nil, notUnderstood("batch", err)
	}
	for i := range responses {
		if r := &responses[i]; r.ID == "" || r.Status < 100 || r.Status > 599 {
			return nil, Errorf(CodeServer, "answer ", strconv.Itoa(i), " of the server's batch lacks its id or status")
		}
	}
	return responses, nil
}

// notUnderstood makes an error of the server's out of what is wrong with its JSON.
func notUnderstood(what string, err error) error {
	return Errorf(CodeServer, "the server's ", what, " cannot be understood").Because(err)
}

// parseMessages reads {"<name>": [message…]}.
func parseMessages[T any](p *parser, name string, read func(p *parser, key string, m *T) error) ([]T, error) {
	var list []T
	found := false
	err := p.fields(func(key string) error {
		if key != name {
			_, err := p.value()
			return err
		}
		list, found = nil, true
		return p.items(func() error {
			if len(list) == MaxBatch {
				return Errorf(CodeLimit, "the batch has more than ", strconv.Itoa(MaxBatch), " requests; send it in parts")
			}
			var m T
			err := p.fields(func(key string) error { return read(p, key, &m) })
			list = append(list, m)
			return err
		})
	})
	if err == nil {
		err = p.end()
	}
	if err == nil && !found {
		err = Errorf(CodeInvalid, "the batch has no ", name)
	}
	return list, err
}

func readRequest(p *parser, key string, r *Request) (err error) {
	switch key {
	case "id":
		r.ID, err = p.text()
	case "atomicityGroup":
		r.Group, err = p.text()
	case "method":
		r.Method, err = p.text()
	case "url":
		r.URL, err = p.text()
	case "headers":
		r.Headers, err = p.headers()
	case "body":
		r.Body, err = p.recordOrNull()
	default:
		_, err = p.value()
	}
	return err
}

func readResponse(p *parser, key string, r *Response) (err error) {
	switch key {
	case "id":
		r.ID, err = p.text()
	case "status":
		at := p.i
		var v any
		if v, err = p.value(); err == nil {
			n, ok := whole(v)
			if !ok {
				return p.fail(at, "expected a status")
			}
			r.Status = int(n)
		}
	case "headers":
		r.Headers, err = p.headers()
	case "body":
		r.Body, err = p.recordOrNull()
	default:
		_, err = p.value()
	}
	return err
}

// fields reads an object, calling field with each key; field reads the value.
func (p *parser) fields(field func(key string) error) error {
	for more, err := p.open('{', '}'); ; more, err = p.more('}') {
		if err != nil || !more {
			return err
		}
		key, err := p.key()
		if err != nil {
			return err
		}
		if err := field(key); err != nil {
			return err
		}
	}
}

// items reads an array, calling item to read each of its values.
func (p *parser) items(item func() error) error {
	for more, err := p.open('[', ']'); ; more, err = p.more(']') {
		if err != nil || !more {
			return err
		}
		if err := item(); err != nil {
			return err
		}
	}
}

// text reads a string, and nothing else.
func (p *parser) text() (string, error) {
	if p.next() != '"' {
		return "", p.fail(p.i, "expected a string")
	}
	return p.str()
}

func (p *parser) recordOrNull() (Record, error) {
	if p.next() == 'n' {
		return nil, p.word("null")
	}
	return p.record()
}

func (p *parser) headers() (map[string]string, error) {
	if p.next() == 'n' {
		return nil, p.word("null")
	}
	headers := make(map[string]string, 4)
	err := p.fields(func(name string) (err error) {
		headers[strings.ToLower(name)], err = p.text()
		return err
	})
	return headers, err
}
