package manifest

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"
)

// File is a file of a web folder, as [Generate] and [CheckFiles] need to know it.
type File struct {
	Path string // slash-separated, relative to the folder, as package io/fs has it
	Sum  [sha256.Size]byte
}

// Build writes the manifest of a web folder: every file with its hash in the CACHE section, and a NETWORK section that
// leaves everything else to the network. The same files give the same bytes. A folder's index.html is listed as the
// folder. Left out are files that no page loads by their name, see [Listed].
func Build(fsys fs.FS) ([]byte, error) {
	var files []File
	err := fs.WalkDir(fsys, ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return fmt.Errorf("%s: %w", name, err)
		case d.IsDir() && name != "." && !Listed(name):
			return fs.SkipDir
		case d.IsDir() || !Listed(name):
			return nil
		}
		sum, err := hashFile(fsys, name)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		files = append(files, File{name, sum})
		return nil
	})
	if err != nil {
		return nil, err
	}
	return Generate(files), nil
}

// Listed reports whether [Build] lists a file of this path. It does not list manifests and the service worker with
// its parts, which must come from the network for a new version to be seen; compressed copies; dotfiles; and what only tools read:
// TypeScript declarations and package.json.
func Listed(name string) bool {
	for part := range strings.SplitSeq(name, "/") {
		if strings.HasPrefix(part, ".") {
			return false
		}
	}
	switch path.Base(name) {
	case Name, "sw.js", "package.json":
		return false
	}
	switch name {
	case "sw/manifest.js", "sw/file.js", "sw/state.js", "sw/push.js":
		return false
	}
	for _, suffix := range []string{".br", ".gz", ".d.ts", ".appcache"} {
		if strings.HasSuffix(name, suffix) {
			return false
		}
	}
	return true
}

// Generate writes the manifest of the given files, which need not be in order. Files that are not [Listed] are left out.
func Generate(files []File) []byte {
	lines := make([]string, 0, len(files))
	for _, f := range files {
		if Listed(f.Path) {
			lines = append(lines, reference(f.Path)+" "+integrity(f.Sum)+"\n")
		}
	}
	slices.Sort(lines)
	return []byte(signature + "\n# Made from the files of this folder: a change of any of them changes this text.\n\nCACHE:\n" +
		strings.Join(lines, "") + "\nNETWORK:\n*\n")
}

// reference is the relative URL under which pages load a file.
func reference(name string) string {
	if dir, ok := strings.CutSuffix(name, "index.html"); ok && (dir == "" || dir[len(dir)-1] == '/') {
		name = dir
	}
	url := escape(name, pathEscapes+`%\`)
	if first, _, _ := strings.Cut(url, "/"); url == "" || strings.Contains(first, ":") {
		return "./" + url // else a colon would make it a scheme
	}
	return url
}

func integrity(sum [sha256.Size]byte) string {
	return integrityPrefix + base64.StdEncoding.EncodeToString(sum[:])
}

func hashFile(fsys fs.FS, name string) (sum [sha256.Size]byte, err error) {
	f, err := fsys.Open(name)
	if err != nil {
		return sum, reason(err)
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return sum, reason(err)
	}
	h.Sum(sum[:0])
	return sum, nil
}

// reason drops operation and path from an error of a file system, so that its text can be put after our own.
func reason(err error) error {
	if pe, ok := err.(*fs.PathError); ok {
		return pe.Err
	}
	return err
}
