// Command cordova makes a Cordova project of a bundle of the apps: `make cordova`.
//
//	cordova -dist dist -server https://todo.example.com -out build/cordova
//
// The pages get what a Cordova app needs and a served one does not: cordova.js, the content security policy as a meta tag,
// the address of the server with the tables, and links to files instead of folders, which device platforms do not serve.
package main

import (
	"bytes"
	"flag"
	"fmt"
	"html"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/larder-sync/larder/manifest"
	"github.com/larder-sync/larder/server/static"
)

func main() {
	p := project{}
	flag.StringVar(&p.dist, "dist", "dist", "the `folder` that make dist made")
	flag.StringVar(&p.server, "server", "http://127.0.0.1:8001", "the `origin` of the server with the tables")
	flag.StringVar(&p.source, "source", "web/cordova", "the `folder` with config.xml, package.json, its lock file and the hooks")
	flag.StringVar(&p.out, "out", "build/cordova", "the `folder` to make")
	flag.Parse()
	if err := p.make(); err != nil {
		fmt.Fprintln(os.Stderr, "cordova:", err)
		os.Exit(1)
	}
}

type project struct{ dist, server, source, out string }

func (p *project) make() error {
	if err := static.CheckOrigin(p.server); err != nil {
		return err
	}
	for _, name := range []string{"package.json", "package-lock.json", "hooks/manifest.js"} {
		if err := p.copy(os.DirFS(p.source), name, name); err != nil {
			return err
		}
	}
	config, err := os.ReadFile(filepath.Join(p.source, "config.xml"))
	if err != nil {
		return err
	}
	if err := p.write("config.xml", bytes.ReplaceAll(config, []byte("SERVER"), []byte(html.EscapeString(p.server)))); err != nil {
		return err
	}
	return p.www()
}

// www fills the folder of the pages anew.
func (p *project) www() error {
	www := filepath.Join(p.out, "www")
	if err := os.RemoveAll(www); err != nil {
		return err
	}
	src := os.DirFS(p.dist)
	err := fs.WalkDir(src, ".", func(name string, d fs.DirEntry, err error) error {
		switch ext := path.Ext(name); {
		case err != nil || d.IsDir():
			return err
		case name == manifest.Name, name == "package.json", ext == ".br", ext == ".gz", strings.HasSuffix(name, ".d.ts"):
			return nil
		case ext == ".html":
			text, err := fs.ReadFile(src, name)
			if err != nil {
				return err
			}
			page, err := p.page(name, string(text))
			if err != nil {
				return err
			}
			return p.write("www/"+name, []byte(page))
		}
		return p.copy(src, name, "www/"+name)
	})
	if err != nil {
		return err
	}
	text, err := manifest.Build(os.DirFS(www))
	if err != nil {
		return err
	}
	return p.write("www/"+manifest.Name, text)
}

const head = "<head>"

var folderLink = regexp.MustCompile(`href="((?:\.\./)*(?:[a-z]+/)*)"`)

// page is a page of the apps for Cordova.
func (p *project) page(name, text string) (string, error) {
	policy := "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; connect-src 'self' " + p.server +
		"; worker-src 'self'; style-src 'self'; img-src 'self' data:; manifest-src 'self'; base-uri 'none'; form-action 'none'"
	before, after, ok := strings.Cut(text, head)
	if !ok {
		return "", fmt.Errorf("%s has no %s", name, head)
	}
	up := strings.Repeat("../", strings.Count(name, "/"))
	text = before + head + fmt.Sprintf(`
  <meta http-equiv="Content-Security-Policy" content="%s">
  <meta name="larder-server" content="%s">
  <script src="%scordova.js"></script>`, policy, html.EscapeString(p.server), up) + after
	return folderLink.ReplaceAllString(text, `href="${1}index.html"`), nil
}

func (p *project) copy(src fs.FS, from, to string) error {
	data, err := fs.ReadFile(src, from)
	if err != nil {
		return err
	}
	return p.write(to, data)
}

func (p *project) write(name string, data []byte) error {
	to := filepath.Join(p.out, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	return os.WriteFile(to, data, 0o644)
}
