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
	Size int64
	Sum  [sha256.Size]byte
}

// Build writes the manifest of a web folder: every file with its hash in the CACHE section, and a NETWORK section that
// leaves everything else to the network. The same files give the same bytes. A folder's index.html is listed as the
// folder. Left out are files that no page loads by their name, see [Listed], and what matches one of the patterns, see
// [Files].
func Build(fsys fs.FS, exclude ...string) ([]byte, error) {
	files, err := Files(fsys, exclude...)
	if err != nil {
		return nil, err
	}
	return Generate(files), nil
}

// Files returns the files of a web folder that [Build] lists, by their paths. A pattern, as of [path.Match], leaves out the
// files and folders whose path it matches, and those whose name it matches: "drafts", "*.map", "img/*.psd".
func Files(fsys fs.FS, exclude ...string) ([]File, error) {
	var files []File
	err := fs.WalkDir(fsys, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		out, err := excluded(name, exclude)
		switch {
		case err != nil:
			return err
		case d.IsDir() && name != "." && (out || !Listed(name)):
			return fs.SkipDir
		case d.IsDir() || out || !Listed(name):
			return nil
		}
		f := File{Path: name}
		if f.Sum, f.Size, err = hashFile(fsys, name); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		files = append(files, f)
		return nil
	})
	return files, err
}

func excluded(name string, patterns []string) (bool, error) {
	for _, pattern := range patterns {
		for _, subject := range []string{name, path.Base(name)} {
			if ok, err := path.Match(pattern, subject); ok || err != nil {
				if err != nil {
					err = fmt.Errorf("the pattern %q cannot be understood: close its bracket, or write \\[ for one", pattern)
				}
				return ok, err
			}
		}
	}
	return false, nil
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

func hashFile(fsys fs.FS, name string) (sum [sha256.Size]byte, size int64, err error) {
	f, err := fsys.Open(name)
	if err != nil {
		return sum, 0, reason(err)
	}
	defer f.Close()
	h := sha256.New()
	if size, err = io.Copy(h, f); err != nil {
		return sum, 0, reason(err)
	}
	h.Sum(sum[:0])
	return sum, size, nil
}

// reason drops operation and path from an error of a file system, so that its text can be put after our own.
func reason(err error) error {
	if pe, ok := err.(*fs.PathError); ok {
		return pe.Err
	}
	return err
}
