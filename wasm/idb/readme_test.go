//go:build !js

package idb_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// Every Go name in the README's tables is one of the package, and its comment leads to the specification, which
// knows nothing of Rows.
func TestReadmeNamesWhatIsThere(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	there := exported(t)
	found := 0
	for _, line := range strings.Split(string(readme), "\n") {
		if !strings.HasPrefix(line, "| IDB") {
			continue
		}
		for _, m := range regexp.MustCompile("`([A-Z]\\w*(?:\\.[A-Z]\\w*)?)`").FindAllStringSubmatch(line, -1) {
			found++
			comment, is := there[m[1]]
			if !is {
				t.Errorf("there is no %s: %s", m[1], line)
			} else if comment != field && !strings.HasPrefix(m[1], "Rows.") && !strings.Contains(comment, "Specification: https://w3c.github.io/IndexedDB/#") {
				t.Errorf("the comment of %s does not lead to the specification", m[1])
			}
		}
	}
	if found < 80 {
		t.Errorf("%d names found in the README: the test does not look right", found)
	}
}

// field stands for the comment of what is no function, and is spoken of in its type's.
const field = "-"

// exported returns the comments of the package's exported names, with the methods and fields of types as Type.Name. What
// stores and indexes have in common is of both.
func exported(t *testing.T) map[string]string {
	t.Helper()
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]string{}
	for _, path := range files {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range file.Decls {
			switch d := d.(type) {
			case *ast.FuncDecl:
				if d.Recv == nil {
					names[d.Name.Name] = d.Doc.Text()
					continue
				}
				types := []string{base(d.Recv.List[0].Type)}
				if types[0] == "source" {
					types = []string{"Store", "Index"}
				}
				for _, name := range types {
					names[name+"."+d.Name.Name] = d.Doc.Text()
				}
			case *ast.GenDecl:
				for _, spec := range d.Specs {
					switch spec := spec.(type) {
					case *ast.ValueSpec:
						for _, n := range spec.Names {
							names[n.Name] = field
						}
					case *ast.TypeSpec:
						names[spec.Name.Name] = field
						if s, ok := spec.Type.(*ast.StructType); ok {
							for _, f := range s.Fields.List {
								for _, n := range f.Names {
									names[spec.Name.Name+"."+n.Name] = field
								}
							}
						}
					}
				}
			}
		}
	}
	return names
}

// base returns the name of a receiver's type.
func base(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.StarExpr:
		return base(e.X)
	case *ast.IndexExpr:
		return base(e.X)
	case *ast.Ident:
		return e.Name
	}
	return ""
}
