package browser

import (
	"bufio"
	"context"
	"crypto/rand"
	"crypto/sha1"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"time"
)

// websocket is the client's end of a WebSocket (RFC 6455) whose messages are text: as much of one as a browser on this
// machine needs, without extensions and fragments of our own.
type websocket struct {
	conn net.Conn
	in   *bufio.Reader

	mu sync.Mutex // held while a frame is written: the reader answers pings
}

// The frames' opcodes.
const (
	wsContinuation = 0
	wsText         = 1
	wsClose        = 8
	wsPing         = 9
	wsPong         = 10
)

// wsLimit is the size up to which a message is taken: a screenshot is a few megabytes.
const wsLimit = 256 << 20

// dialWebsocket connects to a path of a server on this machine.
func dialWebsocket(ctx context.Context, addr, path string) (*websocket, error) {
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, err
	}
	stop := context.AfterFunc(ctx, func() { conn.SetDeadline(time.Now()) })
	w := &websocket{conn: conn, in: bufio.NewReaderSize(conn, 64<<10)}
	if err := w.shakeHands(addr, path); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	if !stop() {
		return nil, errors.Join(context.Cause(ctx), conn.Close())
	}
	return w, nil
}

func (w *websocket) shakeHands(addr, path string) error {
	nonce := make([]byte, 16)
	rand.Read(nonce) // never fails
	key := base64.StdEncoding.EncodeToString(nonce)
	r, err := http.NewRequest(http.MethodGet, "http://"+addr+path, nil)
	if err != nil {
		return err
	}
	r.Header.Set("Connection", "Upgrade")
	r.Header.Set("Upgrade", "websocket")
	r.Header.Set("Sec-WebSocket-Version", "13")
	r.Header.Set("Sec-WebSocket-Key", key)
	if err := r.Write(w.conn); err != nil {
		return err
	}
	response, err := http.ReadResponse(w.in, r)
	if err != nil {
		return err
	}
	sum := sha1.Sum([]byte(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
	if response.StatusCode != http.StatusSwitchingProtocols ||
		response.Header.Get("Sec-WebSocket-Accept") != base64.StdEncoding.EncodeToString(sum[:]) {
		return fmt.Errorf("no websocket at %s%s: %s", addr, path, response.Status)
	}
	return nil
}

func (w *websocket) read() ([]byte, error) {
	var message []byte
	for {
		last, opcode, payload, err := w.readFrame(wsLimit - len(message))
		if err != nil {
			return nil, err
		}
		switch opcode {
		case wsText, wsContinuation:
			if message == nil {
				message = payload
			} else {
				message = append(message, payload...)
			}
			if last {
				return message, nil
			}
		case wsPing:
			if err := w.writeFrame(wsPong, payload); err != nil {
				return nil, err
			}
		case wsPong:
		case wsClose:
			return nil, io.EOF
		default:
			return nil, fmt.Errorf("unexpected websocket frame of type %d", opcode)
		}
	}
}

func (w *websocket) readFrame(limit int) (last bool, opcode byte, payload []byte, err error) {
	var head [2]byte
	if _, err := io.ReadFull(w.in, head[:]); err != nil {
		return false, 0, nil, err
	}
	last, opcode = head[0]&0x80 != 0, head[0]&0x0f
	if head[0]&0x70 != 0 || head[1]&0x80 != 0 {
		return false, 0, nil, errors.New("a websocket frame with an extension, or masked by the server")
	}
	size := uint64(head[1])
	switch size {
	case 126:
		var b [2]byte
		_, err = io.ReadFull(w.in, b[:])
		size = uint64(binary.BigEndian.Uint16(b[:]))
	case 127:
		var b [8]byte
		_, err = io.ReadFull(w.in, b[:])
		size = binary.BigEndian.Uint64(b[:])
	}
	if err != nil {
		return false, 0, nil, err
	}
	if size > uint64(limit) {
		return false, 0, nil, fmt.Errorf("a websocket message of more than %d bytes", wsLimit)
	}
	payload = make([]byte, size)
	_, err = io.ReadFull(w.in, payload)
	return last, opcode, payload, err
}

func (w *websocket) write(message []byte) error { return w.writeFrame(wsText, message) }

func (w *websocket) writeFrame(opcode byte, payload []byte) error {
	frame := make([]byte, 0, 14+len(payload))
	frame = append(frame, 0x80|opcode)
	switch n := len(payload); {
	case n < 126:
		frame = append(frame, 0x80|byte(n))
	case n < 1<<16:
		frame = binary.BigEndian.AppendUint16(append(frame, 0x80|126), uint16(n))
	default:
		frame = binary.BigEndian.AppendUint64(append(frame, 0x80|127), uint64(n))
	}
	var mask [4]byte
	rand.Read(mask[:]) // never fails
	frame = append(frame, mask[:]...)
	start := len(frame)
	frame = append(frame, payload...)
	for i := range payload {
		frame[start+i] ^= mask[i%4]
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	_, err := w.conn.Write(frame)
	return err
}

func (w *websocket) Close() error { return w.conn.Close() }
