package main

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
)

// print writes two tables: time on the clock, and CPU time of the whole browser.
func (r *results) print(w io.Writer) error {
	p := r.plan
	fmt.Fprintf(w, "%s, records of %d bytes with two indexes, %d rounds. Medians in ms (min–max);\n", r.browser, r.bytes, p.rounds)
	fmt.Fprintf(w, "× is the ratio to %s in the same round, median (min–max). Differences under 20 %% are noise.\n\n", p.contenders[0])
	if err := r.table(w, "time on the clock", func(s sample) float64 { return s.wall }); err != nil {
		return err
	}
	fmt.Fprintln(w)
	return r.table(w, "CPU time of all the browser's processes, checks included", func(s sample) float64 { return s.cpu })
}

func (r *results) table(w io.Writer, title string, pick func(sample) float64) error {
	t := tabwriter.NewWriter(w, 0, 0, 3, ' ', 0)
	fmt.Fprintf(t, "%s\t%s\n", title, strings.Join(r.plan.contenders, "\t"))
	for _, j := range r.plan.jobs() {
		cells := []string{j.label}
		base := r.samples[j.step][r.plan.contenders[0]]
		for i, c := range r.plan.contenders {
			if !j.has(c) {
				cells = append(cells, "–")
				continue
			}
			var values, ratios []float64
			for round, s := range r.samples[j.step][c] {
				values = append(values, pick(s))
				if round >= len(base) {
					continue // the first contender does not do this
				}
				if b := pick(base[round]); b > 0 {
					ratios = append(ratios, pick(s)/b)
				}
			}
			v := spreadOf(values)
			cell := fmt.Sprintf("%.0f (%.0f–%.0f)", v.median, v.min, v.max)
			if i > 0 && len(ratios) > 0 {
				q := spreadOf(ratios)
				cell += fmt.Sprintf(" ×%.2f (%.2f–%.2f)", q.median, q.min, q.max)
			}
			cells = append(cells, cell)
		}
		fmt.Fprintln(t, strings.Join(cells, "\t"))
	}
	return t.Flush()
}
