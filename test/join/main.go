// Command join makes one JavaScript module of a module and all that it imports, so that a page asks for one file and not
// for twenty, one after another has named the next.
//
//	join FILE.js
//
// The file is replaced. It knows the forms that Larder's own modules use, each at the beginning of a line: import of names
// or of a whole module for what it does, export of functions, classes and constants, and of another module's names. Paths
// in `new URL('…', import.meta.url)` and `import('…')` stay right. Anything else is an error. Comments that have lines of
// their own are left out: nobody reads them there.
package main

import (
	"fmt"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: join FILE.js")
		os.Exit(2)
	}
	if err := replace(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "join:", err)
		os.Exit(1)
	}
}

func replace(file string) error {
	dir, name := filepath.Split(file)
	joined, err := join(os.DirFS(filepath.Clean(dir)).(fileReader), name)
	if err != nil {
		return err
	}
	return os.WriteFile(file, []byte(joined), 0o644)
}

type fileReader interface {
	ReadFile(name string) ([]byte, error)
}

// joiner gathers modules, each behind those that it imports.
type joiner struct {
	files   fileReader
	out     strings.Builder
	numbers map[string]int // of the modules that are in, from 1 on; 0 while one is being read
	count   int
}

var (
	importing = regexp.MustCompile(`(?m)^(import|export) (?:(\{[^}]*\}) from )?'(\.[^']*)';\n`)
	exporting = regexp.MustCompile(`(?m)^export ((?:async )?function\*?|class|const) (\w+)`)
	located   = regexp.MustCompile(`(new URL\(|\bimport\()'(\.[^']*)'`)
	left      = regexp.MustCompile(`(?m)^(?:import|export)\b.*`)
	renaming  = regexp.MustCompile(`(\w+) as (\w+)`)
)

// join returns the module with all that it imports.
func join(files fileReader, name string) (string, error) {
	j := &joiner{files: files, numbers: map[string]int{}}
	names, err := j.add(name)
	if err != nil {
		return "", err
	}
	fmt.Fprintf(&j.out, "export const { %s } = m%d;\n", strings.Join(names, ", "), j.numbers[name])
	return j.out.String(), nil
}

// add writes a module, after those that it imports, and returns the names that it exports.
func (j *joiner) add(name string) (names []string, err error) {
	data, err := j.files.ReadFile(name)
	if err != nil {
		return nil, err
	}
	text := uncommented(string(data))
	j.numbers[name] = 0
	for _, m := range importing.FindAllStringSubmatch(text, -1) {
		from := path.Join(path.Dir(name), m[3])
		number, seen := j.numbers[from]
		if seen && number == 0 {
			return nil, fmt.Errorf("%s and %s import each other", name, from)
		}
		if !seen {
			if _, err := j.add(from); err != nil {
				return nil, err
			}
		}
		if m[1] == "export" {
			for _, n := range strings.Split(strings.Trim(m[2], "{ \n}"), ",") {
				if n = strings.TrimSpace(n); n != "" {
					names = append(names, n)
				}
			}
		}
	}
	text = importing.ReplaceAllStringFunc(text, func(statement string) string {
		m := importing.FindStringSubmatch(statement)
		if m[2] == "" {
			return ""
		}
		return fmt.Sprintf("const %s = m%d;\n", renaming.ReplaceAllString(m[2], "$1: $2"), j.numbers[path.Join(path.Dir(name), m[3])])
	})
	for _, m := range exporting.FindAllStringSubmatch(text, -1) {
		names = append(names, m[2])
	}
	text = exporting.ReplaceAllString(text, "$1 $2")
	text = located.ReplaceAllStringFunc(text, func(call string) string {
		m := located.FindStringSubmatch(call)
		return m[1] + strconv.Quote("./"+path.Join(path.Dir(name), m[2]))
	})
	if bad := left.FindString(text); bad != "" {
		return nil, fmt.Errorf("%s: this form is not known: %s", name, bad)
	}
	slices.Sort(names)
	j.count++
	j.numbers[name] = j.count
	fmt.Fprintf(&j.out, "const m%d = (() => { // %s\n%sreturn { %s };\n})();\n", j.count, name, text, strings.Join(names, ", "))
	return names, nil
}

// uncommented leaves out the lines that are nothing but a comment, where they are not part of a template's text.
func uncommented(text string) string {
	var out strings.Builder
	template, comment := false, false
	for line := range strings.Lines(text) {
		start := strings.TrimSpace(line)
		switch {
		case comment:
			comment = !strings.HasSuffix(start, "*/")
		case !template && strings.HasPrefix(start, "//"):
		case !template && strings.HasPrefix(start, "/*") && (!strings.Contains(start, "*/") || strings.HasSuffix(start, "*/")):
			comment = !strings.Contains(start, "*/")
		default:
			if strings.Count(line, "`")%2 == 1 {
				template = !template
			}
			out.WriteString(line)
		}
	}
	return out.String()
}
