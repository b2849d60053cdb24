// Package types_test holds web/larder.d.ts against the TypeScript compiler, with what apps write and what must be refused
// (sample.ts), and against the JavaScript that it describes (members.js).
package types_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

func TestTypes(t *testing.T) {
	if _, err := exec.LookPath("node"); err != nil {
		t.Fatal("node is not installed: run make deps, or install Node.js 20 or newer with npm")
	}
	look(t, "*.ts", "*.js", "*.json", "../../web/*.d.ts", "../../web/larder.js", "../../web/larder/*.js", "../../table/error.go")
	if _, err := os.Stat("node_modules/typescript/package.json"); err != nil {
		run(t, "npm", "ci", "--no-audit", "--no-fund")
	}
	t.Run("good uses compile, and bad uses do not", func(t *testing.T) {
		run(t, "npx", "--no-install", "tsc", "--noEmit")
	})
	t.Run("the types name what the JavaScript has", func(t *testing.T) {
		run(t, "node", "members.js")
	})
}

// look opens what the programs will read: go test runs a test again when a file that it opened has changed.
func look(t *testing.T, patterns ...string) {
	t.Helper()
	for _, pattern := range patterns {
		names, err := filepath.Glob(pattern)
		if err != nil || len(names) == 0 {
			t.Fatalf("there is no %s (%v)", pattern, err)
		}
		for _, name := range names {
			if _, err := os.ReadFile(name); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// run runs a program in this folder and fails the test with what it prints if it fails.
func run(t *testing.T, name string, args ...string) {
	t.Helper()
	if out, err := exec.CommandContext(t.Context(), name, args...).CombinedOutput(); err != nil {
		t.Fatalf("%s %v: %v\n%s", name, args, err, out)
	}
}
