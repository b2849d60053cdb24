package table

import "strconv"

// Check reports with [CodeQuery] what in q does not fit the table: columns that it does not have (any will do in a
// dynamic table), values compared or calculated with that are of different types, a negative skip. A text literal that is
// compared with a date column must be a date in canonical form: another would never be equal to one.
func (q *Query) Check(s *Schema) error {
	c := checker{s: s}
	if q.Filter != nil {
		if deeper(q.Filter, 2*MaxFilterDepth) { // twice what a text may have, for what is added to it
			return c.bad("the filter nests deeper than ", strconv.Itoa(2*MaxFilterDepth))
		}
		k, err := c.kind(q.Filter)
		if err != nil {
			return err
		}
		if k != KindBoolean && k != KindAny {
			return c.bad("the filter ", FilterText(q.Filter), " is ", k.String(), ", not a condition")
		}
	}
	for _, o := range q.Order {
		if err := c.column(o.Column); err != nil {
			return err
		}
		if column, _ := s.Column(o.Column); column.Type == TypeJSON {
			return c.bad("column ", o.Column, " of type json has no order")
		}
	}
	for _, name := range q.Select {
		if err := c.column(name); err != nil {
			return err
		}
	}
	if err := q.checkAfter(c); err != nil {
		return err
	}
	if q.Skip < 0 || q.Take < All {
		return c.bad("skip ", strconv.Itoa(q.Skip), " or take ", strconv.Itoa(q.Take), " is negative")
	}
	return nil
}

func (q *Query) checkAfter(c checker) error {
	if q.After == nil {
		return nil
	}
	if q.After.ID() == "" {
		return c.bad("after needs the record that the page before ended with, and this one has no id")
	}
	for _, o := range q.Order {
		if r, _ := rank(q.After[o.Column]); r > 2 {
			return c.bad("after has ", describe(q.After[o.Column]), " in column ", o.Column, ", which has no order")
		}
	}
	return nil
}

// checker finds the kinds of a filter's expressions in a table.
type checker struct {
	s      *Schema
	inside bool // of an any
	part   bool // of what may be inside of one
}

func (c checker) bad(parts ...string) error {
	e := Errorf(CodeQuery, parts...)
	e.Message = "query of table " + c.s.Name + ": " + e.Message
	return e
}

func (c checker) column(name string) error {
	if _, ok := c.s.Column(name); !ok && !c.s.Dynamic {
		return c.bad("there is no column ", quote(name))
	}
	return nil
}

func (c checker) kind(e Expr) (Kind, error) {
	switch e := e.(type) {
	case Literal:
		return c.literal(e)
	case ColumnRef:
		column, _ := c.s.Column(e.Name)
		return columnKind(column.Type), c.column(e.Name)
	case Not:
		return KindBoolean, c.want(e.X, KindBoolean, "not")
	case Negate:
		return KindNumber, c.want(e.X, KindNumber, "-")
	case Logic:
		for _, x := range e.List {
			if err := c.want(x, KindBoolean, string(e.Op)); err != nil {
				return KindAny, err
			}
		}
		return KindBoolean, nil
	case Compare:
		return KindBoolean, c.comparable(e.Left, e.Right)
	case In:
		variables := 0
		for _, x := range e.List {
			if _, ok := x.(Literal); !ok {
				variables++
			}
			if variables > maxVariables {
				return KindAny, c.bad("in lists more than ", strconv.Itoa(maxVariables), " values that are not constants")
			}
			if err := c.comparable(e.X, x); err != nil {
				return KindAny, err
			}
		}
		return KindBoolean, nil
	case Arithmetic:
		if err := c.want(e.Left, KindNumber, string(e.Op)); err != nil {
			return KindAny, err
		}
		return KindNumber, c.want(e.Right, KindNumber, string(e.Op))
	case Call:
		return c.call(e)
	case Any:
		return KindBoolean, c.any(e)
	case Element:
		if !c.inside && !c.part {
			return KindAny, c.bad("there is no array around an element")
		}
		return KindAny, nil
	}
	return KindAny, c.bad("an expression of an unknown type")
}

func (c checker) any(e Any) error {
	k, err := c.kind(ColumnRef{e.Column})
	if err != nil {
		return err
	}
	if k != KindAny {
		return c.bad("any needs a column of type json, and ", e.Column, " is ", k.String())
	}
	if c.inside {
		return c.bad("any within any is not allowed")
	}
	if e.X == nil {
		return nil
	}
	c.inside = true
	return c.want(e.X, KindBoolean, "any")
}

func (c checker) call(e Call) (Kind, error) {
	sig := signatureOf(e.Func)
	if !sig.takes(len(e.Args)) {
		return KindAny, c.bad("there is no function ", quote(e.Func), " of ", strconv.Itoa(len(e.Args)), " arguments")
	}
	for i, x := range e.Args {
		if err := c.want(x, sig.args[i], e.Func); err != nil {
			return KindAny, err
		}
	}
	return sig.result, nil
}

// want reports an expression of another kind than user needs.
func (c checker) want(e Expr, want Kind, user string) error {
	k, err := c.kind(e)
	if err == nil && k != want && k != KindAny && !(want == KindDate && k == KindText) {
		return c.bad(user, " needs ", want.String(), ", and ", FilterText(e), " is ", k.String())
	}
	return err
}

// comparable reports sides that no record can make comparable.
func (c checker) comparable(a, b Expr) error {
	x, err := c.kind(a)
	if err != nil {
		return err
	}
	y, err := c.kind(b)
	if err != nil {
		return err
	}
	if x == y || x == KindAny || y == KindAny {
		return nil
	}
	switch {
	case x == KindDate && y == KindText:
		return c.dateText(b)
	case x == KindText && y == KindDate:
		return c.dateText(a)
	}
	return c.bad("values of different types are compared: ", FilterText(a), " is ", x.String(), ", ",
		FilterText(b), " is ", y.String())
}

// dateText reports a constant text next to a date that is not the text of one.
func (c checker) dateText(e Expr) error {
	l, ok := e.(Literal)
	if !ok {
		return nil
	}
	if text, _ := l.Value.(string); !isCanonicalDate(text) {
		return c.bad("the text ", FilterText(e), " is compared with a date; write it as datetimeoffset", FilterText(e))
	}
	return nil
}

// literal refuses what no parser makes.
func (c checker) literal(l Literal) (Kind, error) {
	switch v := l.Value.(type) {
	case nil:
		return KindAny, nil
	case bool:
		return KindBoolean, nil
	case float64:
		if exact(v) {
			return KindNumber, nil
		}
	case string:
		if storable(v) {
			return KindText, nil
		}
	case Date:
		if isCanonicalDate(string(v)) {
			return KindDate, nil
		}
	}
	return KindAny, c.bad("a literal cannot be ", describe(l.Value))
}

func columnKind(t Type) Kind {
	switch t {
	case TypeBoolean:
		return KindBoolean
	case TypeNumber, TypeInteger:
		return KindNumber
	case TypeString:
		return KindText
	case TypeDate:
		return KindDate
	}
	return KindAny
}
