package postgres

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
)

// Judge says what becomes of a statement on its way to the server: it goes on as the text that is returned, or, if there is
// a code, is not carried out but answered with this SQLSTATE, and the transaction that it is in has failed.
//
// It is asked by many goroutines, again for each use of a statement that was prepared.
type Judge func(text string) (instead, code string)

// Through returns an address that leads to the same database, past the judge. It is good until the test ends.
func Through(t testing.TB, address string, judge Judge) string {
	t.Helper()
	to, err := pgconn.ParseConfig(address)
	if err != nil {
		t.Fatal(err)
	}
	network, place := pgconn.NetworkAddress(to.Host, to.Port)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var open sync.WaitGroup
	var mu sync.Mutex
	var conns []net.Conn
	open.Go(func() {
		for {
			from, err := l.Accept()
			if err != nil {
				return // the test has ended
			}
			server, err := net.Dial(network, place)
			if err != nil {
				from.Close()
				continue
			}
			mu.Lock()
			conns = append(conns, from, server)
			mu.Unlock()
			open.Go(func() {
				_, _ = io.Copy(from, server) // an end is an end, whoever makes it
				from.Close()
			})
			open.Go(func() {
				p := &passage{client: from, server: server, judge: judge, prepared: map[string]string{}}
				_ = p.run()
				server.Close()
			})
		}
	})
	t.Cleanup(func() {
		l.Close()
		mu.Lock()
		for _, c := range conns {
			c.Close()
		}
		mu.Unlock()
		open.Wait()
	})
	u := url.URL{Scheme: "postgres", User: url.User(to.User), Host: l.Addr().String(), Path: "/" + to.Database,
		RawQuery: "sslmode=disable"}
	return u.String()
}

// passage is one connection's way to the server. A client waits for an answer after each round of messages; the last of a
// round is a Query or a Sync.
type passage struct {
	client, server net.Conn
	judge          Judge
	prepared       map[string]string // statements by name

	round bytes.Buffer
	code  string // with which the round is refused
}

func (p *passage) run() error {
	if err := p.start(); err != nil {
		return err
	}
	for {
		var head [5]byte
		if _, err := io.ReadFull(p.client, head[:]); err != nil {
			return err
		}
		body := make([]byte, binary.BigEndian.Uint32(head[1:])-4)
		if _, err := io.ReadFull(p.client, body); err != nil {
			return err
		}
		body = p.look(head[0], body)
		p.round.WriteByte(head[0])
		p.round.Write(binary.BigEndian.AppendUint32(nil, uint32(len(body)+4)))
		p.round.Write(body)
		switch head[0] {
		case 'P', 'B', 'D', 'E', 'C': // Parse, Bind, Describe, Execute, Close: the round goes on
		default:
			if err := p.pass(); err != nil {
				return err
			}
		}
	}
}

// start hands the first message on, which has no type.
func (p *passage) start() error {
	var size [4]byte
	if _, err := io.ReadFull(p.client, size[:]); err != nil {
		return err
	}
	if _, err := p.server.Write(size[:]); err != nil {
		return err
	}
	_, err := io.CopyN(p.server, p.client, int64(binary.BigEndian.Uint32(size[:]))-4)
	return err
}

// look judges the statement in a message, if it is about one, and returns the message as it goes on.
func (p *passage) look(kind byte, body []byte) []byte {
	switch kind {
	case 'Q':
		text, code := p.judge(strings.TrimSuffix(string(body), "\x00"))
		p.refuse(code)
		return append([]byte(text), 0)
	case 'P':
		name, rest, _ := bytes.Cut(body, []byte{0})
		text, rest, _ := bytes.Cut(rest, []byte{0})
		instead, code := p.judge(string(text))
		p.refuse(code)
		p.prepared[string(name)] = string(text)
		return bytes.Join([][]byte{name, []byte(instead), rest}, []byte{0})
	case 'B':
		_, rest, _ := bytes.Cut(body, []byte{0})
		name, _, _ := bytes.Cut(rest, []byte{0})
		if len(name) > 0 { // what has no name was judged in this round
			_, code := p.judge(p.prepared[string(name)])
			p.refuse(code)
		}
	}
	return body
}

func (p *passage) refuse(code string) {
	if p.code == "" {
		p.code = code
	}
}

// pass sends the round on, or something in its place that fails as it is to.
func (p *passage) pass() error {
	defer p.round.Reset()
	if p.code != "" {
		text := fmt.Sprintf("DO $$BEGIN RAISE EXCEPTION 'refused on the way' USING ERRCODE = '%s'; END$$\x00", p.code)
		p.code = ""
		p.round.Reset()
		p.round.WriteByte('Q')
		p.round.Write(binary.BigEndian.AppendUint32(nil, uint32(len(text)+4)))
		p.round.WriteString(text)
	}
	_, err := p.server.Write(p.round.Bytes())
	return err
}
