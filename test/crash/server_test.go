// Package crash_test kills servers while they are used, takes their database and their disk away, and looks at what clients
// were told: what was acknowledged is there, once, and who follows misses nothing.
package crash_test

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

// program is the server's binary, built once.
var program = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "larder-crash-")
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "larder")
	out, err := exec.Command("go", "build", "-o", path, "../../server/larder").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("%w\n%s", err, out)
	}
	return path, nil
})

func TestMain(m *testing.M) {
	code := m.Run()
	if path, err := program(); err == nil {
		os.RemoveAll(filepath.Dir(path))
	}
	os.Exit(code)
}

// server is a larder process that can be killed and started again, on the same address.
type server struct {
	t      testing.TB
	dir    string
	args   []string
	limit  string // of "ulimit -f", "" for none
	url    string
	killed int

	mu  sync.Mutex
	cmd *exec.Cmd
	log bytes.Buffer
}

// newServer makes a server with the table "note", which is not started yet.
func newServer(t testing.TB, database string) *server {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	s := &server{t: t, dir: t.TempDir(), url: "http://" + address}
	if err := os.Mkdir(filepath.Join(s.dir, "tables"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(s.dir, "tables/note.json"), []byte("{}"), 0o600); err != nil {
		t.Fatal(err)
	}
	s.args = []string{"serve", "--addr", address, "--db", database, "--web", "", "--log", "error"}
	t.Cleanup(func() {
		s.kill()
		if t.Failed() {
			t.Logf("the server's log:\n%s", s.log.String())
		}
	})
	return s
}

func (s *server) start() {
	s.t.Helper()
	path, err := program()
	if err != nil {
		s.t.Fatal(err)
	}
	s.mu.Lock()
	s.cmd = exec.Command(path, s.args...)
	if s.limit != "" {
		s.cmd = exec.Command("/bin/sh", append([]string{"-c", "ulimit -f " + s.limit + `; exec "$@"`, "sh", path}, s.args...)...)
	}
	s.cmd.Dir, s.cmd.Stderr = s.dir, &s.log
	err = s.cmd.Start()
	s.mu.Unlock()
	if err != nil {
		s.t.Fatal(err)
	}
}

// kill ends the server at once, wherever it is.
func (s *server) kill() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cmd == nil {
		return
	}
	_ = s.cmd.Process.Kill() // it may have ended already
	_ = s.cmd.Wait()         // says that it was killed
	s.cmd = nil
	s.killed++
}

// await waits until the server is ready.
func (s *server) await(ctx context.Context) {
	s.t.Helper()
	for ctx.Err() == nil {
		if r, err := http.Get(s.url + "/readyz"); err == nil {
			r.Body.Close()
			if r.StatusCode == http.StatusOK {
				return
			}
		}
		pause(ctx)
	}
	s.t.Errorf("the server is not ready: %v", ctx.Err())
}

func pause(ctx context.Context) {
	select {
	case <-time.After(10 * time.Millisecond):
	case <-ctx.Done():
	}
}
