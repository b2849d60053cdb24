package main

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
)

// process is a running server.
type process struct {
	cmd *exec.Cmd
	url string // without a slash at the end

	mu    sync.Mutex
	grew  *sync.Cond
	log   strings.Builder // all that it wrote to stderr so far
	ended bool            // and will not write more
}

// startProcess starts a server on a free port and waits until it serves. Of its environment, what stands for flags is
// getenv's.
func startProcess(dir string, getenv func(string) string, args ...string) (*process, error) {
	return startUnder(nil, dir, getenv, args...)
}

// startUnder is startProcess by another program, which is told what to run after its own arguments.
func startUnder(under []string, dir string, getenv func(string) string, args ...string) (*process, error) {
	name, err := exec.LookPath("larder")
	if err != nil {
		return nil, err
	}
	line := slices.Concat(under, []string{name, "serve", "--addr", "127.0.0.1:0"}, args)
	p := &process{cmd: exec.Command(line[0], line[1:]...)}
	p.grew = sync.NewCond(&p.mu)
	p.cmd.Dir = dir
	p.cmd.Env = os.Environ()
	for _, name := range flagVariables() {
		p.cmd.Env = append(p.cmd.Env, name+"="+getenv(name))
	}
	stderr, err := p.cmd.StderrPipe()
	if err != nil {
		return nil, err
	}
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		for in := bufio.NewScanner(stderr); in.Scan(); {
			p.mu.Lock()
			p.log.WriteString(in.Text() + "\n")
			p.mu.Unlock()
			p.grew.Broadcast()
		}
		p.mu.Lock()
		p.ended = true
		p.mu.Unlock()
		p.grew.Broadcast()
	}()
	if p.url = p.await(`larder: serving (https?://\S+)/ `); p.url == "" {
		p.kill()
		return nil, fmt.Errorf("the server ended before it served:\n%s", p.text())
	}
	return p, nil
}

// await waits for a line in the log, and returns what the pattern's parentheses hold; "" if the server ends without it.
func (p *process) await(pattern string) string {
	line := regexp.MustCompile(`(?m)^` + pattern)
	p.mu.Lock()
	defer p.mu.Unlock()
	for {
		if m := line.FindStringSubmatch(p.log.String()); m != nil {
			return m[1]
		}
		if p.ended {
			return ""
		}
		p.grew.Wait()
	}
}

// text is the log so far.
func (p *process) text() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.log.String()
}

// terminate asks the server to end.
func (p *process) terminate() error { return p.cmd.Process.Signal(syscall.SIGTERM) }

// wait waits until the server has ended, and returns how it did.
func (p *process) wait() error {
	p.mu.Lock()
	for !p.ended {
		p.grew.Wait()
	}
	p.mu.Unlock()
	return p.cmd.Wait()
}

func (p *process) kill() {
	_ = p.cmd.Process.Kill() // it may have ended already
	_ = p.wait()             // says that it was killed
}
