//go:build unix

package live

import (
	"net"
	"syscall"
)

// raw is what a connection can be written by without waiting; nil where there is no such way.
func raw(conn net.Conn) syscall.RawConn {
	known, ok := conn.(syscall.Conn)
	if !ok {
		return nil
	}
	raw, err := known.SyscallConn()
	if err != nil {
		return nil // then it is written as any other
	}
	return raw
}

// try writes as much as goes without waiting, and returns how much that was. Where the connection has ended, that shows itself to
// who waits for it.
func (s *socket) try(p []byte) (n int) {
	if s.raw == nil || len(p) == 0 {
		return 0
	}
	err := s.raw.Write(func(fd uintptr) bool {
		var err error
		if n, err = syscall.Write(int(fd), p); err != nil {
			n = 0
		}
		return true // do not wait until more can be written
	})
	if err != nil {
		return 0
	}
	return n
}
