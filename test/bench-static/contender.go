package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/larder-sync/larder/test/cputime"
)

var errNoNginx = errors.New("nginx is not installed, so it is not compared")

// contender is a server under measurement.
type contender struct {
	name    string
	address string
	cmd     *exec.Cmd
	took    map[string][]time.Duration // by file: of each turn, per request
	bytes   map[string]int64           // by file: of an answer's body as sent
}

func newContender(name string, command func(address string) ([]string, error)) (*contender, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	c := &contender{name: name, address: l.Addr().String(), took: map[string][]time.Duration{}, bytes: map[string]int64{}}
	l.Close()
	args, err := command(c.address)
	if err != nil {
		return nil, err
	}
	c.cmd = exec.Command(args[0], args[1:]...)
	c.cmd.Stderr = os.Stderr
	if err := c.cmd.Start(); err != nil {
		return nil, err
	}
	for range 600 {
		if r, err := http.Get("http://" + c.address + "/"); err == nil {
			r.Body.Close()
			return c, nil
		}
		time.Sleep(50 * time.Millisecond)
	}
	c.stop()
	return nil, fmt.Errorf("%s does not answer", name)
}

// nginx writes a configuration like ours, and says how to run one process with it.
func nginx(program, dir, dist, address string) ([]string, error) {
	program, err := exec.LookPath(program)
	if err != nil {
		return nil, errNoNginx
	}
	config := filepath.Join(dir, "nginx.conf")
	text := fmt.Sprintf(`daemon off; master_process off; user root; pid %[1]s/nginx.pid; error_log %[1]s/error.log;
events {}
http {
  access_log off; sendfile on; keepalive_requests 1000000; open_file_cache max=1000;
  types { text/html html; application/wasm wasm; text/javascript js; text/css css; }
  client_body_temp_path %[1]s/a; proxy_temp_path %[1]s/b; fastcgi_temp_path %[1]s/c; uwsgi_temp_path %[1]s/d; scgi_temp_path %[1]s/e;
  server { listen %[3]s; root %[2]s; gzip_static on; gzip_vary on; add_header Cache-Control no-cache; }
}
`, dir, dist, address)
	return []string{program, "-c", config, "-p", dir}, os.WriteFile(config, []byte(text), 0o600)
}

func (c *contender) stop() {
	_ = c.cmd.Process.Kill() // it may have ended already
	_ = c.cmd.Wait()         // says that it was killed
}

// turn asks for a file over one connection, as a browser would, and notes what that took the server.
func (c *contender) turn(f file) error {
	conn, err := net.Dial("tcp", c.address)
	if err != nil {
		return err
	}
	defer conn.Close()
	in := bufio.NewReaderSize(conn, 1<<16)
	request := "GET " + f.path + " HTTP/1.1\r\nHost: localhost\r\nAccept: */*\r\nAccept-Encoding: gzip, deflate, br, zstd\r\n" +
		"Accept-Language: en\r\nUser-Agent: Mozilla/5.0 (bench)\r\n\r\n"
	before, err := cputime.Of(c.cmd.Process.Pid)
	if err != nil {
		return err
	}
	for range f.times {
		if _, err := io.WriteString(conn, request); err != nil {
			return err
		}
		r, err := http.ReadResponse(in, nil)
		if err != nil {
			return err
		}
		n, err := io.Copy(io.Discard, r.Body)
		if err != nil || r.StatusCode != http.StatusOK {
			return fmt.Errorf("%s answers %s with %s: %w", c.name, f.path, r.Status, err)
		}
		c.bytes[f.name] = n
	}
	after, err := cputime.Of(c.cmd.Process.Pid)
	c.took[f.name] = append(c.took[f.name], ((after - before) / time.Duration(f.times)).Round(100*time.Nanosecond))
	return err
}
