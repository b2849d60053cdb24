package table

// Kind is what an expression of a filter can be, as far as that is known before there is a record.
type Kind byte

// The kinds. Text fits where a date is wanted, and a date compares with text.
const (
	KindAny     Kind = iota // a json column, an undeclared one, an element of an array, or the literal null
	KindBoolean             // true or false
	KindNumber
	KindText
	KindDate
)

// String returns the kind in words, as messages use it.
func (k Kind) String() string {
	return [...]string{"any value", "a boolean", "a number", "text", "a date"}[k]
}

// KindOf returns the kind of a filter over the table, or of a part of one; [KindAny] for what [Query.Check] would not let
// pass.
func (s *Schema) KindOf(e Expr) Kind {
	k, err := checker{s: s, part: true}.kind(e)
	if err != nil {
		return KindAny
	}
	return k
}
