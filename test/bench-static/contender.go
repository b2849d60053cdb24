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

	"github.com/larder-sync/larder/test/process"
)

var errNoNginx = errors.New("nginx is not installed, so it is not compared")

// contender is a server under measurement.
type contender struct {
	name   string
	server *process.Server
	took   map[string][]time.Duration // by file: of each turn, per request
	bytes  map[string]int64           // by file: of an answer's body as sent
}

// newContender starts a server in a folder of its own.
func newContender(name, dir string, command func(address string) ([]string, error)) (*contender, error) {
	address, err := process.FreeAddress()
	if err != nil {
		return nil, err
	}
	args, err := command(address)
	if err != nil {
		return nil, err
	}
	if dir, err = os.MkdirTemp(dir, ""); err != nil {
		return nil, err
	}
	c := &contender{name: name, took: map[string][]time.Duration{}, bytes: map[string]int64{}}
	c.server, err = process.Start(dir, address, "/", args[0], args[1:]...)
	return c, err
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

// turn asks for a file over one connection, as a browser would, and notes what that took the server.
func (c *contender) turn(f file) error {
	conn, err := net.Dial("tcp", c.server.Address)
	if err != nil {
		return err
	}
	defer conn.Close()
	in := bufio.NewReaderSize(conn, 1<<16)
	request := "GET " + f.path + " HTTP/1.1\r\nHost: localhost\r\nAccept: */*\r\nAccept-Encoding: gzip, deflate, br, zstd\r\n" +
		"Accept-Language: en\r\nUser-Agent: Mozilla/5.0 (bench)\r\n\r\n"
	before, err := c.server.CPU()
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
	after, err := c.server.CPU()
	c.took[f.name] = append(c.took[f.name], ((after - before) / time.Duration(f.times)).Round(100*time.Nanosecond))
	return err
}
