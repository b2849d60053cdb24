package table

import "strconv"

// Check reports with [CodeQuery] what in q does not fit the table: columns that it does not have (any will do in a
// dynamic table), values compared or calculated with that are of different types, a negative skip. A text literal that is
// compared with a date column must be a date in canonical form: another would never be equal to one.
func (q *Query) Check(s *Schema) error {
	c := checker{s}
	if q.Filter != nil {
		k, err := c.kind(q.Filter)
		if err != nil {
			return err
		}
		if k != kindBoolean && k != kindAny {
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
type checker struct{ s *Schema }

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

func (c checker) kind(e Expr) (kind, error) {
	switch e := e.(type) {
	case Literal:
		return literalKind(e), nil
	case ColumnRef:
		column, _ := c.s.Column(e.Name)
		return columnKind(column.Type), c.column(e.Name)
	case Not:
		return kindBoolean, c.want(e.X, kindBoolean, "not")
	case Negate:
		return kindNumber, c.want(e.X, kindNumber, "-")
	case Logic:
		for _, x := range e.List {
			if err := c.want(x, kindBoolean, string(e.Op)); err != nil {
				return kindAny, err
			}
		}
		return kindBoolean, nil
	case Compare:
		return kindBoolean, c.comparable(e.Left, e.Right)
	case In:
		for _, x := range e.List {
			if err := c.comparable(e.X, x); err != nil {
				return kindAny, err
			}
		}
		return kindBoolean, nil
	case Arithmetic:
		if err := c.want(e.Left, kindNumber, string(e.Op)); err != nil {
			return kindAny, err
		}
		return kindNumber, c.want(e.Right, kindNumber, string(e.Op))
	case Call:
		return c.call(e)
	}
	return kindAny, c.bad("an expression of an unknown type")
}

func (c checker) call(e Call) (kind, error) {
	sig := signatureOf(e.Func)
	if !sig.takes(len(e.Args)) {
		return kindAny, c.bad("there is no function ", quote(e.Func), " of ", strconv.Itoa(len(e.Args)), " arguments")
	}
	for i, x := range e.Args {
		if err := c.want(x, sig.args[i], e.Func); err != nil {
			return kindAny, err
		}
	}
	return sig.result, nil
}

// want reports an expression of another kind than user needs.
func (c checker) want(e Expr, want kind, user string) error {
	k, err := c.kind(e)
	if err == nil && k != want && k != kindAny && !(want == kindDate && k == kindText) {
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
	if x == y || x == kindAny || y == kindAny {
		return nil
	}
	switch {
	case x == kindDate && y == kindText:
		return c.dateText(b)
	case x == kindText && y == kindDate:
		return c.dateText(a)
	}
	return c.bad("values of different types are compared: ", FilterText(a), " is ", x.String(), ", ", FilterText(b), " is ", y.String())
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

func literalKind(l Literal) kind {
	switch l.Value.(type) {
	case bool:
		return kindBoolean
	case float64:
		return kindNumber
	case string:
		return kindText
	case Date:
		return kindDate
	}
	return kindAny
}

func columnKind(t Type) kind {
	switch t {
	case TypeBoolean:
		return kindBoolean
	case TypeNumber, TypeInteger:
		return kindNumber
	case TypeString:
		return kindText
	case TypeDate:
		return kindDate
	}
	return kindAny
}
