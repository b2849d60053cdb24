package table

import (
	"strconv"
	"strings"
)

// Limits of a filter's text, so that none can exhaust the stack or the memory of who evaluates it.
const (
	MaxFilter      = 8 << 10            // bytes
	MaxFilterDepth = 32                 // operators and function calls within each other
	maxNesting     = 2 * MaxFilterDepth // parentheses within each other, needless ones included
	maxBuilders    = 32                 // calls of concat and replace, which make long texts of short ones
	maxReplacement = 100                // characters of replace's last argument
	maxVariables   = 100                // members of an in's list that are not constants
)

// ParseFilter reads OData text: the $filter grammar of Azure's tables, and of OData version 4 contains, in, dates without
// quotes, and any on columns of arrays: tags/any(t: t eq 'shop'). Empty text is a nil Expr: no filter. Errors have
// [CodeQuery] and tell the position, counted in bytes from 0.
//
// From loose to tight: or; and; eq ne gt ge lt le in; add sub; mul div mod; not and -. Operators of one level group from
// the left. Names and keywords are case-sensitive.
func ParseFilter(text string) (Expr, error) {
	if len(text) > MaxFilter {
		return nil, Errorf(CodeQuery, "the filter is longer than ", strconv.Itoa(MaxFilter), " bytes")
	}
	if !storable(text) {
		return nil, Errorf(CodeQuery, "the filter is not valid UTF-8, or holds U+0000")
	}
	p := filterParser{s: text}
	p.advance()
	if p.err == nil && p.token.kind == tokenEnd {
		return nil, nil
	}
	e := p.expression(bindOr)
	if p.err == nil && p.token.kind != tokenEnd {
		p.fail(p.token.at, "expected an operator or the end")
	}
	if p.err != nil {
		return nil, p.err
	}
	return e, nil
}

// filterParser is a Pratt parser over the token in hand. At the first error, which err keeps, the token becomes the end:
// everything returns soon, with trees that nobody sees.
type filterParser struct {
	s        string
	i        int // behind token
	token    token
	depth    int
	builders int    // concat and replace so far
	replaces int    // that are open
	element  string // what the element of the array around is called; "" outside of any
	err      error
}

func (p *filterParser) fail(at int, what string) Expr {
	if p.err == nil {
		where := "position " + strconv.Itoa(at)
		if at >= len(p.s) {
			where = "its end"
		}
		p.err = Errorf(CodeQuery, "filter, at ", where, ": ", what)
	}
	p.token = token{kind: tokenEnd, at: at}
	p.i = len(p.s)
	return Literal{}
}

// expression reads operators that bind at least as tightly as least.
func (p *filterParser) expression(least int) Expr {
	at := p.token.at
	left := p.unary()
	for p.token.kind == tokenName {
		op := Op(p.token.text)
		binding := bindingOf(op)
		if binding == 0 {
			return p.fail(p.token.at, "there is no operator "+quote(p.token.text))
		}
		if binding < least {
			break
		}
		p.advance()
		switch binding {
		case bindOr, bindAnd:
			left = join(op, left, p.expression(binding+1))
		case bindCompare:
			if op == "in" {
				left = In{left, p.list("in")}
			} else {
				left = Compare{op, left, p.expression(binding + 1)}
			}
		default:
			left = Arithmetic{op, left, p.expression(binding + 1)}
		}
	}
	if deeper(left, MaxFilterDepth) {
		return p.fail(at, "operators nest deeper than "+strconv.Itoa(MaxFilterDepth))
	}
	return left
}

// deeper reports whether e is a tree of more than levels.
func deeper(e Expr, levels int) bool {
	if levels == 0 {
		return true
	}
	for _, part := range parts(e) {
		if deeper(part, levels-1) {
			return true
		}
	}
	return false
}

// nest enters parentheses or a sign, and reports whether that is allowed.
func (p *filterParser) nest() bool {
	if p.depth++; p.depth > maxNesting {
		p.fail(p.token.at, "it nests deeper than "+strconv.Itoa(maxNesting))
	}
	p.advance()
	return p.err == nil
}

func (p *filterParser) unary() Expr {
	t := p.token
	minus := t.kind == '-'
	if !minus && (t.kind != tokenName || t.text != "not") {
		return p.primary()
	}
	if !p.nest() {
		return Literal{}
	}
	x := p.unary()
	p.depth--
	if !minus {
		return Not{x}
	}
	if l, ok := x.(Literal); ok {
		if f, ok := l.Value.(float64); ok {
			return Literal{-f + 0}
		}
	}
	return Negate{x}
}

func (p *filterParser) primary() Expr {
	t := p.token
	switch t.kind {
	case tokenNumber, tokenText, tokenDate:
		p.advance()
		return Literal{t.value}
	case '(':
		if !p.nest() {
			return Literal{}
		}
		e := p.expression(bindOr)
		p.expect(')')
		p.depth--
		return e
	case tokenName:
		p.advance()
		if t.text == p.element {
			return Element{}
		}
		if p.token.kind == '/' {
			return p.member(t)
		}
		switch t.text {
		case "true":
			return Literal{true}
		case "false":
			return Literal{false}
		case "null":
			return Literal{nil}
		}
		if p.token.kind == '(' {
			return p.call(t)
		}
		return p.column(t)
	}
	return p.fail(t.at, "expected a value")
}

// member reads a/b, which means column b, and b/any(…), which is a condition on the elements of b.
func (p *filterParser) member(t token) Expr {
	for p.token.kind == '/' {
		p.advance()
		next := p.token
		if next.kind != tokenName {
			return p.fail(next.at, "expected a name")
		}
		p.advance()
		if next.text == "any" && p.token.kind == '(' {
			return p.any(t)
		}
		t = next
	}
	return p.column(t)
}

// any reads the parentheses of any(x: condition), or of any().
func (p *filterParser) any(column token) Expr {
	ref, ok := p.column(column).(ColumnRef)
	if p.element != "" {
		return p.fail(column.at, "any within any is not allowed")
	}
	if !ok || !p.nest() {
		return Literal{}
	}
	e := Any{Column: ref.Name}
	if p.token.kind != ')' {
		name := p.token
		switch {
		case name.kind != tokenName || CheckName("column", name.text) != nil,
			name.text == "not", name.text == "true", name.text == "false", name.text == "null":
			return p.fail(name.at, "expected a name for the element, as in any(x: x eq 1)")
		}
		p.advance()
		p.expect(':')
		p.element = name.text
		e.X = p.expression(bindOr)
		p.element = ""
	}
	p.expect(')')
	p.depth--
	return e
}

func (p *filterParser) column(t token) Expr {
	if err := CheckName("column", t.text); err != nil {
		return p.fail(t.at, err.Error())
	}
	return ColumnRef{t.text}
}

func (p *filterParser) expect(kind byte) {
	if p.token.kind != kind {
		p.fail(p.token.at, "expected "+string(rune(kind)))
		return
	}
	p.advance()
}

// list reads expressions in parentheses.
func (p *filterParser) list(of string) []Expr {
	if p.token.kind != '(' {
		p.fail(p.token.at, "expected ( after "+of)
		return nil
	}
	p.nest()
	list := []Expr{}
	for p.err == nil && p.token.kind != ')' {
		if len(list) > 0 {
			p.expect(',')
		}
		list = append(list, p.expression(bindOr))
	}
	p.expect(')')
	p.depth--
	return list
}

func (p *filterParser) call(t token) Expr {
	name := t.text
	if name == "contains" {
		name = "substringof"
	}
	sig := signatureOf(name)
	if sig == nil {
		return p.fail(t.at, "there is no function "+quote(t.text))
	}
	if name == "concat" || name == "replace" {
		if p.builders++; p.builders > maxBuilders {
			return p.fail(t.at, "more than "+strconv.Itoa(maxBuilders)+" calls of concat and replace")
		}
	}
	if name == "replace" {
		if p.replaces++; p.replaces > 1 {
			return p.fail(t.at, "replace within replace is not allowed")
		}
		defer func() { p.replaces-- }()
	}
	args := p.list(t.text)
	if p.err != nil {
		return Literal{}
	}
	if !sig.takes(len(args)) {
		return p.fail(t.at, t.text+" has "+strconv.Itoa(len(args))+" arguments and needs "+strconv.Itoa(sig.least))
	}
	if t.text == "contains" {
		args[0], args[1] = args[1], args[0]
	}
	if name == "replace" {
		l, _ := args[2].(Literal)
		with, ok := l.Value.(string)
		if !ok || len([]rune(with)) > maxReplacement {
			return p.fail(t.at, "replace needs a constant of at most "+strconv.Itoa(maxReplacement)+" characters at the end")
		}
	}
	return Call{name, args}
}

// ParseOrder reads an $orderby: "due desc,text". Only "desc", in any case, is descending. Errors have [CodeQuery].
func ParseOrder(text string) ([]Order, error) {
	if strings.TrimSpace(text) == "" {
		return nil, nil
	}
	var order []Order
	for _, part := range strings.Split(text, ",") {
		words := strings.Fields(part)
		if len(words) == 0 || len(words) > 2 {
			return nil, Errorf(CodeQuery, "order ", quote(text), ": each part must be a column, and asc or desc at most")
		}
		name := words[0][strings.LastIndexByte(words[0], '/')+1:]
		if err := CheckName("column", name); err != nil {
			return nil, Errorf(CodeQuery, "order ", quote(text)).Because(err)
		}
		order = append(order, Order{name, len(words) == 2 && strings.EqualFold(words[1], "desc")})
	}
	return order, nil
}
