package server

import (
	"container/list"
	"context"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/larder-sync/larder/server/api"
)

const (
	maxURL      = 16 << 10 // bytes
	requestTime = time.Minute
	maxCallers  = 10_000 // addresses whose rate is remembered

	// DefaultRate is how many requests a second one address may send when the options say nothing.
	DefaultRate = 1000
)

// tooLong is why a request was ended.
var tooLong = api.Refuse(http.StatusServiceUnavailable,
	"the request took longer than the "+strconv.Itoa(int(requestTime/time.Second))+" seconds that the server gives it: ask for "+
		"less, or try again")

// refusal answers a request that is not let through.
type refusal func(w http.ResponseWriter, r *http.Request, err error)

// limited refuses addresses that are too long, and callers that ask too often, and gives each request its time. Streams take
// theirs.
func limited(callers *callers, refuse refusal, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if n := len(r.RequestURI); n > maxURL {
			refuse(w, r, api.Refuse(http.StatusRequestURITooLong, "the URL has "+strconv.Itoa(n)+" bytes, and the server takes "+
				strconv.Itoa(maxURL)+": send long filters in parts"))
			return
		}
		if !callers.allow(r.RemoteAddr, time.Now()) {
			w.Header().Set("Retry-After", "1")
			refuse(w, r, api.Refuse(http.StatusTooManyRequests, "there are more than the "+strconv.FormatFloat(callers.rate, 'f', -1, 64)+
				" requests a second that the server takes from one address: ask less often"))
			return
		}
		if !streams(r) {
			ctx, cancel := context.WithTimeoutCause(r.Context(), requestTime, tooLong)
			defer cancel()
			r = r.WithContext(ctx)
		}
		next.ServeHTTP(w, r)
	})
}

// streams reports whether a request may be for a live connection.
func streams(r *http.Request) bool {
	return strings.HasSuffix(r.URL.Path, "/live") || strings.HasSuffix(r.URL.Path, "/$live")
}

// callers are the addresses that asked last, and how often they may.
type callers struct {
	rate float64 // 0 for as often as they like

	mu    sync.Mutex
	known map[string]*list.Element
	order *list.List // the one that asked last in front
}

type caller struct {
	address string
	limiter *rate.Limiter
}

func newCallers(perSecond float64) *callers {
	return &callers{rate: perSecond, known: map[string]*list.Element{}, order: list.New()}
}

// allow counts a request. This machine itself may ask as often as it likes: it is a proxy, which has its own limits, or the
// user.
func (c *callers) allow(remote string, now time.Time) bool {
	host, _, err := net.SplitHostPort(remote)
	if ip := net.ParseIP(host); c.rate <= 0 || err != nil || ip == nil || ip.IsLoopback() {
		return true
	} else if ip.To4() == nil {
		host = ip.Mask(net.CIDRMask(64, 128)).String() // one customer has them all
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	e := c.known[host]
	if e == nil {
		e = c.order.PushFront(&caller{host, rate.NewLimiter(rate.Limit(c.rate), int(2*c.rate)+1)})
		c.known[host] = e
		if len(c.known) > maxCallers {
			oldest := c.order.Back()
			delete(c.known, c.order.Remove(oldest).(*caller).address)
		}
	} else {
		c.order.MoveToFront(e)
	}
	return e.Value.(*caller).limiter.AllowN(now, 1)
}
