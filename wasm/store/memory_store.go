package store

import (
	"iter"
	"maps"
	"slices"

	"github.com/larder-sync/larder/table"
)

// memoryStore keeps rows by their encoded primary key, and that key in order, as the indexes do theirs.
type memoryStore struct {
	layout  StoreLayout
	byKey   map[string]table.Record
	rows    ordered
	indexes []ordered // of the layout's indexes
	last    float64   // the newest number of an auto-incremented key
}

func newMemoryStore(l StoreLayout) *memoryStore {
	return &memoryStore{layout: l, byKey: map[string]table.Record{}, indexes: make([]ordered, len(l.Indexes))}
}

// all gives the rows by their encoded keys, in order.
func (s *memoryStore) all() iter.Seq2[string, table.Record] {
	return func(yield func(string, table.Record) bool) {
		for e := range s.rows.scan(nil, Forward) {
			if !yield(e.primary, s.byKey[e.primary]) {
				return
			}
		}
	}
}

// set stores a row, or deletes it when row is nil.
func (s *memoryStore) set(key string, row table.Record) {
	if before, there := s.byKey[key]; there {
		for i := range s.indexes {
			for _, k := range s.layout.Indexes[i].keys(before) {
				s.indexes[i].remove(entry{k, key})
			}
		}
	}
	if row == nil {
		delete(s.byKey, key)
		s.rows.remove(entry{key, key})
		return
	}
	s.byKey[key] = row
	s.rows.add(entry{key, key})
	for i := range s.indexes {
		for _, k := range s.layout.Indexes[i].keys(row) {
			s.indexes[i].add(entry{k, key})
		}
	}
}

// taken returns the unique index that has another row under one of the row's keys, or "".
func (s *memoryStore) taken(key string, row table.Record) string {
	for i := range s.layout.Indexes {
		index := &s.layout.Indexes[i]
		if !index.Unique {
			continue
		}
		for _, k := range index.keys(row) {
			for e := range s.indexes[i].from(entry{key: k}) {
				if e.key == k && e.primary != key {
					return index.Name
				}
				if e.key != k {
					break
				}
			}
		}
	}
	return ""
}

// scan gives the entries of a range of an index, or of the store itself where index is "".
func (s *memoryStore) scan(index string, r *Range, direction Direction) iter.Seq[entry] {
	if index == "" {
		return s.rows.scan(r, direction)
	}
	at := slices.IndexFunc(s.layout.Indexes, func(l IndexLayout) bool { return l.Name == index })
	if at < 0 {
		return func(func(entry) bool) {}
	}
	return s.indexes[at].scan(r, direction)
}

// read does a step that reads, and reports whether it is one.
func (s *memoryStore) read(step *Step, r *Result) bool {
	switch step.Op {
	case OpGet:
		r.Rows = make([]table.Record, len(step.Keys))
		for i, k := range step.Keys {
			key, _ := appendKey(nil, k)
			r.Rows[i] = maps.Clone(s.byKey[string(key)])
		}
	case OpLookup:
		r.Groups = make([][]table.Record, len(step.Keys))
		for i, k := range step.Keys {
			for e := range s.scan(step.Index, Only(k), Forward) {
				r.Groups[i] = append(r.Groups[i], maps.Clone(s.byKey[e.primary]))
			}
		}
	case OpQuery:
		r.Rows = s.find(step.Find)
	case OpCount, OpGetAll, OpGetAllKeys:
		if step.Find != nil {
			r.Count = len(s.find(step.Find))
			return true
		}
		s.list(step, r)
	default:
		return false
	}
	return true
}

func (s *memoryStore) list(step *Step, r *Result) {
	direction := Forward
	if step.Prev {
		direction = Backward
	}
	skip, left := step.Skip, step.Take
	for e := range s.scan(step.Index, step.Range, direction) {
		if skip > 0 && step.Op != OpCount {
			skip--
			continue
		}
		if left == 0 && step.Op != OpCount {
			return
		}
		left--
		switch step.Op {
		case OpCount:
			r.Count++
		case OpGetAll:
			r.Rows = append(r.Rows, maps.Clone(s.byKey[e.primary]))
		default:
			id, _ := s.byKey[e.primary][s.layout.Key].(string)
			r.Keys = append(r.Keys, id)
		}
	}
}

// find answers a query as the helper does, without its care for how much is read at once.
func (s *memoryStore) find(f *Find) []table.Record {
	order := table.Query{Order: f.Order}
	enough := -1
	if f.Take >= 0 {
		enough = f.Skip + f.Take
	}
	var found []table.Record
	seen := map[string]bool{}
	for _, scan := range f.Scans {
		ranges := scan.Ranges
		if ranges == nil {
			ranges = []*Range{nil}
		} else if scan.Direction != Forward {
			ranges = slices.Clone(ranges)
			slices.Reverse(ranges)
		}
		for _, r := range ranges {
			first := len(found)
			for e := range s.scan(scan.Index, r, scan.Direction) {
				if !f.Sort && len(found) == enough || f.Merge && len(found)-first == enough {
					break
				}
				row := s.byKey[e.primary]
				if f.Distinct && seen[e.primary] || f.After != nil && order.Compare(row, f.After) <= 0 || !table.Matches(f.Filter, row) {
					continue
				}
				if f.Distinct {
					seen[e.primary] = true
				}
				found = append(found, row)
			}
		}
	}
	if f.Sort {
		table.Sort(found, order.Compare)
	}
	found = found[min(f.Skip, len(found)):]
	if f.Take >= 0 {
		found = found[:min(f.Take, len(found))]
	}
	project := table.Query{Select: f.Select}
	for i, row := range found {
		if found[i] = project.Project(row); f.Select == nil {
			found[i] = maps.Clone(row)
		}
	}
	return found
}
