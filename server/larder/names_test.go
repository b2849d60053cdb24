package main

import (
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// fixed are the flags of serve that others build on: scripts, unit files, containers.
var fixed = strings.Fields("addr db tables web jwt-key oidc-issuer cors max-body log")

// eachFlag calls fn with every flag of every command.
func eachFlag(fn func(c command, f *flag.Flag)) {
	for _, c := range commands() {
		f := newFlags(c)
		c.flags(f)
		f.VisitAll(func(one *flag.Flag) { fn(c, one) })
	}
}

func read(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestNames(t *testing.T) {
	known := map[string]bool{} // flags, and "command flag"
	eachFlag(func(c command, f *flag.Flag) { known[f.Name], known[c.name+" "+f.Name] = true, true })

	t.Run("the flags that others build on are there, in the environment too", func(t *testing.T) {
		for _, name := range fixed {
			if want := "LARDER_" + strings.ToUpper(strings.ReplaceAll(name, "-", "_")); !known["serve "+name] || variable(name) != want {
				t.Errorf("serve has no --%s, or not %s", name, want)
			}
		}
	})
	t.Run("each says what it is for, in words like the others'", func(t *testing.T) {
		eachFlag(func(c command, f *flag.Flag) {
			kind, text := flag.UnquoteUsage(f)
			if len(text) < 10 || strings.HasSuffix(text, ".") || text[0] >= 'A' && text[0] <= 'Z' && text[1] >= 'a' {
				t.Errorf("%s --%s: %q", c.name, f.Name, text)
			}
			if _, yes := f.Value.(interface{ IsBoolFlag() bool }); !yes && (kind == "" || kind == "value") {
				t.Errorf("%s --%s: what kind of value?", c.name, f.Name)
			}
		})
	})
	t.Run("each is in a story, by its own name or the environment's", func(t *testing.T) {
		stories := ""
		names, err := filepath.Glob("testdata/script/*.txt")
		if err != nil {
			t.Fatal(err)
		}
		own, err := filepath.Glob("*_test.go")
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range append(names, own...) {
			stories += read(t, name)
		}
		eachFlag(func(c command, f *flag.Flag) {
			if !regexp.MustCompile(`-`+f.Name+`\b`).MatchString(stories) && !strings.Contains(stories, variable(f.Name)) {
				t.Errorf("%s --%s is in none", c.name, f.Name)
			}
		})
	})
	t.Run("what the README, the Makefile and the program's own words name is there", func(t *testing.T) {
		flags := regexp.MustCompile("(?:^|[ `(])--([a-z][a-z-]+)")
		calls := regexp.MustCompile(`\blarder ([a-z]+)\b`)
		commandNames := map[string]bool{"help": true}
		for _, c := range commands() {
			commandNames[c.name] = true
		}
		for _, name := range []string{"../../README.md", "../../Makefile", "main.go"} {
			for line := range strings.Lines(read(t, name)) {
				target := strings.HasSuffix(name, "Makefile") && line[0] != '\t'
				if target || !strings.Contains(line, "larder ") && !strings.Contains(line, "`--") {
					continue
				}
				for _, m := range flags.FindAllStringSubmatch(line, -1) {
					if !known[m[1]] {
						t.Errorf("%s: there is no --%s: %s", name, m[1], line)
					}
				}
				for _, m := range calls.FindAllStringSubmatch(line, -1) {
					if strings.Contains(line, "bin/larder "+m[1]) && !commandNames[m[1]] {
						t.Errorf("%s: there is no command %s: %s", name, m[1], line)
					}
				}
			}
		}
		own := read(t, "main.go")
		for _, c := range commands() {
			if c.name != "version" && !strings.Contains(own, "//	larder "+c.name+" ") {
				t.Errorf("the program's comment does not name %s", c.name)
			}
		}
	})
	t.Run("every variable that is named is one", func(t *testing.T) {
		variables := map[string]bool{}
		eachFlag(func(_ command, f *flag.Flag) { variables[variable(f.Name)] = true })
		named := regexp.MustCompile(`\bLARDER_[A-Z_]*[A-Z]\b`)
		for _, file := range []string{"../../README.md", "../../Makefile", "main.go", "testdata/script/flags.txt"} {
			for _, v := range named.FindAllString(read(t, file), -1) {
				if !variables[v] {
					t.Errorf("%s names %s, which is none", file, v)
				}
			}
		}
	})
}
