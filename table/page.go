package table

import (
	"strconv"
	"strings"
)

// ParsePage reads one page of a delta. Whatever cannot be understood is an error with [CodeServer]: a page is applied
// whole or not at all. Records stay text where they can be stored as they are.
func ParsePage(data []byte) (*Page, error) {
	page, err := readPage(&parser{s: string(data)})
	if err != nil {
		return nil, notUnderstood("delta page", err)
	}
	return page, nil
}

func readPage(p *parser) (*Page, error) {
	page := &Page{Count: -1}
	var next, delta string
	found := false
	err := p.fields(func(key string) (err error) {
		switch key {
		case "value":
			page.Changes, found = nil, true
			return p.items(func() error {
				change, err := readChange(p)
				page.Changes = append(page.Changes, change)
				return err
			})
		case FieldNextLink:
			next, err = p.text()
		case FieldDeltaLink:
			delta, err = p.text()
		case FieldPast:
			var past string
			past, err = p.text()
			page.Past = Past(past)
		case FieldCount:
			at := p.i
			var v any
			if v, err = p.value(); err == nil {
				n, ok := whole(v)
				if !ok || n < 0 {
					return p.fail(at, "expected a count")
				}
				page.Count = int(n)
			}
		default:
			_, err = p.value()
		}
		return err
	})
	if err == nil {
		err = p.end()
	}
	if err != nil {
		return nil, err
	}
	if !found {
		return nil, Errorf(CodeInvalid, "the page has no value")
	}
	if (next == "") == (delta == "") {
		return nil, Errorf(CodeInvalid, "the page has not exactly one of ", FieldNextLink, " and ", FieldDeltaLink)
	}
	page.More = next != ""
	page.Token, err = tokenOf(next + delta)
	return page, err
}

// readChange reads a record, or {"id", "version", "@removed": {"reason"}}, where the version may be missing.
func readChange(p *parser) (Change, error) {
	p.next()
	at, depth := p.i, p.depth
	if id := serverRow(p); id != "" {
		return Change{Row: Row{ID: id, Text: p.s[at:p.i]}}, nil
	}
	p.i, p.depth = at, depth
	r, err := p.record()
	if err != nil {
		return Change{}, err
	}
	id := r.ID()
	if id == "" {
		return Change{}, p.fail(at, "expected a record with an id")
	}
	removed, ok := r[FieldRemoved]
	if !ok {
		return Change{Row: Row{ID: id, Record: r}}, nil
	}
	m, _ := object(removed)
	switch reason := m["reason"]; reason {
	case ReasonDeleted, ReasonChanged:
		return Change{Row: Row{ID: id}, Removed: reason.(string), Version: r.Version()}, nil
	}
	return Change{}, p.fail(at, "expected "+FieldRemoved+" to have the reason deleted or changed")
}

// tokenOf returns the delta token of a link.
func tokenOf(link string) (string, error) {
	link, _, _ = strings.Cut(link, "#")
	_, query, _ := strings.Cut(link, "?")
	for query != "" {
		var pair string
		pair, query, _ = strings.Cut(query, "&")
		name, value, _ := strings.Cut(pair, "=")
		name, err := UnescapeID(name)
		if err != nil || name != ParamDeltaToken {
			continue
		}
		token, err := UnescapeID(strings.ReplaceAll(value, "+", " "))
		if err != nil {
			return "", err
		}
		if token == "" {
			break
		}
		return token, nil
	}
	return "", Errorf(CodeInvalid, "the page's link has no ", ParamDeltaToken, ": ", quote(link))
}

// AppendPage appends a page's body to dst. Link is the absolute path that the next request goes to,
// "/tables/todoitem", with the query's other parameters if it has some: the token is added to them.
func AppendPage(dst []byte, page *Page, link string) []byte {
	dst = append(dst, `{"value":[`...)
	for i := range page.Changes {
		c := &page.Changes[i]
		if i > 0 {
			dst = append(dst, ',')
		}
		if c.Removed == "" {
			dst = c.AppendJSON(dst)
			continue
		}
		dst = append(dst, `{"id":`...)
		dst = appendString(dst, c.ID)
		if c.Version != "" {
			dst = append(dst, `,"`+ColumnVersion+`":`...)
			dst = appendString(dst, c.Version)
		}
		dst = append(dst, `,"`+FieldRemoved+`":{"reason":`...)
		dst = appendString(dst, c.Removed)
		dst = append(dst, "}}"...)
	}
	dst = append(dst, ']')
	if page.Count >= 0 {
		dst = append(dst, `,"`+FieldCount+`":`...)
		dst = strconv.AppendInt(dst, int64(page.Count), 10)
	}
	if page.Past != "" {
		dst = appendString(append(dst, `,"`+FieldPast+`":`...), string(page.Past))
	}
	if page.More {
		dst = append(dst, `,"`+FieldNextLink+`":`...)
	} else {
		dst = append(dst, `,"`+FieldDeltaLink+`":`...)
	}
	join := "?"
	if strings.Contains(link, "?") {
		join = "&"
	}
	dst = appendString(dst, link+join+ParamDeltaToken+"="+EscapeID(page.Token))
	return append(dst, '}')
}
