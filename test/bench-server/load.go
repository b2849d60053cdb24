//go:build linux

package main

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// result is what one run measured.
type result struct {
	rate float64       // operations a second
	cpu  time.Duration // of the server, for one operation
	p50  time.Duration
	p99  time.Duration
	note string
}

// watch runs work, which returns how many operations it did and how long each took, and measures the server meanwhile.
func watch(c contender, work func() (int, []time.Duration, error)) (r result, err error) {
	before, err := c.server().CPU()
	if err != nil {
		return r, err
	}
	start := time.Now()
	n, times, err := work()
	took := time.Since(start)
	if err != nil || n == 0 {
		return r, fmt.Errorf("%s: %d operations: %w", c.name(), n, err)
	}
	after, err := c.server().CPU()
	slices.Sort(times)
	if len(times) > 0 {
		r.p50, r.p99 = times[len(times)/2], times[len(times)*99/100]
	}
	r.rate, r.cpu = float64(n)/took.Seconds(), (after-before)/time.Duration(n)
	return r, err
}

// creates has clients insert rows one by one, for a time.
func creates(c contender, clients int, during time.Duration) (result, error) {
	return watch(c, func() (int, []time.Duration, error) {
		var mu sync.Mutex
		var all []time.Duration
		var failed error
		var wg sync.WaitGroup
		end := time.Now().Add(during)
		for range clients {
			wg.Go(func() {
				own, err := insert(c, end)
				mu.Lock()
				defer mu.Unlock()
				all = append(all, own...)
				if err != nil {
					failed = err
				}
			})
		}
		wg.Wait()
		return len(all), all, failed
	})
}

// insert inserts rows one by one, and returns how long each took.
func insert(c contender, end time.Time) (took []time.Duration, err error) {
	w, err := dial(c.server())
	if err != nil {
		return nil, err
	}
	defer w.close()
	for err == nil && time.Now().Before(end) {
		start := time.Now()
		err = w.post(c.create(filler))
		took = append(took, time.Since(start))
	}
	return took, err
}

// filler makes rows of about 230 bytes.
var filler = strings.Repeat("Bread and butter. ", 6)

// changes has clients read all that changed in pages, again and again, for a time.
func changes(c contender, clients int, during time.Duration) (result, error) {
	return watch(c, func() (int, []time.Duration, error) {
		var rows atomic.Int64
		var failed atomic.Pointer[error]
		var wg sync.WaitGroup
		end := time.Now().Add(during)
		for range clients {
			wg.Go(func() {
				for cursor := ""; time.Now().Before(end); {
					n, next, err := c.changed(cursor)
					if err != nil {
						failed.Store(&err)
						return
					}
					rows.Add(int64(n))
					cursor = next
				}
			})
		}
		wg.Wait()
		if err := failed.Load(); err != nil {
			return 0, nil, *err
		}
		return int(rows.Load()), nil, nil
	})
}

// delays has subscribers listen while rows are written at a rate, and measures how long after it was sent each row comes to each
// of them.
func delays(c contender, subscribers, perSecond int, during time.Duration) (result, error) {
	a, err := newAudience()
	if err != nil {
		return result{}, err
	}
	defer a.close()
	for range subscribers {
		if err := c.listen(a); err != nil {
			return result{}, err
		}
	}
	w, err := dial(c.server())
	if err != nil {
		return result{}, err
	}
	defer w.close()
	time.Sleep(500 * time.Millisecond) // the last of them is heard
	rows := int(during.Seconds() * float64(perSecond))
	return watch(c, func() (int, []time.Duration, error) {
		heard := make([]time.Duration, 0, rows*subscribers)
		listen := func() error {
			return a.listen(func(text []byte, at time.Time) { heard = appendDelays(heard, text, at) })
		}
		err := write(c, w, rows, time.Second/time.Duration(perSecond), listen)
		for wait := time.Now().Add(20 * time.Second); err == nil && len(heard) < rows*subscribers && time.Now().Before(wait); {
			time.Sleep(10 * time.Millisecond)
			err = listen()
		}
		if err == nil && len(heard) < rows*subscribers {
			err = fmt.Errorf("%d of %d rows came", len(heard), rows*subscribers)
		}
		return len(heard), heard, err
	})
}

// write inserts rows at intervals, each with the time at which it is sent, and lets the audience listen between them.
func write(c contender, w *wire, rows int, interval time.Duration, listen func() error) error {
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for range rows {
		<-tick.C
		sent := time.Now()
		if err := w.post(c.create(fmt.Sprintf("sent:%d: %s", sent.UnixNano(), filler))); err != nil {
			return err
		}
		time.Sleep(time.Until(sent.Add(interval / 2)))
		if err := listen(); err != nil {
			return err
		}
	}
	return nil
}

// appendDelays appends how old the rows were, when they came, that a piece of a stream has.
func appendDelays(list []time.Duration, text []byte, at time.Time) []time.Duration {
	for {
		_, rest, ok := bytes.Cut(text, []byte("sent:"))
		if !ok {
			return list
		}
		nanos, after, _ := bytes.Cut(rest, []byte(":"))
		if sent, err := strconv.ParseInt(string(nanos), 10, 64); err == nil {
			list = append(list, time.Duration(at.UnixNano()-sent))
		}
		text = after
	}
}

// idle opens many live connections, and returns what each of them costs in memory.
func idle(c contender, connections int) (string, error) {
	before, err := c.server().Memory()
	if err != nil {
		return "", err
	}
	a, err := newAudience()
	if err != nil {
		return "", err
	}
	defer a.close()
	for i := range connections {
		if err := c.listen(a); err != nil {
			return "", fmt.Errorf("after %d connections: %w", i, err)
		}
	}
	time.Sleep(2 * time.Second)
	after, err := c.server().Memory()
	return fmt.Sprintf("%d live connections: %d MB more, %d kB each", connections, (after-before)>>20,
		(after-before)/int64(connections)>>10), err
}
