package main

import (
	"bufio"
	"fmt"
	"io"
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
	before, err := c.process().cpu()
	if err != nil {
		return r, err
	}
	start := time.Now()
	n, times, err := work()
	took := time.Since(start)
	if err != nil || n == 0 {
		return r, fmt.Errorf("%s: %d operations: %w", c.name(), n, err)
	}
	after, err := c.process().cpu()
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
				var own []time.Duration
				var err error
				for err == nil && time.Now().Before(end) {
					start := time.Now()
					err = c.create(filler)
					own = append(own, time.Since(start))
				}
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

// delays has subscribers listen while rows are written at a rate, and measures how long after it was sent each row comes.
func delays(c contender, subscribers, perSecond int, during time.Duration) (result, error) {
	var mu sync.Mutex
	var all []time.Duration
	var wg sync.WaitGroup
	var open []io.Closer
	defer func() {
		for _, s := range open {
			s.Close() // nobody reads it any more
		}
		wg.Wait()
	}()
	for range subscribers {
		s, err := c.listen()
		if err != nil {
			return result{}, err
		}
		open = append(open, s)
		wg.Go(func() {
			for in := bufio.NewReader(s); ; {
				line, err := in.ReadString('\n')
				if err != nil {
					return
				}
				if _, rest, ok := strings.Cut(line, "sent:"); ok {
					nanos, _, _ := strings.Cut(rest, ":")
					if sent, err := strconv.ParseInt(nanos, 10, 64); err == nil {
						mu.Lock()
						all = append(all, time.Duration(time.Now().UnixNano()-sent))
						mu.Unlock()
					}
				}
			}
		})
	}
	time.Sleep(500 * time.Millisecond) // the last of them is heard
	received := func() int {
		mu.Lock()
		defer mu.Unlock()
		return len(all)
	}
	return watch(c, func() (int, []time.Duration, error) {
		tick := time.NewTicker(time.Second / time.Duration(perSecond))
		defer tick.Stop()
		rows := int(during.Seconds() * float64(perSecond))
		for range rows {
			<-tick.C
			if err := c.create(fmt.Sprintf("sent:%d: %s", time.Now().UnixNano(), filler)); err != nil {
				return 0, nil, err
			}
		}
		for wait := time.Now().Add(20 * time.Second); received() < rows*subscribers && time.Now().Before(wait); {
			time.Sleep(10 * time.Millisecond)
		}
		mu.Lock()
		defer mu.Unlock()
		var err error
		if len(all) < rows*subscribers {
			err = fmt.Errorf("%d of %d rows came", len(all), rows*subscribers)
		}
		return len(all), slices.Clone(all), err
	})
}

// idle opens many live connections, and returns what each of them costs in memory.
func idle(c contender, connections int) (string, error) {
	before, err := c.process().memory()
	if err != nil {
		return "", err
	}
	var open []io.Closer
	defer func() {
		for _, s := range open {
			s.Close() // nobody reads it any more
		}
	}()
	for range connections {
		s, err := c.listen()
		if err != nil {
			return "", fmt.Errorf("after %d connections: %w", len(open), err)
		}
		open = append(open, s)
	}
	time.Sleep(2 * time.Second)
	after, err := c.process().memory()
	return fmt.Sprintf("%d live connections: %d MB more, %d kB each", connections, (after-before)>>20, (after-before)/int64(connections)>>10), err
}
