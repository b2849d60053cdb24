package main

import (
	"bytes"
	"errors"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/larder-sync/larder/test/browser"
)

var small = []string{"-rows=40", "-gets=5", "-page=10", "-rounds=2", "-many=300", "-contenders=raw"}

func smallPlan() plan {
	return plan{rows: 40, gets: 5, page: 10, rounds: 2, many: 300, contenders: []string{raw}}
}

func TestRun(t *testing.T) {
	t.Run("all jobs are measured, and their results are right", func(t *testing.T) {
		var out bytes.Buffer
		if err := run(t.Context(), small, &out, io.Discard); err != nil {
			t.Fatal(err)
		}
		for _, line := range []string{"bulk put of 40", "5 awaited inserts", "5 awaited gets", "read all 40", "first 500", "pages of 50", "pull page of 10", "bulk put of 300"} {
			if strings.Count(out.String(), line) != 2 {
				t.Errorf("no %q in both tables:\n%s", line, out.String())
			}
		}
	})
	t.Run("what a row costs among many is measured", func(t *testing.T) {
		var out bytes.Buffer
		if err := run(t.Context(), append(slices.Clone(small), "-scale", "-many=10500", "-markdown"), &out, io.Discard); err != nil {
			t.Fatal(err)
		}
		for _, row := range []string{"| 10000 | raw |", "| 10500 | raw |"} {
			if !strings.Contains(out.String(), row) {
				t.Errorf("no %q:\n%s", row, out.String())
			}
		}
	})
	t.Run("a wrong result ends the run", func(t *testing.T) {
		for what, spoil := range map[string]func(*work){
			"rows after the page":   func(w *work) { w.pages[1].want.Rows++ },
			"text of a changed row": func(w *work) { w.pages[0].want.Changed.Text = "other" },
			"text of a new row":     func(w *work) { w.pages[0].want.Added.ID = "none" },
			"a removed row":         func(w *work) { w.pages[0].want.Removed = w.pages[0].want.Added.ID },
			"text of":               func(w *work) { w.asked[3].Text = "other" },
		} {
			p := smallPlan()
			w := newWork(p)
			spoil(w)
			_, err := p.measure(t.Context(), w, func(int) {})
			var thrown *browser.ScriptError
			if !errors.As(err, &thrown) || !strings.Contains(thrown.Message, what) {
				t.Errorf("%s: %v", what, err)
			}
		}
	})
	t.Run("what is missing, and how to get it, is told", func(t *testing.T) {
		none := filepath.Join(t.TempDir(), "none")
		for way, args := range map[string][]string{
			"make web":          {"-contenders=larder", "-web=" + none},
			"npm ci":            {"-contenders=dexie", "-dexie=" + none},
			"unknown contender": {"-contenders=couch"},
			"at least":          {"-rows=1"},
		} {
			if err := run(t.Context(), append(slices.Clone(small), args...), io.Discard, io.Discard); err == nil || !strings.Contains(err.Error(), way) {
				t.Errorf("%v: %v", args, err)
			}
		}
	})
}

func TestWork(t *testing.T) {
	p := plan{rows: 1000, gets: 100, page: 200, rounds: 3}
	w := newWork(p)
	live := map[string]string{}
	for _, row := range w.rows {
		live[row.ID] = row.Text
	}
	if len(live) != p.rows {
		t.Fatalf("%d ids of %d rows", len(live), p.rows)
	}
	for n, c := range w.pages {
		var added, changed, gone int
		for _, v := range c.value {
			switch v := v.(type) {
			case wireRecord:
				if _, ok := live[v.ID]; ok {
					changed++
				} else {
					added++
				}
				live[v.ID] = v.Text
			case removed:
				gone++
				if _, ok := live[v.ID]; !ok {
					t.Errorf("page %d removes %s, which is not there", n, v.ID)
				}
				delete(live, v.ID)
			}
		}
		if changed != 100 || added != 60 || gone != 40 {
			t.Errorf("page %d: %d changed, %d added, %d removed", n, changed, added, gone)
		}
		_, there := live[c.want.Removed]
		if len(live) != c.want.Rows || live[c.want.Changed.ID] != c.want.Changed.Text || live[c.want.Added.ID] != c.want.Added.Text || there {
			t.Errorf("page %d wants %+v", n, c.want)
		}
	}
	if n := w.bytes(); n < 230 || n > 290 {
		t.Errorf("a record is %d bytes", n)
	}
}

func TestSpread(t *testing.T) {
	for _, c := range []struct {
		numbers []float64
		want    spread
	}{
		{[]float64{5}, spread{5, 5, 5}},
		{[]float64{9, 1, 2}, spread{2, 1, 9}},
		{[]float64{4, 1, 3, 8}, spread{3.5, 1, 8}},
	} {
		if got := spreadOf(c.numbers); got != c.want {
			t.Errorf("%v: %v", c.numbers, got)
		}
	}
}
