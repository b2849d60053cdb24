package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/larder-sync/larder/test/browser"
)

// sample is one timed step: milliseconds on the clock, and of all the browser's processes together.
type sample struct{ wall, cpu float64 }

// visit opens the plan's page in a browser of its own, and calls fn with it. What the browser has said is told with an error.
func (p plan) visit(ctx context.Context, w *work, fn func(*browser.Browser, *browser.Page) error) (err error) {
	s, err := newSite(p, w)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	b, err := browser.Start(ctx, browser.Options{})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.Kill()) }()
	page, err := b.NewPage(ctx)
	if err != nil {
		return err
	}
	if err = page.Navigate(ctx, s.url+"/bench/"); err == nil {
		err = fn(b, page)
	}
	if err != nil {
		for _, m := range page.Console() {
			err = fmt.Errorf("%w\n\tin the browser: %v", err, m)
		}
	}
	return err
}

// measure runs the plan.
func (p plan) measure(ctx context.Context, w *work, onRound func(int)) (res *results, err error) {
	err = p.visit(ctx, w, func(b *browser.Browser, page *browser.Page) error {
		res, err = p.measureIn(ctx, b, page, w, onRound)
		return err
	})
	return res, err
}

func (p plan) measureIn(ctx context.Context, b *browser.Browser, page *browser.Page, w *work, onRound func(int)) (res *results, err error) {
	if _, err := page.Eval(ctx, `await bench.load(arguments[0])`, p.contenders); err != nil {
		return nil, err
	}
	jobs := p.jobs()
	for _, c := range p.contenders {
		if !slices.ContainsFunc(jobs, func(j job) bool { return j.step == stepPull && j.has(c) }) {
			continue
		}
		if _, err := page.Eval(ctx, `await bench.fill(arguments[0])`, c); err != nil {
			return nil, fmt.Errorf("%s: %w", c, err)
		}
	}

	res = newResults(p, w)
	if res.browser, err = version(ctx, b); err != nil {
		return nil, err
	}
	for round := range p.rounds {
		onRound(round + 1)
		for i := range p.contenders {
			c := p.contenders[(i+round)%len(p.contenders)] // what is made first is read faster
			if _, err := page.Eval(ctx, `await bench.fresh(arguments[0])`, c); err != nil {
				return nil, fmt.Errorf("%s: %w", c, err)
			}
		}
		for _, j := range jobs {
			if j.once && round > 0 {
				continue
			}
			for i := range p.contenders {
				c := p.contenders[(i+round)%len(p.contenders)] // nobody is always first
				if !j.has(c) {
					continue
				}
				took, err := step(ctx, b, page, j.step, c, j.argument(p, w, round))
				if err != nil {
					return nil, fmt.Errorf("round %d, %s, %s: %w", round+1, j.label, c, err)
				}
				res.add(j, c, took)
			}
		}
	}
	return res, nil
}

// step runs one step of one contender, after a garbage collection that clears away what the others left.
func step(ctx context.Context, b *browser.Browser, page *browser.Page, name, contender string, argument any) (sample, error) {
	if _, err := page.CDP(ctx, "HeapProfiler.collectGarbage", nil); err != nil {
		return sample{}, err
	}
	before, err := cpuTimes(ctx, b)
	if err != nil {
		return sample{}, err
	}
	var took sample
	if err := page.Read(ctx, &took.wall, `return bench[arguments[0]](arguments[1], arguments[2])`, name, contender, argument); err != nil {
		return sample{}, err
	}
	after, err := cpuTimes(ctx, b)
	if err != nil {
		return sample{}, err
	}
	for id, t := range after {
		took.cpu += 1000 * (t - before[id])
	}
	return took, nil
}

// cpuTimes returns the seconds of CPU that each of the browser's processes has used. The checks after a step are in the
// difference too, and are the same for all.
func cpuTimes(ctx context.Context, b *browser.Browser) (map[int]float64, error) {
	raw, err := b.CDP(ctx, "SystemInfo.getProcessInfo", nil)
	if err != nil {
		return nil, err
	}
	var r struct {
		ProcessInfo []struct {
			ID      int
			CPUTime float64
		}
	}
	if err := json.Unmarshal(raw, &r); err != nil {
		return nil, fmt.Errorf("SystemInfo.getProcessInfo: %w", err)
	}
	times := make(map[int]float64)
	for _, p := range r.ProcessInfo {
		times[p.ID] = p.CPUTime
	}
	return times, nil
}

func version(ctx context.Context, b *browser.Browser) (string, error) {
	raw, err := b.CDP(ctx, "Browser.getVersion", nil)
	if err != nil {
		return "", err
	}
	var v struct{ Product string }
	err = json.Unmarshal(raw, &v)
	return v.Product, err
}

// results hold the samples by job and contender, in order of rounds.
type results struct {
	plan    plan
	browser string
	bytes   int // of a record's JSON, about
	samples map[string]map[string][]sample
}

func newResults(p plan, w *work) *results {
	return &results{plan: p, bytes: w.bytes(), samples: make(map[string]map[string][]sample)}
}

func (r *results) add(j job, contender string, s sample) {
	if r.samples[j.step] == nil {
		r.samples[j.step] = make(map[string][]sample)
	}
	r.samples[j.step][contender] = append(r.samples[j.step][contender], s)
}

// spread is the median of some numbers and their range.
type spread struct{ median, min, max float64 }

// spreadOf returns the spread of at least one number.
func spreadOf(numbers []float64) spread {
	s := slices.Sorted(slices.Values(numbers))
	middle := len(s) / 2
	median := s[middle]
	if len(s)%2 == 0 {
		median = (s[middle-1] + s[middle]) / 2
	}
	return spread{median, s[0], s[len(s)-1]}
}
