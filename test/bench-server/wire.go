//go:build linux

package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"

	"github.com/larder-sync/larder/test/process"
)

// wire is the connection of one client that writes. It costs a fraction of what net/http's client does: the load shares the
// machine with the servers, and what it takes for itself makes them look alike.
type wire struct {
	conn net.Conn
	in   *bufio.Reader
	out  []byte
}

func dial(p *process.Server) (*wire, error) {
	conn, err := net.Dial("tcp", p.Address)
	if err != nil {
		return nil, err
	}
	return &wire{conn: conn, in: bufio.NewReaderSize(conn, 4<<10)}, nil
}

// post sends JSON, and wants it taken.
func (w *wire) post(path, body string) error {
	w.out = appendRequest(w.out[:0], http.MethodPost, path, "application/json", body)
	if _, err := w.conn.Write(w.out); err != nil {
		return err
	}
	r, err := http.ReadResponse(w.in, nil)
	if err != nil {
		return err
	}
	if r.StatusCode >= 300 {
		text, _ := io.ReadAll(r.Body) // what there is of it
		return fmt.Errorf("POST %s: %s %s", path, r.Status, text)
	}
	_, err = io.Copy(io.Discard, r.Body)
	return err
}

func (w *wire) close() { _ = w.conn.Close() } // what it sent was answered

func appendRequest(out []byte, method, path, accept, body string) []byte {
	out = append(out, method+" "+path+" HTTP/1.1\r\nHost: localhost\r\nZUMO-API-VERSION: 2.0.0\r\nAccept: "+accept...)
	if body != "" {
		out = append(out, "\r\nContent-Type: application/json\r\nContent-Length: "...)
		out = strconv.AppendInt(out, int64(len(body)), 10)
	}
	return append(append(out, "\r\n\r\n"...), body...)
}
