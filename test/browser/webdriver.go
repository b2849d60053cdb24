package browser

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
)

// webdriver is the client of a W3C WebDriver service on this machine.
type webdriver struct {
	base string // of the service, and once there is a session, of that
	http *http.Client
}

func newWebdriver(addr string) *webdriver {
	return &webdriver{base: "http://" + addr, http: &http.Client{
		Transport: &http.Transport{DialContext: new(net.Dialer).DialContext}, // no proxy, whatever the environment says
	}}
}

// webdriverError is what the service answers to a command that failed.
type webdriverError struct {
	Kind    string `json:"error"` // the standard's name for it
	Message string `json:"message"`
}

func (e *webdriverError) Error() string {
	if e.Message == "" {
		return e.Kind
	}
	return e.Kind + ": " + e.Message
}

// failedAs tells whether an error is the service's of one of the kinds.
func failedAs(err error, kinds ...string) bool {
	var e *webdriverError
	if errors.As(err, &e) {
		for _, kind := range kinds {
			if e.Kind == kind {
				return true
			}
		}
	}
	return false
}

// get asks for something, and unmarshals it into dst if that is not nil.
func (w *webdriver) get(ctx context.Context, path string, dst any) error {
	return w.command(ctx, http.MethodGet, path, nil, dst)
}

// post has something done.
func (w *webdriver) post(ctx context.Context, path string, params, dst any) error {
	if params == nil {
		params = struct{}{}
	}
	return w.command(ctx, http.MethodPost, path, params, dst)
}

func (w *webdriver) command(ctx context.Context, method, path string, params, dst any) error {
	name := method + " " + path
	var body io.Reader
	if params != nil {
		b, err := json.Marshal(params)
		if err != nil {
			return fmt.Errorf("browser: %s: %w", name, err)
		}
		body = bytes.NewReader(b)
	}
	r, err := http.NewRequestWithContext(ctx, method, w.base+path, body)
	if err != nil {
		return fmt.Errorf("browser: %s: %w", name, err)
	}
	r.Header.Set("Content-Type", "application/json")
	response, err := w.http.Do(r)
	var text []byte
	if err == nil {
		defer response.Body.Close()
		text, err = io.ReadAll(response.Body)
	}
	switch {
	case ctx.Err() != nil:
		return fmt.Errorf("browser: %s: %w", name, context.Cause(ctx))
	case err != nil:
		return fmt.Errorf("browser: %w: %s: %w", ErrGone, name, err) // the service does not hang up while it is well
	}
	var answer struct{ Value json.RawMessage }
	if err := json.Unmarshal(text, &answer); err != nil {
		return fmt.Errorf("browser: answer to %s: %w: %.200s", name, err, text)
	}
	if response.StatusCode != http.StatusOK {
		failure := &webdriverError{Kind: strings.ToLower(response.Status)}
		_ = json.Unmarshal(answer.Value, failure) // if it says more than the status
		return fmt.Errorf("browser: %s: %w", name, failure)
	}
	if dst == nil {
		return nil
	}
	if err := json.Unmarshal(answer.Value, dst); err != nil {
		return fmt.Errorf("browser: answer to %s: %w", name, err)
	}
	return nil
}
