package table

import (
	"strconv"
	"strings"
)

// Kinds of tokens. The others are their own character: ( ) , / : and -.
const (
	tokenEnd    = 0
	tokenName   = 'a'
	tokenNumber = '0'
	tokenText   = '\''
	tokenDate   = 'd'
)

// token is a word of a filter.
type token struct {
	kind  byte
	at    int
	text  string // of a name
	value any    // of a number, text or date
}

// advance reads the next token.
func (p *filterParser) advance() {
	for p.i < len(p.s) && isSpace(p.s[p.i]) {
		p.i++
	}
	at := p.i
	if at == len(p.s) {
		p.token = token{at: at}
		return
	}
	c := p.s[at]
	switch {
	case c == '(' || c == ')' || c == ',' || c == '/' || c == ':' || c == '-':
		p.i++
		p.token = token{kind: c, at: at}
	case c == '\'':
		if text, ok := p.quoted(); ok {
			p.token = token{kind: tokenText, at: at, value: text}
		}
	case isDigit(c):
		if isYear(p.s[at:]) {
			p.bareDate()
		} else {
			p.number()
		}
	case isNameStart(c):
		for p.i++; p.i < len(p.s) && (isNameStart(p.s[p.i]) && p.s[p.i] != '@' || isDigit(p.s[p.i]) || p.s[p.i] == '-'); {
			p.i++
		}
		name := p.s[at:p.i]
		if p.i < len(p.s) && p.s[p.i] == '\'' {
			p.date(at, name)
			return
		}
		p.token = token{kind: tokenName, at: at, text: name}
	default:
		p.fail(at, "there is no meaning in "+quote(firstRune(p.s[at:])))
	}
}

func isSpace(c byte) bool { return c == ' ' || c == '\t' || c == '\n' || c == '\r' }

func isDigit(c byte) bool { return c-'0' <= 9 }

func isNameStart(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' || c == '_' || c == '@' }

func firstRune(s string) string {
	for i := range s {
		if i > 0 {
			return s[:i]
		}
	}
	return s
}

// quoted reads a text in quotes at i; a doubled quote in it is one.
func (p *filterParser) quoted() (string, bool) {
	start := p.i + 1
	doubled := false
	for i := start; i < len(p.s); i++ {
		if p.s[i] != '\'' {
			continue
		}
		if i+1 < len(p.s) && p.s[i+1] == '\'' {
			doubled = true
			i++
			continue
		}
		p.i = i + 1
		text := p.s[start:i]
		if doubled {
			text = strings.ReplaceAll(text, "''", "'")
		}
		return text, true
	}
	p.fail(start-1, "the text has no closing quote")
	return "", false
}

// date reads the quoted part of datetime'…' or datetimeoffset'…'.
func (p *filterParser) date(at int, name string) {
	if name != "datetime" && name != "datetimeoffset" {
		p.fail(at, "there are no literals of type "+quote(name)+"; an id is a text in quotes")
		return
	}
	text, ok := p.quoted()
	if !ok {
		return
	}
	iso, err := ParseDate(text)
	if err == nil && name == "datetime" && (len(text) < len("2026-11-21T08:00:00Z") || text[len(text)-1] != 'Z') {
		err = Errorf(CodeQuery, "datetime takes YYYY-MM-DDTHH:MM:SS.mmmZ; use datetimeoffset for others")
	}
	if err != nil {
		p.fail(at, err.Error())
		return
	}
	p.token = token{kind: tokenDate, at: at, value: Date(iso)}
}

// isYear reports whether s begins with four digits and a minus, as no number does.
func isYear(s string) bool {
	return len(s) > 4 && isDigit(s[1]) && isDigit(s[2]) && isDigit(s[3]) && s[4] == '-'
}

// bareDate reads a date as version 4 of OData writes it: 2026-11-21, or 2026-11-21T08:00:00Z.
func (p *filterParser) bareDate() {
	at := p.i
	for p.i < len(p.s) && (isDigit(p.s[p.i]) || strings.IndexByte("-+:.TZ", p.s[p.i]) >= 0) {
		p.i++
	}
	iso, err := ParseDate(p.s[at:p.i])
	if err != nil {
		p.fail(at, err.Error())
		return
	}
	p.token = token{kind: tokenDate, at: at, value: Date(iso)}
}

// number reads an integer with the suffix L, or a real with the suffix F, M or D, in any case; suffixes are optional.
func (p *filterParser) number() {
	at := p.i
	digits := func() bool {
		start := p.i
		for p.i < len(p.s) && isDigit(p.s[p.i]) {
			p.i++
		}
		return p.i > start
	}
	peek := func() byte {
		if p.i < len(p.s) {
			return p.s[p.i]
		}
		return 0
	}
	ok := digits()
	real := false
	if peek() == '.' {
		p.i++
		real = true
		ok = digits()
	}
	if ok && peek()|0x20 == 'e' {
		p.i++
		real = true
		if peek() == '+' || peek() == '-' {
			p.i++
		}
		ok = digits()
	}
	text := p.s[at:p.i]
	switch peek() | 0x20 {
	case 'l':
		ok = ok && !real
		p.i++
	case 'f', 'm', 'd':
		p.i++
	}
	if c := peek(); !ok || isNameStart(c) || isDigit(c) || c == '.' || c == '\'' {
		p.fail(at, "not a number")
		return
	}
	f, err := strconv.ParseFloat(text, 64)
	if err != nil || !exact(f) {
		p.fail(at, "the number is too large to be exact")
		return
	}
	p.token = token{kind: tokenNumber, at: at, value: f}
}
