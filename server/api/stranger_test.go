package api_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/larder-sync/larder/server/api"
	"github.com/larder-sync/larder/table"
)

func equal(column string, value any) table.Expr {
	return table.Compare{Op: table.OpEq, Left: table.ColumnRef{Name: column}, Right: table.Literal{Value: value}}
}

// narrowings are the ways in which a program lets callers know of their team's records only. Who asks says its team in a header.
var narrowings = map[string]api.Hooks{
	"by a filter": {Filters: []func(*api.Context) (table.Expr, error){func(c *api.Context) (table.Expr, error) {
		return equal("team", c.Request.Header.Get("Team")), nil
	}}},
	"by a changed query": {Read: api.Hook{Before: func(c *api.Context) error {
		c.Query.Filter = table.And(c.Query.Filter, equal("team", c.Request.Header.Get("Team")))
		return nil
	}}},
}

// device is one that pulls, in pages.
type device struct {
	team, link string
	rows       map[string]bool
	foreign    map[string]bool // ids of records that never were the team's
}

// pull asks for one page, and reports whether there are more.
func (d *device) pull(s *server) bool {
	s.t.Helper()
	a := s.do("GET", d.link, ``, "Team: "+d.team)
	entries, link := s.pulled(a)
	for id := range strings.FieldsSeq(entries) {
		switch gone := strings.TrimLeft(id, "-~"); {
		case gone == id:
			d.rows[id] = true
		case !d.foreign[gone]:
			delete(d.rows, gone)
		default:
			s.t.Errorf("a device of team %s is told of %s, which never was that team's", d.team, id)
		}
	}
	d.link = link
	return strings.Contains(a.text, "nextLink")
}

func TestStrangers(t *testing.T) {
	for name, hooks := range narrowings {
		t.Run(name, func(t *testing.T) {
			seed := rand.Uint64()
			random := rand.New(rand.NewPCG(seed, 0))
			s := start(t, func(o *api.Options) { o.Hooks = map[string]api.Hooks{"note": hooks} })
			foreign := map[string]map[string]bool{"red": {}, "blue": {}} // by team
			note, err := s.api.Data("note")
			if err != nil {
				t.Fatal(err)
			}
			var devices []*device
			for i := range 6 {
				team := []string{"red", "blue"}[i%2]
				devices = append(devices, &device{team: team, rows: map[string]bool{}, foreign: foreign[team],
					link: fmt.Sprintf("/tables/note?$top=%d&$deltatoken=", 1+i)})
			}
			teams := map[string]string{} // by id, of the records that there are
			for step := range 400 {
				id, team := fmt.Sprint(random.IntN(40)), []string{"red", "blue", "green"}[random.IntN(3)]
				switch _, there := teams[id]; {
				case !there:
					if _, err := note.Insert(t.Context(), table.Record{"id": fmt.Sprint(step), "team": team}); err != nil {
						t.Fatal(err)
					}
					id = fmt.Sprint(step)
					teams[id] = team
				case random.IntN(4) == 0:
					if err := note.Delete(t.Context(), id); err != nil {
						t.Fatal(err)
					}
					delete(teams, id)
				default:
					if _, err := note.Update(t.Context(), table.Record{"id": id, "team": team, "n": float64(step)}); err != nil {
						t.Fatal(err)
					}
					teams[id] = team
				}
				for of, ids := range foreign {
					if _, seen := ids[id]; !seen || teams[id] == of {
						ids[id] = teams[id] != of
					}
				}
				if random.IntN(3) == 0 {
					devices[random.IntN(len(devices))].pull(s)
				}
			}
			for i, d := range devices {
				for d.pull(s) {
				}
				want := map[string]bool{}
				for id, team := range teams {
					if team == d.team {
						want[id] = true
					}
				}
				if !maps.Equal(d.rows, want) {
					t.Errorf("device %d of team %s has %v, not %v", i, d.team, slices.Sorted(maps.Keys(d.rows)), slices.Sorted(maps.Keys(want)))
				}
			}
			if t.Failed() {
				t.Logf("seed %d", seed)
			}
		})
	}
}

// A read's After may leave records out of lists and deltas alike.
func TestLeftOut(t *testing.T) {
	s := start(t, func(o *api.Options) {
		o.Hooks = map[string]api.Hooks{"note": {Read: api.Hook{After: func(c *api.Context) error {
			c.Items = slices.DeleteFunc(c.Items, func(r table.Record) bool { return r["secret"] == true })
			for i := range c.Items {
				c.Items[i] = table.Record{"id": c.Items[i]["id"], "version": c.Items[i]["version"], "shown": true}
			}
			return nil
		}}}}
	})
	for _, body := range []string{`{"id":"a"}`, `{"id":"b","secret":true}`, `{"id":"c"}`} {
		s.expect(s.do("POST", "/tables/note", body), 201)
	}
	for _, path := range []string{"/tables/note", "/tables/note?$deltatoken="} {
		a := s.expect(s.do("GET", path, ``), 200, `"id":"a"`, `"id":"c"`, `"shown":true`)
		if strings.Contains(a.text, `"b"`) || strings.Contains(a.text, "updatedAt") {
			t.Errorf("%s: %s", path, a.text)
		}
	}
}
