package browser

import "sync"

// ending is the end of a page, which comes once and for all who wait. It is safe for concurrent use.
type ending struct {
	gone chan struct{}
	once sync.Once
}

func newEnding() *ending { return &ending{gone: make(chan struct{})} }

// lose says that the page is gone.
func (e *ending) lose() { e.once.Do(func() { close(e.gone) }) }

// done is closed when the page is gone.
func (e *ending) done() <-chan struct{} { return e.gone }
