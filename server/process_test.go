package main

import (
	"bufio"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"syscall"
)

// process is a running server.
type process struct {
	cmd  *exec.Cmd
	url  chan string   // gets the address once it serves; closed when it has ended
	done chan struct{} // closed when all that it wrote was read

	mu    sync.Mutex
	lines strings.Builder
}

var serving = regexp.MustCompile(`^larder: serving (http://\S+)/ `)

// startProcess starts a server on a free port. Of its environment, what stands for flags is getenv's.
func startProcess(dir string, getenv func(string) string, args []string) (*process, error) {
	name, err := exec.LookPath("larder")
	if err != nil {
		return nil, err
	}
	p := &process{
		cmd:  exec.Command(name, append([]string{"serve", "--addr", "127.0.0.1:0"}, args...)...),
		url:  make(chan string, 1),
		done: make(chan struct{}),
	}
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
		defer close(p.done)
		defer close(p.url)
		for in := bufio.NewScanner(stderr); in.Scan(); {
			p.mu.Lock()
			p.lines.WriteString(in.Text() + "\n")
			p.mu.Unlock()
			if m := serving.FindStringSubmatch(in.Text()); m != nil {
				p.url <- m[1]
			}
		}
	}()
	return p, nil
}

// log is what the server has written to stderr so far.
func (p *process) log() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.lines.String()
}

// terminate asks the server to end, and returns how it did.
func (p *process) terminate() error {
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	<-p.done
	return p.cmd.Wait()
}

func (p *process) kill() {
	_ = p.cmd.Process.Kill() // it may have ended already
	<-p.done
	_ = p.cmd.Wait() // says that it was killed
}
