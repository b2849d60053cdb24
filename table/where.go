package table

// addWhere adds an object of conditions by column, or an array of such objects, to the filter.
func (q *Query) addWhere(v any) error {
	list, ok := v.([]any)
	if !ok {
		list = []any{v}
	}
	for _, v := range list {
		m, ok := object(v)
		if !ok {
			return Errorf(CodeQuery, "where is not an object of values by column")
		}
		for _, name := range AppendKeys(nil, m) {
			if err := CheckName("column", name); err != nil {
				return Errorf(CodeQuery, "where").Because(err)
			}
			e, err := condition{name, ColumnRef{name}}.on(m[name])
			if err != nil {
				return err
			}
			q.Filter = And(q.Filter, e)
		}
	}
	return nil
}

// condition makes the filter that an object's entry stands for.
type condition struct {
	column string
	x      Expr // what it is about: the column, or an element of its array
}

func (c condition) bad(v any, hint string) error {
	return Errorf(CodeQuery, "where: column ", c.column, " cannot be compared with ", describe(v), hint)
}

// on reads a value, an array of values, or an object of conditions.
func (c condition) on(v any) (e Expr, err error) {
	if list, ok := v.([]any); ok {
		return c.in(list)
	}
	m, ok := object(v)
	if !ok {
		return c.compare(OpEq, v)
	}
	if len(m) == 0 {
		return nil, c.bad(v, " without conditions")
	}
	for _, key := range AppendKeys(nil, m) {
		part, err := c.named(key, m[key])
		if err != nil {
			return nil, err
		}
		e = And(e, part)
	}
	return e, nil
}

// named reads a condition by its OData name.
func (c condition) named(name string, v any) (Expr, error) {
	switch name {
	case "eq", "ne", "gt", "ge", "lt", "le":
		return c.compare(Op(name), v)
	case "in":
		if list, ok := v.([]any); ok {
			return c.in(list)
		}
		return nil, c.bad(v, " by in, which takes an array")
	case "startswith", "endswith", "contains":
		text, ok := v.(string)
		if !ok || !storable(text) {
			return nil, c.bad(v, " by "+name+", which takes text")
		}
		if name == "contains" {
			return Call{"substringof", []Expr{Literal{text}, c.x}}, nil
		}
		return Call{name, []Expr{c.x, Literal{text}}}, nil
	case "any":
		if _, nested := c.x.(Element); nested {
			return nil, c.bad(v, " by any within any")
		}
		e, err := condition{c.column, Element{}}.on(v)
		return Any{c.column, e}, err
	}
	return nil, Errorf(CodeQuery, "where: column ", c.column, ": there is no condition ", quote(name),
		"; there are eq, ne, gt, ge, lt, le, in, startswith, endswith, contains and any")
}

func (c condition) compare(op Op, v any) (Expr, error) {
	l, ok := literal(v)
	if !ok {
		return nil, c.bad(v, "")
	}
	return Compare{op, c.x, l}, nil
}

func (c condition) in(values []any) (Expr, error) {
	in := In{c.x, make([]Expr, len(values))}
	for i, v := range values {
		var ok bool
		if in.List[i], ok = literal(v); !ok {
			return nil, c.bad(v, "")
		}
	}
	return in, nil
}

// literal makes a constant of a value.
func literal(v any) (Expr, bool) {
	switch v := v.(type) {
	case nil, bool:
		return Literal{v}, true
	case string:
		return Literal{v}, storable(v)
	}
	f, ok := number(v)
	return Literal{f + 0}, ok
}
