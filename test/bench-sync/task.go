package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/larder-sync/larder/test/browser"
	"github.com/larder-sync/larder/test/process"
)

// task is something that contenders do with a number of records each.
type task struct {
	name, title string
	records     map[string]int // by contender
}

// sample is what a task took once.
type sample struct {
	Ms       float64
	Value    int // the records that it has dealt with
	Requests int
	browser  time.Duration // of CPU, in all its processes
	server   time.Duration // of CPU
	peak     int64         // bytes of memory that the page's process has held at the most
}

// sample does the task once, in a browser of its own.
func (t task) sample(ctx context.Context, site, contender string, server *process.Server) (s sample, err error) {
	b, err := browser.Start(ctx, browser.Options{})
	if err != nil {
		return s, err
	}
	defer func() { err = errors.Join(err, b.Kill()) }()
	page, err := b.NewPage(ctx)
	if err != nil {
		return s, err
	}
	defer func() {
		if err != nil {
			for _, m := range page.Console() {
				err = fmt.Errorf("%w\n\tin the browser: %v", err, m)
			}
		}
	}()
	if err := page.Navigate(ctx, site+"/bench/"); err != nil {
		return s, err
	}
	if _, err := page.Wait(ctx, "return !!globalThis.sync"); err != nil {
		return s, err
	}
	if _, err := page.Eval(ctx, "await sync.load(arguments[0])", contender); err != nil {
		return s, err
	}
	before, err := usage(ctx, b)
	if err != nil {
		return s, err
	}
	served, err := server.CPU()
	if err != nil {
		return s, err
	}
	if err := page.Read(ctx, &s, "return sync[arguments[0]](arguments[1], arguments[2])", t.name, server.URL, t.records[contender]); err != nil {
		return s, err
	}
	if s.Value != t.records[contender] {
		return s, fmt.Errorf("%d records, not %d", s.Value, t.records[contender])
	}
	after, err := usage(ctx, b)
	if err != nil {
		return s, err
	}
	now, err := server.CPU()
	s.browser, s.server, s.peak = after.cpu-before.cpu, now-served, after.peak
	return s, err
}

// used is what a browser has used: processor time in all its processes, and the most memory that one with a page has held.
type used struct {
	cpu  time.Duration
	peak int64
}

func usage(ctx context.Context, b *browser.Browser) (u used, err error) {
	text, err := b.CDP(ctx, "SystemInfo.getProcessInfo", nil)
	if err != nil {
		return u, err
	}
	var info struct {
		ProcessInfo []struct {
			Type    string
			ID      int
			CPUTime float64
		}
	}
	if err := json.Unmarshal(text, &info); err != nil {
		return u, fmt.Errorf("SystemInfo.getProcessInfo: %w", err)
	}
	for _, p := range info.ProcessInfo {
		u.cpu += time.Duration(p.CPUTime * float64(time.Second))
		if p.Type != "renderer" {
			continue
		}
		peak, err := process.Peak(p.ID)
		if err != nil {
			return u, err
		}
		u.peak = max(u.peak, peak)
	}
	return u, nil
}

// print writes a line for each contender: medians, and ratios to the first contender in the same round, by record.
func (t task) print(w io.Writer, contenders []string, took map[string][]sample) error {
	tw := tabwriter.NewWriter(w, 0, 0, 3, ' ', 0)
	fmt.Fprintln(tw, t.title+"\trecords\tseconds\t×, by record\tCPU of the browser\tof the server\trequests\tpeak memory of the page")
	for _, c := range contenders {
		list := took[c]
		if len(list) == 0 {
			continue
		}
		var ms, ratios, cpu, server, requests, peak []float64
		for round, s := range list {
			ms = append(ms, s.Ms/1000)
			base := took[contenders[0]][round]
			ratios = append(ratios, s.Ms/float64(s.Value)/(base.Ms/float64(base.Value)))
			cpu = append(cpu, s.browser.Seconds())
			server = append(server, s.server.Seconds())
			requests = append(requests, float64(s.Requests))
			peak = append(peak, float64(s.peak)/1e6)
		}
		fmt.Fprintln(tw, strings.Join([]string{c, strconv.Itoa(list[0].Value), spread(ms, "%.1f"), spread(ratios, "%.2f"), fmt.Sprintf("%.1f s", median(cpu)),
			fmt.Sprintf("%.1f s", median(server)), fmt.Sprintf("%.0f", median(requests)), fmt.Sprintf("%.0f MB", median(peak))}, "\t"))
	}
	fmt.Fprintln(tw)
	return tw.Flush()
}

// spread gives the median and the range of some numbers.
func spread(v []float64, verb string) string {
	return fmt.Sprintf(strings.ReplaceAll("V (V–V)", "V", verb), median(v), slices.Min(v), slices.Max(v))
}

func median(v []float64) float64 {
	s := slices.Sorted(slices.Values(v))
	return (s[(len(s)-1)/2] + s[len(s)/2]) / 2
}
