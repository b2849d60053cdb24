package table

// Row returns the operation as the plain object that the outbox keeps: seq, id, table, recordId, action, record,
// base, server, state, reason, attempts, principal, schema, createdAt, and groups and lost where it has some. It shares op's
// records.
func (op *Operation) Row() Record {
	row := Record{
		"seq":       float64(op.Seq),
		"id":        op.ID,
		"table":     op.Table,
		"recordId":  op.RecordID,
		"action":    string(op.Action),
		"record":    orNil(op.Record),
		"base":      orNil(op.Base),
		"server":    orNil(op.Server),
		"state":     string(op.State),
		"reason":    op.Reason,
		"attempts":  float64(op.Attempts),
		"principal": op.Principal,
		"schema":    float64(op.Schema),
		"createdAt": op.CreatedAt,
	}
	if len(op.Groups) > 0 {
		groups := make([]any, len(op.Groups))
		for i, g := range op.Groups {
			groups[i] = g
		}
		row["groups"] = groups
	}
	if op.Lost != "" {
		row["lost"] = string(op.Lost)
	}
	return row
}

// AppendNew appends the JSON of an operation that has no place in the queue yet: [Operation.Row] without seq, and with a
// record that need not be opened.
func (op *Operation) AppendNew(dst []byte, record Row) []byte {
	row := op.Row()
	delete(row, "seq") // a number that is there would be kept
	row["record"] = record
	return appendObject(dst, row)
}

func orNil(r Record) any {
	if r == nil {
		return nil
	}
	return map[string]any(r)
}

// ParseOperation is the reverse of [Operation.Row], and shares r's records. An operation is work that the user must
// not lose, so whatever does not fit is an error with [CodeInvalid]: an unknown action or state, a missing id.
func ParseOperation(r Record) (*Operation, error) {
	p := fields{r: r}
	op := &Operation{
		Seq:       uint64(p.whole("seq", 1)),
		ID:        p.text("id", true),
		Table:     p.text("table", true),
		RecordID:  p.text("recordId", true),
		Action:    Action(p.text("action", true)),
		Record:    p.record("record"),
		Base:      p.record("base"),
		Server:    p.record("server"),
		State:     State(p.text("state", true)),
		Reason:    p.text("reason", false),
		Attempts:  int(p.whole("attempts", 0)),
		Principal: p.text("principal", false),
		Schema:    int(p.whole("schema", 0)),
		Groups:    p.texts("groups"),
		Lost:      Lost(p.text("lost", false)),
		CreatedAt: p.text("createdAt", false),
	}
	switch op.Action {
	case ActionInsert, ActionUpdate:
		if op.Record == nil {
			p.fail("record")
		}
	case ActionDelete:
	default:
		p.fail("action")
	}
	switch op.State {
	case StateWaiting, StateSending, StateQuarantined:
	default:
		p.fail("state")
	}
	if p.bad != "" {
		return nil, Errorf(CodeInvalid, "operation ", quote(op.ID), " cannot be read: its ", p.bad, " is missing or is ",
			quote(string(AppendJSON(nil, r[p.bad]))))
	}
	return op, nil
}

// fields reads an object's fields and remembers the first that did not fit.
type fields struct {
	r   Record
	bad string
}

func (p *fields) fail(name string) {
	if p.bad == "" {
		p.bad = name
	}
}

func (p *fields) text(name string, must bool) string {
	s, ok := p.r[name].(string)
	if !ok && p.r[name] != nil || must && s == "" {
		p.fail(name)
	}
	return s
}

func (p *fields) texts(name string) (list []string) {
	items, ok := p.r[name].([]any)
	if !ok && p.r[name] != nil {
		p.fail(name)
	}
	for _, item := range items {
		s, ok := item.(string)
		if !ok {
			p.fail(name)
		}
		list = append(list, s)
	}
	return list
}

func (p *fields) whole(name string, least int64) int64 {
	n, ok := whole(p.r[name])
	if !ok && p.r[name] != nil || n < least {
		p.fail(name)
	}
	return n
}

func (p *fields) record(name string) Record {
	m, ok := object(p.r[name])
	if !ok && p.r[name] != nil {
		p.fail(name)
	}
	return m
}
