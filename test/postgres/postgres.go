// Package postgres gives tests a PostgreSQL server of their own, from the one that the system has installed. It listens on no
// port, and ends with the process that started it, however that ends.
package postgres

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// Server is a running server. It is safe for concurrent use.
type Server struct {
	dir   string
	shell *exec.Cmd
	stdin io.Closer
	log   string
}

// Start starts a server in a new temporary folder. Settings are PostgreSQL's, as in "fsync=off". An error says what to
// install where PostgreSQL is missing.
func Start(settings ...string) (*Server, error) {
	bin, err := programs()
	if err != nil {
		return nil, err
	}
	// Not the tests' own folder: the path of a socket must be short, and another user needs to reach it.
	dir, err := os.MkdirTemp("", "larder-pg-")
	if err != nil {
		return nil, err
	}
	s := &Server{dir: dir, log: filepath.Join(dir, "log")}
	if err := s.start(bin, settings); err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	return s, nil
}

// programs returns the folder with the newest of the installed versions.
func programs() (string, error) {
	if path, err := exec.LookPath("initdb"); err == nil {
		return filepath.Dir(path), nil
	}
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if err != nil || len(found) == 0 {
		return "", errors.New("PostgreSQL is not installed: make deps installs it (Debian's package postgresql)")
	}
	newest, most := "", -1
	for _, path := range found {
		folder := filepath.Dir(path)
		if n, _ := strconv.Atoi(filepath.Base(filepath.Dir(folder))); n > most {
			newest, most = folder, n
		}
	}
	return newest, nil
}

// account is whom the server runs as: PostgreSQL refuses to be root's.
func account(dir string) (*syscall.SysProcAttr, error) {
	if os.Geteuid() != 0 {
		return nil, nil
	}
	u, err := user.Lookup("postgres")
	if err != nil {
		if u, err = user.Lookup("nobody"); err != nil {
			return nil, err
		}
	}
	uid, err1 := strconv.ParseUint(u.Uid, 10, 32)
	gid, err2 := strconv.ParseUint(u.Gid, 10, 32)
	if err := errors.Join(err1, err2, os.Chown(dir, int(uid), int(gid))); err != nil {
		return nil, err
	}
	return &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}, nil
}

func (s *Server) start(bin string, settings []string) error {
	as, err := account(s.dir)
	if err != nil {
		return err
	}
	data := filepath.Join(s.dir, "data")
	initdb := exec.Command(filepath.Join(bin, "initdb"), "-D", data, "-U", "larder", "-A", "trust", "-E", "UTF8", "--locale=C",
		"--no-sync")
	initdb.SysProcAttr, initdb.Dir = as, s.dir
	if out, err := initdb.CombinedOutput(); err != nil {
		return fmt.Errorf("initdb: %w\n%s", err, out)
	}
	args := []string{"-D", data, "-k", s.dir, "-c", "listen_addresses=", "-c", "max_connections=200"}
	for _, setting := range settings {
		args = append(args, "-c", setting)
	}
	// The shell starts the server again when that is killed, and ends it when its own input ends: with Stop, or this process.
	s.shell = exec.Command("/bin/sh", append([]string{"-c",
		`( while :; do "$@" >>"$LOG" 2>&1; done ) & loop=$!; cat >/dev/null; kill $loop; pid=$(head -n 1 "$FOLDER/data/postmaster.pid")
		kill -INT $pid; while kill -0 $pid; do sleep 0.02; done; cd /; rm -rf "$FOLDER"`,
		"sh", filepath.Join(bin, "postgres")}, args...)...)
	s.shell.SysProcAttr, s.shell.Dir = as, s.dir
	s.shell.Env = append(os.Environ(), "LOG="+s.log, "FOLDER="+s.dir)
	if s.stdin, err = s.shell.StdinPipe(); err != nil {
		return err
	}
	if err := s.shell.Start(); err != nil {
		return err
	}
	return s.await()
}

// await waits until the server takes connections.
func (s *Server) await() (err error) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	for ctx.Err() == nil {
		var c *pgx.Conn
		if c, err = pgx.Connect(ctx, s.URL("postgres")); err == nil {
			return c.Close(ctx)
		}
		select {
		case <-time.After(50 * time.Millisecond):
		case <-ctx.Done():
		}
	}
	log, _ := os.ReadFile(s.log) // without it the error has to do
	return errors.Join(fmt.Errorf("PostgreSQL does not start: %w\n%s", err, log), s.Stop())
}

// URL returns the address of one of the server's databases.
func (s *Server) URL(database string) string {
	return "postgres://larder@/" + database + "?host=" + url.QueryEscape(s.dir)
}

// Create makes a database and returns its address.
func (s *Server) Create(ctx context.Context) (string, error) {
	c, err := pgx.Connect(ctx, s.URL("postgres"))
	if err != nil {
		return "", err
	}
	name := "db_" + strings.ToLower(rand.Text()[:12])
	_, err = c.Exec(ctx, `CREATE DATABASE `+name)
	return s.URL(name), errors.Join(err, c.Close(ctx))
}

// Vanish cuts the connections of all clients and takes no new ones, as if the server were gone, until back is called.
func (s *Server) Vanish(ctx context.Context) (back func() error, err error) {
	c, err := pgx.Connect(ctx, s.URL("postgres"))
	if err != nil {
		return nil, err
	}
	socket := filepath.Join(s.dir, ".s.PGSQL.5432")
	if err := os.Rename(socket, socket+".away"); err != nil {
		return nil, errors.Join(err, c.Close(ctx))
	}
	_, err = c.Exec(ctx, `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
		WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()`)
	return func() error { return os.Rename(socket+".away", socket) }, errors.Join(err, c.Close(ctx))
}

// Kill ends the server, all of its processes, in the middle of whatever they do. It is started again at once, and comes back when
// it has recovered.
func (s *Server) Kill() error {
	text, err := os.ReadFile(filepath.Join(s.dir, "data", "postmaster.pid"))
	if err != nil {
		return err
	}
	first, _, _ := strings.Cut(string(text), "\n")
	pid, err := strconv.Atoi(first)
	if err != nil {
		return err
	}
	return syscall.Kill(pid, syscall.SIGQUIT) // to the first alone SIGKILL would leave the others at work
}

// Stop ends the server and what it stored.
func (s *Server) Stop() error {
	return errors.Join(s.stdin.Close(), s.shell.Wait(), os.RemoveAll(s.dir))
}

// shared is the server of all tests of a process. It ends with the process, which leaves it no time to write to its disk; so
// it does not.
var shared = sync.OnceValues(func() (*Server, error) {
	return Start("fsync=off", "synchronous_commit=off", "full_page_writes=off")
})

// New makes an empty database for a test, on a server that the tests of a process share, and returns its address.
func New(t testing.TB) string {
	t.Helper()
	s, err := shared()
	if err != nil {
		t.Fatal(err)
	}
	address, err := s.Create(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return address
}
