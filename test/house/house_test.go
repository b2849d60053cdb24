// Package house_test holds the code to the rules of the house: who may import whom, what every package says of itself,
// and how long a file may be.
package house_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"go/parser"
	"go/token"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/larder-sync/larder"

// heavy are packages that would make the engine larger than its budget bears, or than it needs.
var heavy = []string{"net/http", "net/url", "log/slog", "regexp", "database/sql", "encoding/json"}

// borne are those of them that go-indexeddb and uuid import all the same.
var borne = []string{"encoding/json"}

// How long a file of Go or JavaScript may be, and a list of tests. Beyond it are only those in long, and no longer than
// said there.
const (
	maxLines     = 400
	maxTestLines = 600
)

var long = map[string]int{
	"table/json.go":   450, // one reader and writer of JSON, whose parts call each other
	"wasm/idb/idb.js": 500, // one script, which a page loads as it is
}

// pkg is what go list tells of a package.
type pkg struct {
	ImportPath, Name, Doc, Dir         string
	Imports, TestImports, XTestImports []string
	GoFiles, TestGoFiles, XTestGoFiles []string
	Deps                               []string
}

// all are the imports of the package and of its tests.
func (p *pkg) all() []string { return slices.Concat(p.Imports, p.TestImports, p.XTestImports) }

// part is where in the module the package lies: "wasm/store".
func (p *pkg) part() string { return strings.TrimPrefix(strings.TrimPrefix(p.ImportPath, module), "/") }

// list asks the Go tool for packages, for this machine or for the browser.
func list(t *testing.T, browser bool, patterns ...string) []*pkg {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", append([]string{"list", "-json"}, patterns...)...)
	cmd.Dir = "../.."
	if browser {
		cmd.Env = append(os.Environ(), "GOOS=js", "GOARCH=wasm")
	}
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, &stderr)
	}
	var packages []*pkg
	for d := json.NewDecoder(bytes.NewReader(out)); ; {
		p := &pkg{}
		if err := d.Decode(p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		packages = append(packages, p)
	}
	if len(packages) == 0 {
		t.Fatalf("go list finds nothing in %v", patterns)
	}
	return packages
}

// within reports whether the import is of a part of this module.
func within(imported string, parts ...string) bool {
	return slices.ContainsFunc(parts, func(part string) bool {
		return imported == module+"/"+part || strings.HasPrefix(imported, module+"/"+part+"/")
	})
}

func TestImports(t *testing.T) {
	native := list(t, false, "./...")
	engine := list(t, true, "./table/...", "./wasm/...")

	t.Run("nothing in the browser imports what is heavy", func(t *testing.T) {
		for _, p := range slices.Concat(native, engine) {
			if !within(p.ImportPath, "table", "wasm") {
				continue
			}
			for _, imported := range p.Imports {
				if slices.Contains(heavy, imported) {
					t.Errorf("%s imports %s", p.part(), imported)
				}
			}
			if p.part() != "wasm/engine" {
				continue
			}
			for _, dep := range p.Deps {
				if slices.Contains(heavy, dep) && !slices.Contains(borne, dep) {
					t.Errorf("the engine holds %s", dep)
				}
			}
		}
	})
	t.Run("table is the ground: it imports nothing of ours", func(t *testing.T) {
		for _, p := range slices.Concat(native, engine) {
			for _, imported := range p.all() {
				if within(p.ImportPath, "table") && strings.HasPrefix(imported, module) && !within(imported, "table") {
					t.Errorf("%s imports %s", p.part(), imported)
				}
			}
		}
	})
	t.Run("browser and server never meet, in tests neither", func(t *testing.T) {
		for _, p := range slices.Concat(native, engine) {
			for _, imported := range p.all() {
				switch {
				case within(p.ImportPath, "wasm") && within(imported, "server", "manifest"),
					within(p.ImportPath, "server", "manifest") && within(imported, "wasm"):
					t.Errorf("%s imports %s", p.part(), imported)
				}
			}
		}
	})
	t.Run("nothing that is shipped imports the tests' tools", func(t *testing.T) {
		for _, p := range slices.Concat(native, engine) {
			for _, imported := range p.Imports {
				if !within(p.ImportPath, "test") && within(imported, "test") {
					t.Errorf("%s imports %s", p.part(), imported)
				}
			}
		}
	})
}

func TestPackages(t *testing.T) {
	packages := list(t, false, "./...")
	for _, p := range list(t, true, "./table/...", "./wasm/...") {
		if !slices.ContainsFunc(packages, func(q *pkg) bool { return q.ImportPath == p.ImportPath }) {
			packages = append(packages, p)
		}
	}
	t.Run("each says what it is for", func(t *testing.T) {
		for _, p := range packages {
			doc := p.Doc
			if len(p.GoFiles) == 0 {
				doc = testDoc(t, p)
			}
			if doc == "" {
				t.Errorf("%s has no package comment", p.part())
			}
		}
	})
	t.Run("each is named after a thing", func(t *testing.T) {
		for _, p := range packages {
			for _, name := range []string{p.Name, path.Base(p.ImportPath)} {
				switch strings.TrimSuffix(strings.TrimSuffix(name, "_test"), "s") {
				case "util", "utilitie", "helper", "manager", "common", "misc", "base", "lib":
					t.Errorf("%s is called %s, which says nothing", p.part(), name)
				}
			}
		}
	})
	t.Run("the house has its rooms", func(t *testing.T) {
		for _, dir := range []string{"table", "wasm/idb", "wasm/store", "wasm/replica", "wasm/browser", "wasm/engine", "sw", "manifest",
			"server/api", "server/feed", "server/static", "server/db/sqlite", "web", "test"} {
			entries, err := os.ReadDir(filepath.Join("../..", dir))
			if err != nil || len(entries) == 0 {
				t.Errorf("%s is not there, or empty (%v)", dir, err)
			}
		}
	})
}

// testDoc is the package comment of a package that has test files only.
func testDoc(t *testing.T, p *pkg) string {
	for _, name := range slices.Concat(p.TestGoFiles, p.XTestGoFiles) {
		f, err := parser.ParseFile(token.NewFileSet(), filepath.Join(p.Dir, name), nil, parser.PackageClauseOnly|parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		if f.Doc != nil {
			return f.Doc.Text()
		}
	}
	return ""
}

func TestFiles(t *testing.T) {
	root := os.DirFS("../..")
	seen := 0
	err := fs.WalkDir(root, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() {
			switch {
			case name == ".":
			case strings.HasPrefix(entry.Name(), "."), entry.Name() == "node_modules", name == "bin", name == "build", name == "dist", name == "data":
				return fs.SkipDir
			}
			return nil
		}
		if ext := path.Ext(name); ext != ".go" && ext != ".js" {
			return nil
		}
		seen++
		text, err := fs.ReadFile(root, name)
		if errors.Is(err, fs.ErrNotExist) {
			return nil // somebody's temporary file
		}
		if err != nil {
			return err
		}
		lines, limit := bytes.Count(text, []byte("\n")), maxLines
		if strings.HasSuffix(name, "_test.go") {
			limit = maxTestLines
		}
		if exception, ok := long[name]; ok && lines <= limit {
			t.Errorf("%s has %d lines and needs no exception any more", name, lines)
		} else if ok {
			limit = exception
		}
		if lines > limit {
			t.Errorf("%s has %d lines: split it by what it is about (%d is the limit)", name, lines, limit)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if seen < 100 {
		t.Errorf("only %d files were looked at", seen)
	}
}
