package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"text/tabwriter"

	"github.com/larder-sync/larder/test/browser"
)

// few is the number of rows with which a larger number is compared.
const few = 10_000

// scaled is what one contender took with some number of rows.
type scaled struct {
	rows         int
	load         sample  // of all rows, from the first on
	insert, page float64 // ms of one
	heap, memory float64 // MB: of JavaScript, and resident in all the browser's processes
}

// scale loads p.scale rows into each contender's database, each in a browser of its own, and prints what rows cost then.
func (p plan) scale(ctx context.Context, w io.Writer, onStep func(string)) error {
	lines := [][]string{{"records stored", "contender", "bulk load", "CPU", "one insert", "page of 50", "JS heap", "memory of the browser"}}
	for _, c := range p.contenders {
		onStep(c)
		list, err := p.scaleOne(ctx, c)
		if err != nil {
			return fmt.Errorf("%s: %w", c, err)
		}
		for _, s := range list {
			lines = append(lines, []string{
				strconv.Itoa(s.rows), c, fmt.Sprintf("%.1f s", s.load.wall/1000), fmt.Sprintf("%.1f s", s.load.cpu/1000),
				fmt.Sprintf("%.2f ms", s.insert), fmt.Sprintf("%.2f ms", s.page), fmt.Sprintf("%.0f MB", s.heap), fmt.Sprintf("%.0f MB", s.memory),
			})
		}
	}
	if p.markdown {
		return markdown(w, lines)
	}
	t := tabwriter.NewWriter(w, 0, 0, 3, ' ', 0)
	for _, cells := range lines {
		fmt.Fprintln(t, strings.Join(cells, "\t"))
	}
	return t.Flush()
}

func (p plan) scaleOne(ctx context.Context, contender string) (list []scaled, err error) {
	one := p
	one.contenders = []string{contender}
	err = one.visit(ctx, newWork(one), func(b *browser.Browser, page *browser.Page) error {
		list, err = one.scaleIn(ctx, b, page, contender)
		return err
	})
	return list, err
}

func (p plan) scaleIn(ctx context.Context, b *browser.Browser, page *browser.Page, contender string) (list []scaled, err error) {
	if _, err := page.Eval(ctx, `await scale.open(arguments[0])`, contender); err != nil {
		return nil, err
	}
	at, got := 0, scaled{}
	for _, rows := range []int{min(few, p.many), p.many} {
		if rows == at {
			continue
		}
		before, err := cpuTimes(ctx, b)
		if err != nil {
			return nil, err
		}
		var ms float64
		if err := page.Read(ctx, &ms, `return scale.load(arguments[0], arguments[1])`, at, rows); err != nil {
			return nil, err
		}
		after, err := cpuTimes(ctx, b)
		if err != nil {
			return nil, err
		}
		got.load.wall += ms
		for id, t := range after {
			got.load.cpu += 1000 * (t - before[id])
		}
		at, got.rows = rows, rows
		if err := measureScaled(ctx, b, page, &got); err != nil {
			return nil, err
		}
		list = append(list, got)
	}
	_, err = page.Eval(ctx, `await scale.close(arguments[0])`, contender)
	return list, err
}

// measureScaled fills in what one row more and one page cost, and the memory.
func measureScaled(ctx context.Context, b *browser.Browser, page *browser.Page, s *scaled) error {
	for _, m := range []struct {
		call string
		to   *float64
	}{
		{`return scale.page(20)`, &s.page}, // warms up
		{`return scale.page(20)`, &s.page},
		{`return scale.insert(20)`, &s.insert},
	} {
		if err := page.Read(ctx, m.to, m.call); err != nil {
			return err
		}
	}
	if _, err := page.CDP(ctx, "HeapProfiler.collectGarbage", nil); err != nil {
		return err
	}
	if err := page.Read(ctx, &s.heap, `return performance.memory.usedJSHeapSize / 1e6`); err != nil {
		return err
	}
	times, err := cpuTimes(ctx, b)
	if err != nil {
		return err
	}
	s.memory = 0
	for id := range times {
		pages, err := resident(id)
		if err != nil {
			return err
		}
		s.memory += float64(pages) * float64(os.Getpagesize()) / 1e6
	}
	return nil
}

// resident returns the pages of memory that a process has in use. One that has ended has none.
func resident(pid int) (int, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
	if errors.Is(err, os.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	fields := strings.Fields(string(text))
	if len(fields) < 2 {
		return 0, fmt.Errorf("/proc/%d/statm is %q", pid, text)
	}
	return strconv.Atoi(fields[1])
}
