// Package wire carries the sync engine's requests by net/http, where tests run it outside a browser.
package wire

import (
	"bytes"
	"context"
	"io"
	"net/http"

	"github.com/larder-sync/larder/table"
	"github.com/larder-sync/larder/wasm/replica"
)

// Send sends a request to the server at a URL, as the user of a token, "" for nobody.
func Send(ctx context.Context, url string, s replica.Send, token string) replica.Answer {
	r, err := http.NewRequestWithContext(ctx, s.Method, url+s.Path, bytes.NewReader(s.Body))
	if err != nil {
		return replica.Answer{Err: err}
	}
	r.Header.Set(table.HeaderZUMOVersion, table.ZUMOVersion)
	r.Header.Set("Content-Type", "application/json")
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	for name, v := range s.Headers {
		r.Header.Set(name, v)
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		return replica.Answer{Err: err}
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return replica.Answer{Err: err}
	}
	return replica.Answer{Status: response.StatusCode, Body: body}
}
