package sim_test

import (
	"bytes"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/larder-sync/larder/table"
	"github.com/larder-sync/larder/wasm/replica"
	"github.com/larder-sync/larder/wasm/store"
)

// defect is what is deliberately wrong in a world, at its boundaries: the zero defect is none. Changes of requests and answers
// happen between the witness and the server, as a bug on either side would.
type defect struct {
	restored bool                                              // the server is restored often, without which it would seldom show
	deaf     bool                                              // a stream leaves out the first record that it should tell of
	lock     bool                                              // tabs do not wait for each other
	steps    func([]store.Step) []store.Step                   // changes what is asked of the storage
	results  func([]store.Step, []store.Result)                // changes what the storage answers
	half     func(store.Step) bool                             // what of a transaction that failed is kept
	request  func(replica.Send) replica.Send                   // changes what reaches the server
	answer   func(replica.Send, replica.Answer) replica.Answer // changes what the server answers
	send     func(replica.Send) replica.Send                   // changes what leaves the client
}

// without leaves out the steps that are.
func without(is func(store.Step) bool) func([]store.Step) []store.Step {
	return func(steps []store.Step) (kept []store.Step) {
		for _, s := range steps {
			if !is(s) {
				kept = append(kept, s)
			}
		}
		return kept
	}
}

// holds reports whether a step puts a row whose property has the value.
func holds(s store.Step, name string, is func(any) bool) bool {
	for _, row := range s.Values {
		if is(row[name]) {
			return true
		}
	}
	return false
}

// keeps reports whether a step puts the row of a key into the meta store.
func keeps(prefix string) func(store.Step) bool {
	return func(s store.Step) bool {
		return s.Store == replica.StoreMeta && holds(s, "key", func(v any) bool {
			key, _ := v.(string)
			return strings.HasPrefix(key, prefix)
		})
	}
}

// becomes reports whether a step puts an operation that has a state.
func becomes(state table.State) func(store.Step) bool {
	return func(s store.Step) bool {
		return s.Store == replica.StoreOutbox && holds(s, "state", func(v any) bool { return v == string(state) })
	}
}

func isWrite(s store.Step) bool { return s.Op == store.OpPut || s.Op == store.OpDelete }

// requests changes the requests of a push.
func requests(change func(i int, r *table.Request)) func(replica.Send) replica.Send {
	return func(s replica.Send) replica.Send {
		list, err := table.ParseBatch(s.Body)
		if s.Method != http.MethodPost || err != nil {
			return s
		}
		for i := range list {
			change(i, &list[i])
		}
		s.Body = table.AppendBatch(nil, list)
		return s
	}
}

// pages changes the pages of a pull.
func pages(change func(p *table.Page)) func(replica.Send, replica.Answer) replica.Answer {
	return func(s replica.Send, a replica.Answer) replica.Answer {
		page, err := table.ParsePage(a.Body)
		if s.Method != http.MethodGet || err != nil {
			return a
		}
		change(page)
		a.Body = table.AppendPage(nil, page, "/tables/item")
		return a
	}
}

// defects are what the simulator must find. Functions make them, because some remember.
var defects = map[string]func() defect{
	"the cursor is stored before its page": func() defect { return defect{half: keeps("cursor/")} },
	"the record is stored before its operation": func() defect {
		return defect{half: func(s store.Step) bool { return s.Store == "item" && isWrite(s) }}
	},
	"the operation is not stored": func() defect {
		return defect{steps: without(func(s store.Step) bool {
			return s.Store == replica.StoreOutbox && len(s.Rows) > 0
		})}
	},
	"the mark that an operation was sent is not stored": func() defect {
		return defect{steps: without(keeps("flight"))}
	},
	"quarantine is not stored": func() defect { return defect{steps: without(becomes(table.StateQuarantined))} },
	"settled operations stay in the outbox": func() defect {
		return defect{steps: without(func(s store.Step) bool { return s.Store == replica.StoreOutbox && s.Op == store.OpDelete })}
	},
	"writes collapse into what is in flight": func() defect {
		return defect{results: func(steps []store.Step, results []store.Result) {
			if len(steps) < 2 || steps[0].Store != "item" { // a local write reads its record and its operations
				return
			}
			results[len(results)-1].Rows = []table.Record{nil} // what is in flight
		}}
	},
	"an answer overwrites a newer edit": func() defect {
		return defect{results: func(steps []store.Step, results []store.Result) {
			if len(steps) == 3 && steps[0].Op == store.OpCount { // a settlement asks whether there are later operations
				results[1].Count = 0
			}
		}}
	},
	"a page overwrites a pending edit": func() defect {
		return defect{results: func(steps []store.Step, results []store.Result) {
			if len(steps) == 3 && steps[0].Store == replica.StoreOutbox && steps[0].Index != "" && steps[0].Op == store.OpGetAll {
				results[0].Rows = nil
			}
		}}
	},
	"the client's id is not stored":     func() defect { return defect{steps: without(keeps("client"))} },
	"whose a database is is not stored": func() defect { return defect{steps: without(keeps("principal"))} },
	"what the server was known to have is not stored": func() defect {
		memory := func(s store.Step) bool { return keeps("seen/")(s) || keeps("past/")(s) }
		return defect{steps: without(memory), restored: true}
	},
	"a pull from the start forgets to take away": func() defect {
		return defect{steps: func(steps []store.Step) []store.Step {
			for _, s := range steps {
				for _, row := range s.Values {
					if s.Store == replica.StoreMeta {
						delete(row, "sweep")
					}
				}
			}
			return steps
		}}
	},
	"the server takes a copy's operation for the one that it knows": func() defect {
		known := map[string]string{}
		return defect{request: requests(func(_ int, r *table.Request) {
			number := r.Headers["repeatability-client-id"]
			if known[number] == "" {
				known[number] = r.Headers["repeatability-request-id"]
			}
			r.Headers["repeatability-request-id"] = known[number]
		})}
	},
	"a stream leaves out a record": func() defect { return defect{deaf: true} },
	"tabs push without the lock":   func() defect { return defect{lock: true} },
	"an operation gets a new id each time it is sent": func() defect {
		n := 0
		return defect{send: requests(func(_ int, r *table.Request) {
			n++
			r.ID = fmt.Sprint("new-", n)
			r.Headers["repeatability-request-id"] = r.ID
		})}
	},
	"the server does not know repeated operations": func() defect {
		n := 0
		return defect{request: requests(func(_ int, r *table.Request) {
			n++
			r.Headers["repeatability-client-id"] = "somebody." + strconv.Itoa(n)
		})}
	},
	"the base's version is not sent": func() defect {
		return defect{send: requests(func(_ int, r *table.Request) { delete(r.Headers, "if-match") })}
	},
	"an error page passes for an answer": func() defect {
		return defect{answer: func(s replica.Send, a replica.Answer) replica.Answer {
			list, err := table.ParseBatch(s.Body)
			if s.Method != http.MethodPost || err != nil || !bytes.Contains(a.Body, []byte(`"status":412`)) {
				return a
			}
			responses := make([]table.Response, len(list))
			for i, r := range list {
				responses[i] = table.Response{ID: r.ID, Status: 200, Body: r.Body}
			}
			a.Body = table.AppendResponses(nil, responses)
			return a
		}}
	},
	"tombstones are dropped": func() defect {
		return defect{answer: pages(func(p *table.Page) {
			var kept []table.Change
			for _, c := range p.Changes {
				if c.Removed == "" {
					kept = append(kept, c)
				}
			}
			p.Changes = kept
		})}
	},
	"a page leaves out its last change": func() defect {
		return defect{answer: pages(func(p *table.Page) { p.Changes = p.Changes[:max(0, len(p.Changes)-1)] })}
	},
	"a page of the past is answered again": func() defect {
		var past []table.Change
		return defect{answer: pages(func(p *table.Page) {
			now := p.Changes
			p.Changes = append(p.Changes[:len(p.Changes):len(p.Changes)], past...)
			if past == nil {
				past = now
			}
		})}
	},
}

// TestDefects runs worlds in which one thing is deliberately wrong. The simulator must find each: else what it holds true proves
// nothing.
func TestDefects(t *testing.T) {
	most := number(t, "SEEDS", 500)
	for name, make := range defects {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for seed := range most {
				w := newWorld(t, seed, make(), plan{})
				if w.run(); w.violation != "" {
					t.Logf("found by seed %d: %.300s", seed, w.violation)
					return
				}
			}
			t.Errorf("no seed of %d found it", most)
		})
	}
}
