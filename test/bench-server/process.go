//go:build linux

package main

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/larder-sync/larder/test/cputime"
)

// process is a server under load, and what it uses of the machine.
type process struct {
	cmd     *exec.Cmd
	address string
	url     string
}

// freeAddress returns an address that nobody listens on.
func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}

// start runs a program until its server answers at a path. What it logs goes to a file in its folder.
func start(dir, address, path, program string, args ...string) (*process, error) {
	log, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		return nil, err
	}
	defer log.Close()
	p := &process{cmd: exec.Command(program, args...), address: address, url: "http://" + address}
	p.cmd.Dir, p.cmd.Stdout, p.cmd.Stderr = dir, log, log
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	for range 300 {
		if r, err := http.Get(p.url + path); err == nil {
			r.Body.Close()
			return p, nil
		}
		time.Sleep(100 * time.Millisecond)
	}
	p.stop()
	text, _ := os.ReadFile(filepath.Join(dir, "log")) // without it the error has to do
	return nil, fmt.Errorf("%s does not answer:\n%s", program, text)
}

func (p *process) stop() {
	_ = p.cmd.Process.Kill() // it may have ended already
	_ = p.cmd.Wait()         // says that it was killed
}

// cpu returns the processor time that the server has used.
func (p *process) cpu() (time.Duration, error) { return cputime.Of(p.cmd.Process.Pid) }

// memory returns what the server holds in memory, in bytes.
func (p *process) memory() (int64, error) {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", p.cmd.Process.Pid))
	if err != nil {
		return 0, err
	}
	pages, err := strconv.ParseInt(strings.Fields(string(data))[1], 10, 64)
	return pages * int64(os.Getpagesize()), err
}
