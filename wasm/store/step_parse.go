package store

import "github.com/larder-sync/larder/table"

// ParseStep is the reverse of [Step.AppendJSON] for steps that read: it is for callers in JavaScript of a store that is not
// in IndexedDB. Errors have code "invalid".
func ParseStep(data []byte) (Step, error) {
	m, err := table.ParseRecord(data)
	if err != nil {
		return Step{}, err
	}
	op, _ := m["op"].(string)
	step := Step{Op: Op(op), Take: -1}
	switch step.Op {
	case OpGet, OpLookup, OpGetAll, OpGetAllKeys, OpCount:
	default:
		return Step{}, table.Errorf(table.CodeInvalid, "a step that reads cannot be ", op)
	}
	step.Store, _ = m["store"].(string)
	step.Index, _ = m["index"].(string)
	step.Keys, _ = m["keys"].([]any)
	step.Prev = m["direction"] == "prev"
	if n, ok := m["skip"].(float64); ok {
		step.Skip = int(n)
	}
	if n, ok := m["take"].(float64); ok {
		step.Take = int(n)
	}
	if r, ok := m["range"].(map[string]any); ok {
		step.Range = &Range{}
		if lower, ok := r["lower"]; ok {
			step.Range.Lower = []Key{lower}
		}
		if upper, ok := r["upper"]; ok {
			step.Range.Upper = []Key{upper}
		}
		step.Range.LowerOpen = r["lowerOpen"] == true
		step.Range.UpperOpen = r["upperOpen"] == true
	}
	return step, nil
}

// Value returns the result of a step of the operation as [table.AppendJSON] writes it: what the helper gives in a browser.
func (r *Result) Value(op Op) any {
	switch op {
	case OpLookup:
		groups := make([]any, len(r.Groups))
		for i, g := range r.Groups {
			groups[i] = rowValues(g)
		}
		return groups
	case OpGetAllKeys:
		keys := make([]any, len(r.Keys))
		for i, k := range r.Keys {
			keys[i] = k
		}
		return keys
	case OpCount:
		return float64(r.Count)
	}
	return rowValues(r.Rows)
}

func rowValues(rows []table.Record) []any {
	list := make([]any, len(rows))
	for i, row := range rows {
		if row != nil {
			list[i] = map[string]any(row)
		}
	}
	return list
}
