// Package metric counts what a server does, for Prometheus.
package metric

import (
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/larder-sync/larder/server/feed"
)

// Metrics are one server's. They are made by [New] and safe for concurrent use.
type Metrics struct {
	registry *prometheus.Registry
	requests *prometheus.CounterVec
	duration *prometheus.HistogramVec
	commits  *prometheus.CounterVec
	commit   prometheus.Histogram
	pushes   prometheus.Histogram
	writes   prometheus.Histogram
	lag      prometheus.Histogram
}

// New makes metrics that count nothing yet, those of the Go runtime and the process among them.
func New() *Metrics {
	seconds := prometheus.ExponentialBuckets(0.0005, 2, 16) // to 16 s
	numbers := prometheus.ExponentialBuckets(1, 2, 13)      // to 4096
	m := &Metrics{
		registry: prometheus.NewRegistry(),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "larder_requests_total", Help: "Requests that were answered."}, []string{"method", "route", "status"}),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "larder_request_seconds", Help: "How long answers took, live connections aside.", Buckets: seconds}, []string{"route"}),
		commits: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "larder_commits_total", Help: "Write transactions."}, []string{"outcome"}),
		commit: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "larder_commit_seconds", Help: "How long write transactions took.", Buckets: seconds}),
		pushes: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "larder_commit_pushes", Help: "Pushes that shared a write transaction.", Buckets: numbers}),
		writes: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "larder_commit_operations", Help: "Operations in a write transaction.", Buckets: numbers}),
		lag: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "larder_live_lag_seconds", Help: "How long after its write a change is read for live connections.", Buckets: seconds}),
	}
	m.registry.MustRegister(m.requests, m.duration, m.commits, m.commit, m.pushes, m.writes, m.lag,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// Gauge adds a value that is asked for when the metrics are.
func (m *Metrics) Gauge(name, help string, value func() int) {
	m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help},
		func() float64 { return float64(value()) }))
}

// Request counts a request. The route is one of few words; a duration below 0 is not counted.
func (m *Metrics) Request(method, route string, status int, took time.Duration) {
	switch method {
	case "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS":
	default:
		method = "other" // anybody can make up methods, and each would be kept for ever
	}
	m.requests.WithLabelValues(method, route, strconv.Itoa(status)).Inc()
	if took >= 0 {
		m.duration.WithLabelValues(route).Observe(took.Seconds())
	}
}

// Commit counts a write transaction.
func (m *Metrics) Commit(c feed.Commit) {
	outcome := "done"
	if c.Err != nil {
		outcome = "failed"
	}
	m.commits.WithLabelValues(outcome).Inc()
	m.commit.Observe(c.Took.Seconds())
	m.pushes.Observe(float64(c.Pushes))
	m.writes.Observe(float64(c.Operations))
}

// Lag counts how long after its write a change was read for live connections.
func (m *Metrics) Lag(d time.Duration) { m.lag.Observe(d.Seconds()) }

// ServeHTTP answers with the metrics in Prometheus' text format.
func (m *Metrics) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{Registry: m.registry}).ServeHTTP(w, r)
}
