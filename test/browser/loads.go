package browser

import (
	"context"
	"fmt"
	"slices"
	"sync"
)

// loads is what a page has loaded so far, as its engine tells it by events. It is safe for concurrent use.
type loads struct {
	mu      sync.Mutex
	all     []load
	changed chan struct{} // closed and replaced when all grows
}

// load is a step in the life of a document of the main frame.
type load struct {
	loader  string // names the document
	step    loadStep
	problem string // with failed: what could not be loaded, and why if known
}

type loadStep int

const (
	begun loadStep = iota
	failed
	complete
)

func newLoads() *loads { return &loads{changed: make(chan struct{})} }

func (s *loads) note(l load) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.all = append(s.all, l)
	close(s.changed)
	s.changed = make(chan struct{})
}

func (s *loads) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.all)
}

// begunSince tells how many documents have begun since a count.
func (s *loads) begunSince(since int) (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, l := range s.all[since:] {
		if l.step == begun {
			n++
		}
	}
	return n
}

// wait waits until the document of loader, or any if that is "", or one that came after it, is complete. Only what was
// noted since the given count is looked at.
func (s *loads) wait(ctx context.Context, gone <-chan struct{}, since int, loader string) error {
	for {
		s.mu.Lock()
		news, changed := s.all[since:], s.changed
		s.mu.Unlock()
		first := slices.IndexFunc(news, func(l load) bool { return l.step == begun && (loader == "" || l.loader == loader) })
		if first >= 0 {
			latest := ""
			for _, l := range news[first:] {
				switch {
				case l.step == begun:
					latest = l.loader
				case l.step == complete:
					return nil
				case l.loader == latest: // one that was given up for the next has failed too, but not the load
					return fmt.Errorf("browser: %s could not be loaded", l.problem)
				}
			}
		}
		select {
		case <-changed:
		case <-gone:
			return errTabGone
		case <-ctx.Done():
			return fmt.Errorf("browser: the page is still loading: %w", context.Cause(ctx))
		}
	}
}
