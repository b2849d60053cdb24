// Package process runs the servers that benchmarks load, and says what they use of the machine. It reads Linux's /proc.
package process

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// patience is how long a server may take until it answers.
const patience = time.Minute

// Server is a running program that answers HTTP. It is not safe for concurrent use.
type Server struct {
	Address string // HOST:PORT
	URL     string // without a slash at its end
	cmd     *exec.Cmd
}

// FreeAddress returns an address of this machine that nobody listens on.
func FreeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}

// Start runs a program in a folder until it answers at a path of an address, with whatever status. What it prints goes to the
// folder's file "log", which the error quotes if it never answers.
func Start(dir, address, path, program string, args ...string) (*Server, error) {
	log, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		return nil, err
	}
	defer log.Close()
	s := &Server{Address: address, URL: "http://" + address, cmd: exec.Command(program, args...)}
	s.cmd.Dir, s.cmd.Stdout, s.cmd.Stderr = dir, log, log
	if err := s.cmd.Start(); err != nil {
		return nil, err
	}
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		if r, err := http.Get(s.URL + path); err == nil {
			r.Body.Close()
			return s, nil
		}
	}
	s.Stop()
	text, err := os.ReadFile(filepath.Join(dir, "log"))
	return nil, errors.Join(fmt.Errorf("%s does not answer:\n%s", program, text), err)
}

// Stop kills the server and waits for its end.
func (s *Server) Stop() {
	_ = s.cmd.Process.Kill() // it may have ended already
	_ = s.cmd.Wait()         // says that it was killed
}

// CPU returns the processor time that the server's threads have used, those that it has now. A difference of two is what was used
// between them: it is to the nanosecond, as the scheduler counts it, where /proc/PID/stat has hundredths of a second.
func (s *Server) CPU() (time.Duration, error) {
	threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", s.cmd.Process.Pid))
	if err != nil || len(threads) == 0 {
		return 0, fmt.Errorf("%s has ended", s.cmd.Path)
	}
	var sum time.Duration
	for _, name := range threads {
		text, err := os.ReadFile(name)
		if err != nil {
			continue // a thread that has just ended
		}
		first, _, _ := strings.Cut(string(text), " ")
		n, err := strconv.ParseInt(first, 10, 64)
		if err != nil {
			return 0, fmt.Errorf("%s: %w", name, err)
		}
		sum += time.Duration(n)
	}
	return sum, nil
}

// Memory returns what the server holds in memory, in bytes.
func (s *Server) Memory() (int64, error) {
	return status(s.cmd.Process.Pid, "VmRSS")
}

// Peak returns the most that a process has ever held in memory, in bytes; 0 if it has ended.
func Peak(pid int) (int64, error) {
	n, err := status(pid, "VmHWM")
	if errors.Is(err, os.ErrNotExist) {
		return 0, nil
	}
	return n, err
}

// status reads one line of a process's status, which is in kB.
func status(pid int, name string) (int64, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(text)) {
		if value, ok := strings.CutPrefix(line, name+":"); ok {
			n, err := strconv.ParseInt(strings.Fields(value)[0], 10, 64)
			return n << 10, err
		}
	}
	return 0, fmt.Errorf("/proc/%d/status has no %s", pid, name)
}
