//go:build unix

package browser

import (
	"fmt"
	"io"
	"os/exec"
	"sync"
	"syscall"
)

// group is a process group whose leader is a shell that does nothing but wait for our end of a pipe to close, and then
// kills them all. So they end with this process however it ends, and the group's number stays ours until we say so.
type group struct {
	leader *exec.Cmd
	alive  io.Closer

	mu    sync.Mutex
	ended bool
}

func newGroup() (*group, error) {
	leader := exec.Command("/bin/sh", "-c", "read -r line; kill -s KILL 0")
	leader.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	alive, err := leader.StdinPipe()
	if err == nil {
		err = leader.Start()
	}
	if err != nil {
		return nil, fmt.Errorf("browser: a process group: %w", err)
	}
	return &group{leader: leader, alive: alive}, nil
}

// join makes cmd, which is to be started, a member.
func (g *group) join(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pgid: g.leader.Process.Pid}
}

// kill kills all members.
func (g *group) kill() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.ended { // after that the number may be another's
		_ = syscall.Kill(-g.leader.Process.Pid, syscall.SIGKILL) // the leader is there, so it cannot fail
	}
}

// end kills what is left and gives the group's number back.
func (g *group) end() {
	g.kill()
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.ended {
		g.ended = true
		_ = g.leader.Wait() // it was killed
		_ = g.alive.Close()
	}
}
