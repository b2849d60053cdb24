package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// source is the text of a folder's tests, and the names of those that go test runs.
func source(t *testing.T, folder string) (text string, tests map[string]bool) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("../..", folder, "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	tests = map[string]bool{}
	for _, name := range files {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		text += string(data)
		f, err := parser.ParseFile(token.NewFileSet(), name, data, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range f.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv == nil {
				tests[fn.Name.Name] = true
			}
		}
	}
	return text, tests
}

func TestList(t *testing.T) {
	if len(faults) != 35 {
		t.Errorf("there are %d faults", len(faults))
	}
	for i, f := range faults {
		if want := fmt.Sprint("F", i+1); f.name != want || f.what == "" {
			t.Errorf("fault %d is called %s: %q", i+1, f.name, f.what)
		}
		if len(f.proofs) == 0 {
			t.Errorf("%s is shown by no test", f.name)
		}
		for _, p := range f.proofs {
			text, tests := source(t, p.pkg)
			name, sub, _ := strings.Cut(p.test, "/")
			if !tests[name] || sub != "" && !strings.Contains(text, sub) {
				t.Errorf("%s: %s has no test %s", f.name, p.pkg, p.test)
			}
			if p.met != "" && !strings.Contains(text, p.met) {
				t.Errorf("%s: nothing in %s tells of %q", f.name, p.pkg, p.met)
			}
		}
	}
}

func TestPage(t *testing.T) {
	written, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range faults {
		row := "| " + f.name + " | " + f.what + " |"
		_, rest, there := strings.Cut(string(written), row)
		line, _, _ := strings.Cut(rest, "\n")
		if !there {
			t.Errorf("%s is not in the page: `make faults` writes it", f.name)
		}
		for _, p := range f.proofs {
			if there && !strings.Contains(line, label(p)) {
				t.Errorf("%s: the page does not tell of %s: `make faults` writes it", f.name, label(p))
			}
		}
	}
}
