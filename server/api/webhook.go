package api

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/larder-sync/larder/table"
)

const (
	webhookQueue   = 1024 // calls that wait
	webhookCallers = 4
	webhookTime    = 10 * time.Second
)

// webhooks tells other servers of operations, after them and beside their answers. What cannot be told is logged, and lost:
// who must miss nothing reads the feed.
type webhooks struct {
	log    *slog.Logger
	client *http.Client
	queue  chan call
	done   sync.WaitGroup

	mu     sync.Mutex
	closed bool
}

type call struct {
	url  string
	body []byte
}

func newWebhooks(log *slog.Logger) *webhooks {
	w := &webhooks{log: log, client: &http.Client{Timeout: webhookTime}, queue: make(chan call, webhookQueue)}
	for range webhookCallers {
		w.done.Go(func() {
			for c := range w.queue {
				if err := w.post(c); err != nil {
					w.log.Warn("a webhook failed", "error", err.Error())
				}
			}
		})
	}
	return w
}

func (w *webhooks) post(c call) error {
	r, err := w.client.Post(c.url, "application/json", bytes.NewReader(c.body))
	if err != nil {
		return err
	}
	defer r.Body.Close()
	if _, err := io.Copy(io.Discard, io.LimitReader(r.Body, 1<<20)); err != nil { // so that the connection can be used again
		return err
	}
	if r.StatusCode >= http.StatusBadRequest {
		return table.Errorf(table.CodeServer, "the webhook ", c.url, " answered ", strconv.Itoa(r.StatusCode))
	}
	return nil
}

// tell queues the call for an operation.
func (w *webhooks) tell(c *Context) {
	if c.Table.Webhook == "" || c.Repeated {
		return
	}
	body := map[string]any{"operation": string(c.Operation), "table": c.Table.Name(), "id": c.ID}
	if c.User != nil {
		body["userId"] = c.User.ID
	}
	if c.Item != nil {
		body["item"] = c.Item
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return
	}
	select {
	case w.queue <- call{c.Table.Webhook, table.AppendJSON(nil, body)}:
	default:
		w.log.Warn("a webhook was left out: too many wait", "table", c.Table.Name(), "waiting", webhookQueue)
	}
}

// close waits for the calls that are queued, or until the context ends.
func (w *webhooks) close(ctx context.Context) error {
	w.mu.Lock()
	if !w.closed {
		w.closed = true
		close(w.queue)
	}
	w.mu.Unlock()
	finished := make(chan struct{})
	go func() { w.done.Wait(); close(finished) }()
	select {
	case <-finished:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
