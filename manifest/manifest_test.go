package manifest_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/larder-sync/larder/manifest"
)

func folder() fstest.MapFS {
	return fstest.MapFS{
		"index.html":          {Data: []byte("<!doctype html>")},
		"app.js":              {Data: []byte("hello")},
		"todo/index.html":     {Data: []byte("todo")},
		"todo/old.html":       {Data: []byte("old")},
		"myindex.html":        {Data: []byte("mine")},
		"a b#c?d%e:é.txt":     {Data: []byte("odd")},
		"sw.js":               {Data: []byte("worker")},
		"app.js.br":           {Data: []byte("br")},
		"app.js.gz":           {Data: []byte("gz")},
		"larder.d.ts":         {Data: []byte("types")},
		"package.json":        {Data: []byte("{}")},
		".git/config":         {Data: []byte("secret")},
		"todo/.hidden":        {Data: []byte("secret")},
		"todo/cache.manifest": {Data: []byte("CACHE MANIFEST\n")},
	}
}

func TestBuild(t *testing.T) {
	t.Run("lists what pages load, with hashes, in a stable order", func(t *testing.T) {
		got, err := manifest.Build(folder())
		if err != nil {
			t.Fatal(err)
		}
		var paths []string
		for line := range strings.Lines(string(got)) {
			if path, _, ok := strings.Cut(line, " sha256-"); ok {
				paths = append(paths, path)
			}
		}
		want := "./ ./a%20b%23c%3Fd%25e:%C3%A9.txt app.js myindex.html todo/ todo/old.html"
		if g := strings.Join(paths, " "); g != want {
			t.Errorf("listed %s\nwant   %s", g, want)
		}
		if !strings.Contains(string(got), "\napp.js sha256-LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=\n") {
			t.Errorf("no hash of app.js in\n%s", got)
		}
		if !strings.HasSuffix(string(got), "\nNETWORK:\n*\n") {
			t.Errorf("the network is not open in\n%s", got)
		}
	})
	t.Run("leaves out what it is told to, by name and by path", func(t *testing.T) {
		files, err := manifest.Files(folder(), "my*", "todo/old.*", "*#*")
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		for _, f := range files {
			got += fmt.Sprintln(f.Path, f.Size)
		}
		if want := "app.js 5\nindex.html 15\ntodo/index.html 4\n"; got != want {
			t.Errorf("got  %q\nwant %q", got, want)
		}
		if files, err = manifest.Files(folder(), "todo"); err != nil || len(files) != 4 {
			t.Errorf("got %v, %v", files, err)
		}
		if _, err := manifest.Build(folder(), "[a"); err == nil || !strings.Contains(err.Error(), `"[a"`) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("what it writes passes its own check", func(t *testing.T) {
		f := folder()
		text, err := manifest.Build(f)
		if err != nil {
			t.Fatal(err)
		}
		f["cache.manifest"] = &fstest.MapFile{Data: text}
		if err := manifest.Check(f); err != nil {
			t.Error(err)
		}
	})
	t.Run("is not changed by the manifest that it writes", func(t *testing.T) {
		f := folder()
		first, _ := manifest.Build(f)
		f["cache.manifest"] = &fstest.MapFile{Data: first}
		second, err := manifest.Build(f)
		if err != nil || !bytes.Equal(first, second) {
			t.Errorf("%v\n%s\nthen\n%s", err, first, second)
		}
	})
	t.Run("changes when a file's content changes", func(t *testing.T) {
		f := folder()
		first, _ := manifest.Build(f)
		f["app.js"] = &fstest.MapFile{Data: []byte("hellO")}
		second, err := manifest.Build(f)
		if err != nil || bytes.Equal(first, second) {
			t.Errorf("%v, the manifest is still\n%s", err, second)
		}
	})
	t.Run("names the file that cannot be read", func(t *testing.T) {
		_, err := manifest.Build(broken{folder(), "todo/old.html"})
		if err == nil || err.Error() != "todo/old.html: permission denied" {
			t.Errorf("got %v", err)
		}
	})
}

// broken is a folder in which one file cannot be opened.
type broken struct {
	fstest.MapFS
	name string
}

func (b broken) Open(name string) (fs.File, error) {
	if name == b.name {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrPermission}
	}
	return b.MapFS.Open(name)
}

func TestCheck(t *testing.T) {
	const good = "sha256-LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ="
	for _, c := range []struct{ name, text, want string }{
		{"a right one passes", "CACHE MANIFEST\n./\napp.js " + good + "\ntodo/\n/myindex.html?v=1#x\nhttps://cdn.example.org/lib.js\n" +
			"FALLBACK:\n/ /todo/old.html\nNETWORK:\nnowhere/\n*\nSETTINGS:\nprefer-online\n", ""},
		{"a missing file is named with its line", "CACHE MANIFEST\r\n# v1\r\napp.js\r\nmissing.js\r\n",
			"cache.manifest:4: missing.js is listed, but there is no file missing.js"},
		{"a folder needs an index", "CACHE MANIFEST\n.git/\n", "cache.manifest:2: .git/ is listed, but there is no file .git/index.html"},
		{"a folder is not a file", "CACHE MANIFEST\ntodo\n", "cache.manifest:2: todo is listed, but there is no file todo"},
		{"a missing fallback page", "CACHE MANIFEST\nFALLBACK:\n/ offline.html\n",
			"cache.manifest:3: offline.html is listed, but there is no file offline.html"},
		{"half a fallback", "CACHE MANIFEST\nFALLBACK:\n/x\n",
			"cache.manifest:3: a fallback needs two URLs: what it stands in for, and the page (/x)"},
		{"a fallback for another origin", "CACHE MANIFEST\nFALLBACK:\nhttps://example.com/ app.js\n",
			"cache.manifest:3: browsers ignore this fallback: https://example.com/ is not inside /, the manifest's own folder"},
		{"a changed file", "CACHE MANIFEST\nmyindex.html " + good + "\n",
			"cache.manifest:2: myindex.html has changed since the manifest was written: its hash is now sha256-P9MFQv4/YbFL1KSy3Atvsw+m9j685S3Rd4qqjE3ALP8="},
		{"a malformed hash", "CACHE MANIFEST\napp.js sha256-abc\n", "cache.manifest:2: the hash of app.js is not the base64 of 32 bytes"},
		{"a manifest that lists itself", "CACHE MANIFEST\n./cache.manifest\n",
			"cache.manifest:2: the manifest lists itself, so no page would ever see a new version: remove this line"},
		{"a page in its place", "<!doctype html>\n",
			`cache.manifest:1: not a cache manifest: the first line must start with "CACHE MANIFEST"`},
		{"all mistakes are told", "CACHE MANIFEST\nx\ny\n",
			"cache.manifest:2: x is listed, but there is no file x\ncache.manifest:3: y is listed, but there is no file y"},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := folder()
			f["cache.manifest"] = &fstest.MapFile{Data: []byte(c.text)}
			got := ""
			if err := manifest.Check(f); err != nil {
				got = err.Error()
			}
			if got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
	t.Run("a folder without a manifest", func(t *testing.T) {
		if err := manifest.Check(folder()); err == nil || err.Error() != "cache.manifest: file does not exist" {
			t.Errorf("got %v", err)
		}
	})
}

func TestCheckApp(t *testing.T) {
	f := folder()
	f["app.webmanifest"] = &fstest.MapFile{Data: []byte(`{"start_url": "./", "icons": [{"src": "app.js"}, {"src": "icons/512.png"},
		{"src": "data:image/png;base64,AA=="}, {"src": "https://cdn.example.org/x.png"}]}`)}
	f["bad.webmanifest"] = &fstest.MapFile{Data: []byte(`{"icons": 1}`)}
	t.Run("names the missing icon", func(t *testing.T) {
		err := manifest.CheckApp(f, "app.webmanifest")
		if want := "app.webmanifest: its icon icons/512.png: there is no file icons/512.png"; err == nil || err.Error() != want {
			t.Errorf("got  %v\nwant %s", err, want)
		}
	})
	t.Run("passes when all are there", func(t *testing.T) {
		f["icons/512.png"] = &fstest.MapFile{}
		if err := manifest.CheckApp(f, "app.webmanifest"); err != nil {
			t.Error(err)
		}
	})
	t.Run("names the file that is not one", func(t *testing.T) {
		if err := manifest.CheckApp(f, "bad.webmanifest"); err == nil || !strings.HasPrefix(err.Error(), "bad.webmanifest: json: ") {
			t.Errorf("got %v", err)
		}
	})
}

// FuzzParse holds the parser to what it promises for any bytes: it does not fail after the signature, and what it
// returns is normalized, free of doubles and bound to the manifest's own scheme and folder.
func FuzzParse(f *testing.F) {
	f.Add("http://example.com/app/cache.manifest", []byte("CACHE MANIFEST\na b\n../c?d#e\nFALLBACK:\n. x\nNETWORK:\n*\nSETTINGS:\nprefer-online\n"))
	f.Add("https://user:pw@[::1]:8443/", []byte("\ufeffCACHE MANIFEST\rhttps:\\\\a@b:443\\%2e%2E/ж\rNETWORK:\r\n\xff\xfe"))
	f.Fuzz(func(t *testing.T, url string, text []byte) {
		m, err := manifest.Parse(url, text)
		if err != nil {
			return
		}
		scheme, _, _ := strings.Cut(m.URL, ":")
		seen := map[string]bool{}
		check := func(kind, url string) {
			if seen[kind+url] {
				t.Errorf("%s %q twice", kind, url)
			}
			seen[kind+url] = true
			if !strings.HasPrefix(url, scheme+"://") || strings.ContainsAny(url, "# \t\r\n\\") {
				t.Errorf("%s %q is not a normalized URL", kind, url)
			}
			again, err := manifest.Parse(url, []byte("CACHE MANIFEST"))
			if err != nil || again.URL != url {
				t.Errorf("%s %q is not stable: %v, %v", kind, url, again, err)
			}
		}
		for _, e := range m.Entries {
			check("entry", e.URL)
		}
		for _, o := range m.Online {
			check("online", o)
		}
		for _, f := range m.Fallback {
			check("fallback", f.Namespace)
			seen["page"+f.Page] = false
			check("page", f.Page)
		}
		matcher, err := manifest.NewMatcher(m)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range m.Entries {
			if d := matcher.Match(manifest.Request{URL: e.URL}); d != (manifest.Decision{Action: manifest.ActionCache, Page: e.URL}) {
				t.Errorf("entry %q: %+v", e.URL, d)
			}
		}
	})
}

func ExampleBuild() {
	web := fstest.MapFS{
		"index.html": {Data: []byte("<!doctype html>")},
		"app.js":     {Data: []byte("hello")},
	}
	text, err := manifest.Build(web)
	if err != nil {
		fmt.Println(err)
	}
	fmt.Print(string(text))
	// Output:
	// CACHE MANIFEST
	// # Made from the files of this folder: a change of any of them changes this text.
	//
	// CACHE:
	// ./ sha256-/ibFnpGsjeaUslMdw73Bt/r0cdPX5OAIcK9g9fIol8s=
	// app.js sha256-LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=
	//
	// NETWORK:
	// *
}

func ExampleMatcher() {
	m, err := manifest.Parse("https://example.com/cache.manifest", []byte(`CACHE MANIFEST
app.js
FALLBACK:
/pages/ /offline.html
NETWORK:
/api/
`))
	if err != nil {
		fmt.Println(err)
		return
	}
	matcher, err := manifest.NewMatcher(m, "https://example.com/")
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, url := range []string{"https://example.com/app.js", "https://example.com/api/todo", "https://example.com/pages/1", "https://example.com/x"} {
		fmt.Println(matcher.Match(manifest.Request{URL: url}))
	}
	// Output:
	// {cache https://example.com/app.js}
	// {network }
	// {fallback https://example.com/offline.html}
	// {fail }
}

func unmarshal(text []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	return d.Decode(into)
}

func marshal(t *testing.T, v any) string {
	t.Helper()
	text, err := json.MarshalIndent(v, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
