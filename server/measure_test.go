package server_test

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/larder-sync/larder/server"
	"github.com/larder-sync/larder/server/feed"
	"github.com/larder-sync/larder/server/live"
	"github.com/larder-sync/larder/server/servertest"
)

// What the server counts is what happened, and a program that counts by itself is told of the same.
func TestMetrics(t *testing.T) {
	var commits, lags atomic.Int64
	s := servertest.New(t, server.Options{Tables: []server.Table{{Name: "news"}},
		Feed: feed.Options{Committed: func(c feed.Commit) { commits.Add(int64(c.Pushes)) }},
		Live: live.Options{Lag: func(time.Duration) { lags.Add(1) }},
	})
	e := listen(t, s.URL+"/tables/news/live", 200)
	for _, record := range []string{`{"id":"1"}`, `{"id":"2"}`} {
		write(t, s, "ann", "news", record)
		if got := e.next(); !strings.Contains(got, record[1:len(record)-1]) {
			t.Fatal(got)
		}
	}
	request(t, s, "", "GET", "/tables/news?$deltatoken=", "")
	request(t, s, "", "POST", "/tables/news", `{"id":"1"}`) // is taken, which a commit finds out

	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for lags.Load() < 2 && ctx.Err() == nil { // they are counted when all listeners have been told
		time.Sleep(time.Millisecond)
	}
	_, text := request(t, s, "", "GET", "/metrics", "")
	for _, line := range []string{
		`larder_requests_total{method="POST",route="tables",status="201"} 2`,
		`larder_requests_total{method="POST",route="tables",status="409"} 1`,
		`larder_requests_total{method="GET",route="delta",status="200"} 1`,
		`larder_request_seconds_count{route="tables"} 3`,
		`larder_commits_total{outcome="done"} 3`,
		`larder_commit_seconds_count 3`, `larder_commit_pushes_sum 3`, `larder_commit_operations_sum 3`,
		`larder_pushes_waiting 0`, `larder_live_connections 1`, `larder_live_lag_seconds_count 2`,
	} {
		if !strings.Contains(text, "\n"+line+"\n") {
			t.Errorf("%s is not told", line)
		}
	}
	if commits.Load() != 3 || lags.Load() != 2 {
		t.Errorf("the program was told of %d pushes and %d changes", commits.Load(), lags.Load())
	}
}
