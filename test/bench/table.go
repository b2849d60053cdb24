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
	lines := [][]string{append([]string{title}, r.plan.contenders...)}
	for _, j := range r.plan.jobs() {
		lines = append(lines, r.line(j, pick))
	}
	if r.plan.markdown {
		return markdown(w, lines)
	}
	t := tabwriter.NewWriter(w, 0, 0, 3, ' ', 0)
	for _, cells := range lines {
		fmt.Fprintln(t, strings.Join(cells, "\t"))
	}
	return t.Flush()
}

// line returns the cells of a job.
func (r *results) line(j job, pick func(sample) float64) []string {
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
	return cells
}

// markdown writes a table whose first line is its head.
func markdown(w io.Writer, lines [][]string) error {
	var b strings.Builder
	for i, cells := range lines {
		fmt.Fprintf(&b, "| %s |\n", strings.Join(cells, " | "))
		if i == 0 {
			fmt.Fprintf(&b, "|---%s|\n", strings.Repeat("|---:", len(cells)-1))
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}
