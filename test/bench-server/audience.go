//go:build linux

package main

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"syscall"
	"time"

	"github.com/larder-sync/larder/test/process"
)

// audience are those who listen to a server: many streams that are read now and then, in one thread. When something came it hears
// from the kernel, which notes the time at which each segment arrives. So it may read when the servers have done their work: what
// it takes for itself on the machine that it shares with them is in none of the delays.
type audience struct {
	epoll   int
	sockets []int

	events    []syscall.EpollEvent
	text, oob []byte
}

func newAudience() (*audience, error) {
	epoll, err := syscall.EpollCreate1(syscall.EPOLL_CLOEXEC)
	return &audience{epoll: epoll, events: make([]syscall.EpollEvent, 256), text: make([]byte, 64<<10), oob: make([]byte, 128)}, err
}

// join opens a stream, reads of it up to a text and the end of its line, and returns that.
func (a *audience) join(p *process.Server, path, until string) ([]byte, error) {
	address, err := netip.ParseAddrPort(p.Address)
	if err != nil {
		return nil, err
	}
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	a.sockets = append(a.sockets, fd)
	if err := syscall.SetsockoptInt(fd, syscall.SOL_SOCKET, syscall.SO_TIMESTAMPNS, 1); err != nil {
		return nil, err
	}
	if err := syscall.Connect(fd, &syscall.SockaddrInet4{Port: int(address.Port()), Addr: address.Addr().As4()}); err != nil {
		return nil, err
	}
	if _, err := syscall.Write(fd, appendRequest(nil, http.MethodGet, path, "text/event-stream", "")); err != nil {
		return nil, err
	}
	var text []byte
	for {
		piece := make([]byte, 4<<10)
		n, err := syscall.Read(fd, piece)
		if err != nil || n <= 0 {
			return nil, fmt.Errorf("GET %s: %w after %q", path, err, text)
		}
		text = append(text, piece[:n]...)
		if _, line, ok := bytes.Cut(text, []byte(until)); ok && bytes.ContainsRune(line, '\n') {
			break
		}
	}
	return text, syscall.EpollCtl(a.epoll, syscall.EPOLL_CTL_ADD, fd, &syscall.EpollEvent{Events: syscall.EPOLLIN, Fd: int32(fd)})
}

// listen calls heard with what the streams have brought, in pieces, and with the time at which the last segment of each came.
func (a *audience) listen(heard func(text []byte, at time.Time)) error {
	for {
		count, err := syscall.EpollWait(a.epoll, a.events, 0)
		if err != nil && err != syscall.EINTR {
			return err
		}
		if count <= 0 {
			return nil
		}
		for _, e := range a.events[:count] {
			n, oobn, _, _, err := syscall.Recvmsg(int(e.Fd), a.text, a.oob, 0)
			if n <= 0 {
				return fmt.Errorf("a stream ended: %v", err)
			}
			at, err := arrival(a.oob[:oobn])
			if err != nil {
				return err
			}
			heard(a.text[:n], at)
		}
	}
}

// arrival reads the time that the kernel noted.
func arrival(oob []byte) (time.Time, error) {
	list, err := syscall.ParseSocketControlMessage(oob)
	if err != nil {
		return time.Time{}, err
	}
	for _, m := range list {
		if m.Header.Level == syscall.SOL_SOCKET && m.Header.Type == syscall.SCM_TIMESTAMPNS && len(m.Data) >= 16 {
			return time.Unix(int64(binary.NativeEndian.Uint64(m.Data)), int64(binary.NativeEndian.Uint64(m.Data[8:]))), nil
		}
	}
	return time.Time{}, errors.New("the kernel does not tell when something came")
}

func (a *audience) close() {
	for _, fd := range append(a.sockets, a.epoll) {
		_ = syscall.Close(fd) // nobody reads it any more
	}
}
