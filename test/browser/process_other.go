//go:build !unix

package browser

import (
	"fmt"
	"os/exec"
	"runtime"
)

// group would be the processes of a browser.
type group struct{}

func newGroup() (*group, error) {
	return nil, fmt.Errorf("browser: browsers cannot be driven on %s: %w; use Linux or macOS", runtime.GOOS, ErrEngine)
}

func (*group) join(*exec.Cmd) {}

func (*group) kill() {}

func (*group) end() {}
