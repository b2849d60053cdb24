package main

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
)

func modules(files map[string]string) fstest.MapFS {
	fs := fstest.MapFS{}
	for name, text := range files {
		fs[name] = &fstest.MapFile{Data: []byte(text)}
	}
	return fs
}

func TestJoin(t *testing.T) {
	t.Run("the module that comes out does what the modules did", func(t *testing.T) {
		if _, err := exec.LookPath("node"); err != nil {
			t.Fatal("node is not installed: run make deps")
		}
		joined, err := join(modules(map[string]string{
			"main.js":   "import './effect.js';\nexport { a, B } from './x/a.js';\nexport {\n  c,\n  d,\n} from './x/c.js';\n",
			"effect.js": "'use strict';\nglobalThis.effects = (globalThis.effects ?? 0) + 1;\n",
			"x/a.js": "import '../effect.js';\nimport { c as see } from './c.js';\nconst own = 'a';\n" +
				"export async function a() { return own + see(); }\nexport class B { static where = new URL('../w.wasm', import.meta.url); }\n",
			"x/c.js": "/** Says\n * a thing.\n */\nconst own = 'c';\n// one line\nexport const c = () => own;\n" +
				"export function* d() { yield `${own}\n// no comment`.split('\\n').length; }\n",
		}), "main.js")
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(joined, "Says") || strings.Contains(joined, "one line") {
			t.Errorf("comments are left:\n%s", joined)
		}
		script := joined + "\nconsole.log(await m4.a(), [...d()].join(), c(), effects, B.where.pathname.split('/').pop(), " +
			"B.where.href === new URL('./w.wasm', import.meta.url).href);\n"
		cmd := exec.CommandContext(t.Context(), "node", "--input-type=module", "-")
		cmd.Stdin = strings.NewReader(script)
		cmd.Dir = filepath.Clean(t.TempDir())
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%v\n%s\n%s", err, out, script)
		}
		if got := strings.TrimSpace(string(out)); got != "ac 2 c 1 w.wasm true" {
			t.Errorf("it prints %q", got)
		}
	})
	t.Run("what it does not know is an error", func(t *testing.T) {
		for name, c := range map[string]struct{ text, want string }{
			"a default export": {"export default 1;\n", "export default 1"},
			"a bare import":    {"import { x } from 'x';\n", "import { x }"},
			"a missing module": {"import './gone.js';\n", "gone.js"},
			"a circle":         {"import './main.js';\n", "import each other"},
		} {
			if _, err := join(modules(map[string]string{"main.js": c.text}), "main.js"); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
}
