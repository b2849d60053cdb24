package main

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestServe(t *testing.T) {
	t.Run("a request that runs when the server is told to stop is finished, and no further one is taken", func(t *testing.T) {
		dir := t.TempDir()
		for name, text := range map[string]string{"tables/note.json": "{}", "web/index.html": "<!doctype html>"} {
			if err := os.MkdirAll(filepath.Join(dir, filepath.Dir(name)), 0o700); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		nothing := func(string) string { return "" }
		p, err := startProcess(dir, nothing)
		if err != nil {
			t.Fatal(err)
		}
		defer p.kill()

		address := strings.TrimPrefix(p.url, "http://")
		conn, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		const body = `{"id":"late","text":"bread"}`
		fmt.Fprintf(conn, "POST /tables/note HTTP/1.1\r\nHost: localhost\r\nZUMO-API-VERSION: 2.0.0\r\n"+
			"Content-Type: application/json\r\nContent-Length: %d\r\nExpect: 100-continue\r\n\r\n", len(body))
		in := bufio.NewReader(conn)
		// The server says that it reads the body: the request is running.
		if line, err := in.ReadString('\n'); err != nil || !strings.Contains(line, "100 Continue") {
			t.Fatalf("%q, %v", line, err)
		}
		if _, err := in.ReadString('\n'); err != nil {
			t.Fatal(err)
		}

		if err := p.terminate(); err != nil {
			t.Fatal(err)
		}
		p.await(`(.*"msg":"stopping)`)
		if _, err := conn.Write([]byte(body)); err != nil {
			t.Fatal(err)
		}
		answer, err := http.ReadResponse(in, nil)
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
		if answer.StatusCode != http.StatusCreated {
			t.Errorf("the running request: %s", answer.Status)
		}
		if err := p.wait(); err != nil {
			t.Errorf("the server ended with %v:\n%s", err, p.text())
		}
		if c, err := net.Dial("tcp", address); err == nil {
			c.Close()
			t.Error("the port is still open")
		}

		again, err := startProcess(dir, nothing)
		if err != nil {
			t.Fatal(err)
		}
		defer again.kill()
		stored, err := http.Get(again.url + "/tables/note?$deltatoken=")
		if err != nil {
			t.Fatal(err)
		}
		defer stored.Body.Close()
		text, err := bufio.NewReader(stored.Body).ReadString('}')
		if err != nil || !strings.Contains(text, `"id":"late"`) {
			t.Errorf("stored: %s, %v", text, err)
		}
	})
}
