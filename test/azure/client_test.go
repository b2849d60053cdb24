package azure_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/larder-sync/larder/server/access"
	"github.com/larder-sync/larder/test/browser"
)

const clientKey = "the key with which the client's tokens are signed"

// steps is how many the story has: one that ends early without an error is noticed.
const steps = 25

// TestClient plays the story of client/story.js with Microsoft's client, version 2.0.1 as npm has it, against larder serve:
// reads, writes, queries, conflicts, and its own offline push and pull over its SQLite store.
func TestClient(t *testing.T) {
	if _, err := os.Stat("node_modules/browserify/package.json"); err != nil {
		run(t, "npm", "ci", "--no-audit", "--no-fund")
	}
	token, err := access.Sign(clientKey, "anna", nil, time.Now(), time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	t.Run("in Node", func(t *testing.T) {
		server := serve(t, "*")
		out := run(t, "node", "client/node.js", server, token)
		complete(t, strings.Split(strings.TrimSpace(out), "\n"))
	})
	t.Run("in a page of another origin", func(t *testing.T) {
		site := page(t)
		server := serve(t, site.URL)
		b := browser.New(t, browser.Options{})
		p := b.Open(t, site.URL)
		out, err := p.Eval(t.Context(), "return play(arguments[0], arguments[1])", server, token)
		if err != nil {
			t.Fatal(err)
		}
		var story struct {
			Steps []string
			Error string
		}
		if err := json.Unmarshal(out, &story); err != nil || story.Error != "" {
			t.Fatalf("%s, %v", story.Error, err)
		}
		complete(t, story.Steps)
	})
}

// TestLogin follows the sign-in for development to the page on which it ends, and looks at what that hands to the page that
// opened it.
func TestLogin(t *testing.T) {
	const app = "https://app.example.com"
	server := serve(t, app, "--dev-login")
	p := browser.New(t, browser.Options{}).Open(t, server+"/.auth/login/dev?user=anna&completion_origin="+url.QueryEscape(app))
	out, err := p.Eval(t.Context(), `
		let handed;
		window.opener = { postMessage: (data, origin) => { handed = { data, origin }; } };
		window.close = () => {};
		await import('/.auth/login/done.js?again');
		return handed`)
	if err != nil {
		t.Fatal(err)
	}
	var handed struct{ Origin, Data string }
	var message struct {
		Type  string
		Oauth struct {
			AuthenticationToken string
			User                struct{ UserID string }
		}
	}
	if err := errors.Join(json.Unmarshal(out, &handed), json.Unmarshal([]byte(handed.Data), &message)); err != nil {
		t.Fatalf("%s: %v", out, err)
	}
	if handed.Origin != app || message.Type != "LoginCompleted" || message.Oauth.User.UserID != "anna" {
		t.Errorf("%s", out)
	}
	v, err := access.New(access.Options{Key: clientKey})
	if err != nil {
		t.Fatal(err)
	}
	if u, err := v.Verify(t.Context(), message.Oauth.AuthenticationToken); err != nil || u.ID != "anna" {
		t.Errorf("%+v, %v", u, err)
	}
}

func complete(t *testing.T, played []string) {
	t.Helper()
	if len(played) != steps {
		t.Errorf("%d steps, not %d:\n%s", len(played), steps, strings.Join(played, "\n"))
	}
}

// run runs a program in this folder and returns what it prints. If it fails, so does the test, with that.
func run(t *testing.T, name string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), name, args...)
	var complaints strings.Builder
	cmd.Stderr = &complaints
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s %v: %v\n%s\n%s", name, args, err, out, complaints.String())
	}
	return string(out)
}

// serve starts larder serve for pages of an origin, and returns its address.
func serve(t *testing.T, origin string, flags ...string) string {
	t.Helper()
	binary, err := filepath.Abs("../../bin/larder")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(binary); err != nil {
		t.Fatalf("%v: run `make bin/larder` first", err)
	}
	dir := t.TempDir()
	for name, text := range map[string]string{
		"todoitem.json": `{"columns":{"text":"string","complete":"boolean","due":"date","n":"number"},"dynamicSchema":false,"softDelete":true}`,
		"mine.json":     `{"access":"authenticated","perUser":true}`,
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	log, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	cmd := exec.Command(binary, append([]string{"serve", "--addr", "127.0.0.1:0", "--web", "", "--tables", dir,
		"--db", "sqlite:" + filepath.Join(dir, "larder.db"), "--jwt-key", clientKey, "--cors", origin}, flags...)...)
	cmd.Stderr = log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := cmd.Process.Signal(os.Interrupt); err != nil {
			t.Error(err)
		}
		if err := cmd.Wait(); err != nil {
			t.Errorf("the server ended with %v", err)
		}
	})
	serving := regexp.MustCompile(`larder: serving (http://\S+)/ `)
	for {
		text, err := os.ReadFile(log.Name())
		if err != nil {
			t.Fatal(err)
		}
		if m := serving.FindSubmatch(text); m != nil {
			return string(m[1])
		}
		select {
		case <-time.After(10 * time.Millisecond):
		case <-t.Context().Done():
			t.Fatalf("the server does not start:\n%s", text)
		}
	}
}

// page is a site with the client in its page.
func page(t *testing.T) *httptest.Server {
	t.Helper()
	bundle := run(t, "npm", "run", "--silent", "bundle")
	mux := http.NewServeMux()
	mux.Handle("/", http.FileServer(http.Dir("node_modules/sql.js/dist")))
	mux.HandleFunc("/{$}", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = w.Write([]byte(`<!doctype html><meta charset="utf-8"><script src="sql-wasm.js"></script><script src="client.js"></script>`))
	})
	mux.HandleFunc("/client.js", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/javascript; charset=utf-8")
		_, _ = w.Write([]byte(bundle))
	})
	site := httptest.NewServer(mux)
	t.Cleanup(site.Close)
	return site
}
