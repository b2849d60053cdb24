//go:build !unix

package browser

import (
	"fmt"
	"os/exec"
	"runtime"
)

func setGroup(*exec.Cmd) error {
	return fmt.Errorf("browser: browsers cannot be driven on %s: %w; use Linux or macOS", runtime.GOOS, ErrEngine)
}

func killGroup(*exec.Cmd) {}
