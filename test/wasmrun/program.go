package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/larder-sync/larder/test/browser"
)

// program is what to run: what the page is told of it (the JSON part), and what the runner knows besides.
type program struct {
	Args    []string          `json:"args"`
	Env     map[string]string `json:"env"`
	Cwd     string            `json:"cwd"`
	Root    string            `json:"root"` // folder of the module, whose files can be read; "" if there is none
	Outputs outputs           `json:"outputs"`
	Scripts []string          `json:"scripts"` // loaded before the program, in this order
	Worker  bool              `json:"worker"`

	engine   browser.Engine
	wasm     string        // file of the program
	wasmExec string        // file of Go's own support script
	helpers  []string      // files of the module's support scripts
	timeout  time.Duration // 0 for none
	isolated bool
}

// outputs are the places, absolute paths, whose files get from the program's memory to the disk.
type outputs struct {
	Files   []string `json:"files"`
	Folders []string `json:"folders"`
}

// holds tells whether a file may be written.
func (o outputs) holds(path string) bool {
	if !filepath.IsAbs(path) || filepath.Clean(path) != path {
		return false
	}
	return slices.Contains(o.Files, path) || slices.ContainsFunc(o.Folders, func(folder string) bool {
		return strings.HasPrefix(path, folder+string(filepath.Separator))
	})
}

// environmentLimit keeps arguments and environment below the 8 KB that Go's wasm loader has room for.
const environmentLimit = 7 << 10

// newProgram finds out all about the program args[0] from its arguments, the environment and the current folder.
func newProgram(args, environ []string) (*program, error) {
	cwd, err := os.Getwd()
	if err != nil {
		return nil, fmt.Errorf("the current folder: %w", err)
	}
	env := make(map[string]string, len(environ))
	for _, entry := range environ {
		name, value, _ := strings.Cut(entry, "=")
		env[name] = value
	}
	p := &program{
		Args: args, Cwd: cwd, Root: moduleRoot(cwd), Env: meant(env),
		Outputs: outputs{Files: []string{}, Folders: []string{}},
		Worker:  env["WASMRUN_WORKER"] == "1",
		engine:  browser.Engine(env["WASMRUN_BROWSER"]), wasm: args[0], isolated: env["WASMRUN_ISOLATED"] == "1",
	}
	if _, err := os.Stat(p.wasm); err != nil {
		return nil, fmt.Errorf("the program: %w", err)
	}
	if p.wasmExec, err = wasmExec(); err != nil {
		return nil, err
	}
	if p.Root != "" {
		for _, helper := range [...]string{"wasm/idb/idb.js", "wasm/store/query.js"} {
			path := filepath.Join(p.Root, filepath.FromSlash(helper))
			if _, err := os.Stat(path); err == nil {
				p.helpers = append(p.helpers, path)
				p.Scripts = append(p.Scripts, filepath.Base(path))
			}
		}
	}
	p.Scripts = append(p.Scripts, "wasm_exec.js")
	if err := p.readFlags(args[1:]); err != nil {
		return nil, err
	}
	size := 0
	for _, a := range p.Args {
		size += len(a) + 16
	}
	for k, v := range p.Env {
		size += len(k) + len(v) + 17
	}
	if size > environmentLimit {
		return nil, fmt.Errorf("arguments and environment are %d bytes, and %d is what a program in a browser can have", size, environmentLimit)
	}
	return p, nil
}

// readFlags takes from the flags of a test binary what the runner must know: its timeout and the files it leaves.
func (p *program) readFlags(args []string) error {
	var names []string
	dir := p.Cwd
	absolute := func(path string) string {
		if filepath.IsAbs(path) {
			return filepath.Clean(path)
		}
		return filepath.Join(dir, path)
	}
	for _, arg := range args {
		name, value, ok := strings.Cut(arg, "=")
		if !ok || value == "" {
			continue
		}
		switch strings.TrimLeft(name, "-") {
		case "test.timeout":
			d, err := time.ParseDuration(value)
			if err != nil {
				return fmt.Errorf("-test.timeout: %w", err)
			}
			p.timeout = d
		case "test.outputdir":
			dir = absolute(value)
			p.Outputs.Folders = append(p.Outputs.Folders, dir)
		case "test.gocoverdir":
			p.Outputs.Folders = append(p.Outputs.Folders, absolute(value))
		case "test.coverprofile", "test.cpuprofile", "test.memprofile", "test.blockprofile", "test.mutexprofile", "test.trace", "test.testlogfile":
			names = append(names, value)
		}
	}
	if value := p.Env["GOCOVERDIR"]; value != "" {
		p.Outputs.Folders = append(p.Outputs.Folders, absolute(value))
	}
	for _, name := range names { // after the loop: they are relative to the output folder
		p.Outputs.Files = append(p.Outputs.Files, absolute(name))
	}
	return nil
}

// meant picks the variables that mean something to a program in a browser.
func meant(env map[string]string) map[string]string {
	wanted := append(strings.Split(env["WASMRUN_ENV"], ","), "GODEBUG", "GOGC", "GOMEMLIMIT", "GOTRACEBACK", "GOCOVERDIR", "TZ")
	picked := make(map[string]string)
	for name, value := range env {
		if strings.HasPrefix(name, "LARDER_") || slices.Contains(wanted, name) {
			picked[name] = value
		}
	}
	return picked
}

// moduleRoot returns the nearest folder from dir upwards that has a go.mod, or "".
func moduleRoot(dir string) string {
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		up := filepath.Dir(dir)
		if up == dir {
			return ""
		}
		dir = up
	}
}

// wasmExec finds the support script of the Go that is in use: another version's does not fit its programs.
func wasmExec() (string, error) {
	root := os.Getenv("GOROOT")
	if root == "" {
		out, err := exec.Command("go", "env", "GOROOT").Output()
		if err != nil {
			return "", fmt.Errorf("go env GOROOT: %w", err)
		}
		root = strings.TrimSpace(string(out))
	}
	path := filepath.Join(root, "lib", "wasm", "wasm_exec.js")
	if _, err := os.Stat(path); errors.Is(err, os.ErrNotExist) {
		return "", fmt.Errorf("%s is not there: the Go installation is incomplete, or older than 1.24", path)
	} else if err != nil {
		return "", err
	}
	return path, nil
}
