package main

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// nothing is the environment of a server that is told by its flags alone.
func nothing(string) string { return "" }

// fill writes records until the server cannot, and returns the ids of those that it has taken.
func fill(t *testing.T, p *process, name string) (taken []string) {
	t.Helper()
	text := strings.Repeat("bread and butter ", 400)
	for i := range 10_000 {
		id := fmt.Sprintf("%s%d", name, i)
		status, header, body := post(t, p, fmt.Sprintf(`{"id":%q,"text":%q}`, id, text))
		if status == http.StatusCreated {
			taken = append(taken, id)
			continue
		}
		if status != http.StatusServiceUnavailable || header.Get("Retry-After") == "" || !strings.Contains(body, "disk") ||
			!strings.Contains(body, `"code":"storage"`) {
			t.Fatalf("a write to a full disk: %d, Retry-After %q, %s", status, header.Get("Retry-After"), body)
		}
		return taken
	}
	t.Fatal("the disk takes whatever is written")
	return nil
}

func post(t *testing.T, p *process, body string) (int, http.Header, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), "POST", p.url+"/tables/note", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	return answered(t, r)
}

func answered(t *testing.T, r *http.Request) (int, http.Header, string) {
	t.Helper()
	r.Header.Set("ZUMO-API-VERSION", "2.0.0")
	w, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Body.Close()
	text, err := io.ReadAll(w.Body)
	if err != nil {
		t.Fatal(err)
	}
	return w.StatusCode, w.Header, string(text)
}

// holds checks that the server has just these records.
func holds(t *testing.T, p *process, ids []string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), "GET", p.url+"/tables/note?$inlinecount=allpages&$top=1&$select=id", nil)
	if err != nil {
		t.Fatal(err)
	}
	if status, _, text := answered(t, r); status != 200 || !strings.Contains(text, fmt.Sprintf(`"count":%d}`, len(ids))) {
		t.Errorf("of %d records that it has taken the server tells: %d %s", len(ids), status, text)
	}
	for _, id := range ids {
		r, err := http.NewRequestWithContext(t.Context(), "GET", p.url+"/tables/note/"+id, nil)
		if err != nil {
			t.Fatal(err)
		}
		if status, _, text := answered(t, r); status != 200 || !strings.Contains(text, "butter") {
			t.Errorf("%s, which it has taken: %d %s", id, status, text)
		}
	}
}

func TestFullDisk(t *testing.T) {
	begin := func(t *testing.T, dir string, under ...string) *process {
		t.Helper()
		if err := os.MkdirAll(filepath.Join(dir, "tables"), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "tables", "note.json"), []byte(`{}`), 0o600); err != nil {
			t.Fatal(err)
		}
		p, err := startUnder(under, dir, nothing, "--web", "")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(p.kill)
		return p
	}
	t.Run("a file that may not grow: what was taken is there when it may", func(t *testing.T) {
		dir := t.TempDir()
		p := begin(t, dir, "/bin/sh", "-c", `ulimit -f 2000; exec "$0" "$@"`)
		taken := fill(t, p, "a")
		holds(t, p, taken)
		if again := fill(t, p, "b"); len(again) > 0 {
			taken = append(taken, again...)
		}
		if err := p.terminate(); err != nil {
			t.Fatal(err)
		}
		_ = p.wait() // it may complain of what it could not write back
		p = begin(t, dir)
		holds(t, p, taken)
		if status, _, text := post(t, p, `{"id":"after","text":"butter"}`); status != http.StatusCreated {
			t.Errorf("after there is room again: %d %s", status, text)
		}
	})
	t.Run("a full file system: it goes on by itself when there is room", func(t *testing.T) {
		dir := t.TempDir()
		if err := syscall.Mount("larder", dir, "tmpfs", 0, "size=4m"); err != nil {
			if os.Geteuid() == 0 {
				t.Logf("there is no file system of our own here: %v", err)
			}
			return // only root may make one; the other case needs no rights
		}
		t.Cleanup(func() {
			if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
				t.Error(err)
			}
		})
		spare := filepath.Join(dir, "spare")
		if err := os.WriteFile(spare, make([]byte, 2<<20), 0o600); err != nil {
			t.Fatal(err)
		}
		p := begin(t, dir)
		taken := fill(t, p, "a")
		holds(t, p, taken)
		if err := os.Remove(spare); err != nil {
			t.Fatal(err)
		}
		status, _, text := post(t, p, `{"id":"after","text":"butter"}`)
		if status != http.StatusCreated {
			t.Fatalf("after there is room again: %d %s", status, text)
		}
		holds(t, p, append(taken, "after"))
	})
}
