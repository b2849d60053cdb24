//go:build linux

package main

import (
	"bytes"
	"fmt"
	"net/http"
	"net/netip"
	"syscall"

	"github.com/larder-sync/larder/test/process"
)

// audience are those who listen to a server: many streams that are read in one thread, each as soon as something came, with as
// little work as the system allows. All that it takes for itself would be in the delays that it measures.
type audience struct {
	epoll   int
	sockets []int
}

func newAudience() (*audience, error) {
	epoll, err := syscall.EpollCreate1(syscall.EPOLL_CLOEXEC)
	return &audience{epoll: epoll}, err
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

// listen calls heard with what the streams bring, in pieces as they come, until stop is closed.
func (a *audience) listen(stop <-chan struct{}, heard func(text []byte)) error {
	events, text := make([]syscall.EpollEvent, 64), make([]byte, 64<<10)
	for {
		select {
		case <-stop:
			return nil
		default:
		}
		count, err := syscall.EpollWait(a.epoll, events, 50)
		if err != nil && err != syscall.EINTR {
			return err
		}
		for _, e := range events[:max(count, 0)] {
			n, err := syscall.Read(int(e.Fd), text)
			if n <= 0 {
				return fmt.Errorf("a stream ended: %v", err)
			}
			heard(text[:n])
		}
	}
}

func (a *audience) close() {
	for _, fd := range append(a.sockets, a.epoll) {
		_ = syscall.Close(fd) // nobody reads it any more
	}
}
