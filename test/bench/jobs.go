package main

import (
	"fmt"
	"slices"
	"strings"
)

// job is one line of the table.
type job struct {
	step  string // of the page's bench object
	label string
	by    []string // the contenders that can do it; nil is all
	once  bool     // in the first round only
}

// Steps that need something of their own.
const (
	stepPull   = "pull"
	stepSmooth = "smooth" // and what begins with it
)

func (j job) has(contender string) bool { return j.by == nil || slices.Contains(j.by, contender) }

// argument is what the step is given besides the contender's name.
func (j job) argument(p plan, w *work, round int) any {
	switch {
	case j.step == stepPull:
		return w.pages[round].want
	case strings.HasPrefix(j.step, stepSmooth):
		return p.many
	}
	return nil
}

func (p plan) jobs() []job {
	scripts := []string{raw, dexie, larder, rxdb, pouchdb}
	jobs := []job{
		{step: "put", label: fmt.Sprintf("bulk put of %d", p.rows)},
		{step: "single", label: fmt.Sprintf("%d awaited inserts, Larder's with its outbox", p.gets), by: scripts},
		{step: "update", label: fmt.Sprintf("%d awaited updates, Larder's with its outbox", p.gets), by: []string{raw, dexie, larder}},
		{step: "gets", label: fmt.Sprintf("%d awaited gets", p.gets)},
		{step: "all", label: fmt.Sprintf("read all %d", p.rows)},
		{step: "page", label: "first 500 by an index, 10 times"},
		{step: "deep", label: "10 pages of 50 from within an index"},
		{step: "range", label: "10 ranges of 500 by an index", by: []string{raw, idb}},
		{step: "modify", label: fmt.Sprintf("read-modify-write of %d", p.gets), by: []string{raw, idb}},
		{step: "cursor", label: fmt.Sprintf("cursor over %d", p.rows), by: []string{raw, idb}},
		{step: stepPull, label: fmt.Sprintf("pull page of %d", p.page), by: []string{raw, dexie, larder}},
		{step: stepSmooth, label: fmt.Sprintf("longest hold of the page in a bulk put of %d", p.many), by: []string{raw, dexie, larder}, once: true},
		{step: "smooth-export", label: fmt.Sprintf("longest hold of the page in an export of %d", p.many), by: []string{larder}, once: true},
		{step: "smooth-migrate", label: fmt.Sprintf("longest hold of the page in a migration of %d", p.many), by: []string{larder}, once: true},
	}
	return slices.DeleteFunc(jobs, func(j job) bool { return len(p.steps) > 0 && !slices.Contains(p.steps, j.step) })
}
