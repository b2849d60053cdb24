package static

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"maps"
	"path"
	"strings"
	"time"

	"github.com/andybalholm/brotli"

	"github.com/larder-sync/larder/manifest"
)

// stamps tell one state of a folder from another without reading it.
type stamps map[string]stamp

// stamp is what is known of a file without reading it. A file that was written just before is young: another write of the
// same length may get the same time, because file systems count in coarse ticks. Once it is no longer young, its stamp
// is another one, and so it is read once more.
type stamp struct {
	size, modified int64
	young          bool
}

// list finds the files of a folder that are served. Dotfiles are not, but for .well-known.
func list(fsys fs.FS, maxSize int64, now time.Time) (stamps, error) {
	seen := stamps{}
	var total int64
	err := fs.WalkDir(fsys, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return named(name, err)
		}
		if base := path.Base(name); base[0] == '.' && base != "." && base != ".well-known" {
			if d.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		if d.IsDir() {
			return nil
		}
		info, err := fs.Stat(fsys, name)
		switch {
		case err != nil:
			return named(name, err)
		case info.IsDir():
			return fmt.Errorf("%s: links to folders cannot be served: copy the folder here", name)
		case !info.Mode().IsRegular():
			return fmt.Errorf("%s: not a regular file", name)
		}
		if total += info.Size(); total > maxSize {
			return fmt.Errorf("%s: the folder holds more than %d bytes, which would all be kept in memory: is it the right one?", name,
				maxSize)
		}
		seen[name] = stamp{info.Size(), info.ModTime().UnixNano(), now.Sub(info.ModTime()).Abs() < lookEvery}
		return nil
	})
	return seen, err
}

// snapshot is one state of a folder, ready to be served.
type snapshot struct {
	stamps stamps
	files  map[string]*file // by URL path; a folder with an index.html also by its own, with the slash
}

// read makes a snapshot of the files in seen. What has not changed since old is taken from there.
func read(fsys fs.FS, seen stamps, old *snapshot, logger *slog.Logger) (*snapshot, error) {
	s := &snapshot{stamps: seen, files: make(map[string]*file, len(seen))}
	var listed []manifest.File
	for name := range seen {
		if isCopy(name, seen) {
			continue
		}
		f := s.reuse(name, old)
		if f == nil {
			var err error
			if f, err = readFile(fsys, name, seen, logger); err != nil {
				return nil, err
			}
		}
		s.add(name, f)
		listed = append(listed, manifest.File{Path: name, Sum: f.sum})
	}
	if s.files["/"+manifest.Name] == nil {
		s.add(manifest.Name, newFile(manifest.Name, manifest.Generate(listed)))
	}
	return s, s.check(fsys)
}

func (s *snapshot) add(name string, f *file) {
	s.files["/"+name] = f
	if dir, ok := strings.CutSuffix("/"+name, "/index.html"); ok {
		s.files[dir+"/"] = f
	}
}

// check finds what would leave pages without a cache. Hashes are not compared again with the files: those are in
// memory.
func (s *snapshot) check(fsys fs.FS) error {
	var mistakes []error
	for name := range s.stamps {
		f := s.files["/"+name]
		switch {
		case f == nil:
		case f.contentType == manifest.MediaType:
			mistakes = append(mistakes, manifest.CheckFiles(name, f.body(), func(path string) (manifest.File, bool, error) {
				if found := s.files["/"+path]; found != nil {
					return manifest.File{Path: path, Sum: found.sum}, true, nil
				}
				return manifest.File{}, false, nil
			}))
		case path.Ext(name) == ".webmanifest":
			mistakes = append(mistakes, manifest.CheckApp(fsys, name))
		}
	}
	return errors.Join(mistakes...)
}

// equals reports whether both hold the same files with the same content.
func (s *snapshot) equals(other *snapshot) bool {
	return maps.EqualFunc(s.files, other.files, func(a, b *file) bool { return a.sum == b.sum && len(a.copies) == len(b.copies) })
}

func (s *snapshot) reuse(name string, old *snapshot) *file {
	if old == nil {
		return nil
	}
	for _, suffix := range []string{"", suffixBrotli, suffixGzip} {
		before, was := old.stamps[name+suffix]
		after, is := s.stamps[name+suffix]
		if was != is || before != after {
			return nil
		}
	}
	return old.files["/"+name]
}

// Compressed copies lie beside their file, under its name with one of these at the end.
const (
	suffixBrotli = ".br"
	suffixGzip   = ".gz"
)

// isCopy reports whether name is a compressed copy of a file: it is not served under its own name.
func isCopy(name string, seen stamps) bool {
	original, ok := strings.CutSuffix(name, suffixBrotli)
	if !ok {
		original, ok = strings.CutSuffix(name, suffixGzip)
	}
	if !ok {
		return false
	}
	_, ok = seen[original]
	return ok
}

func readFile(fsys fs.FS, name string, seen stamps, logger *slog.Logger) (*file, error) {
	body, err := fs.ReadFile(fsys, name)
	if err != nil {
		return nil, named(name, err)
	}
	f := newFile(name, body)
	for _, c := range []struct {
		suffix, coding string
		open           func(io.Reader) (io.Reader, error)
	}{
		{suffixBrotli, codingBrotli, func(r io.Reader) (io.Reader, error) { return brotli.NewReader(r), nil }},
		{suffixGzip, codingGzip, func(r io.Reader) (io.Reader, error) { return gzip.NewReader(r) }},
	} {
		if _, ok := seen[name+c.suffix]; !ok {
			continue
		}
		compressed, err := fs.ReadFile(fsys, name+c.suffix)
		if err != nil {
			return nil, named(name+c.suffix, err)
		}
		// A copy that was left behind when its file changed would bring the old content back.
		if plain, err := c.open(bytes.NewReader(compressed)); err != nil || !sameContent(plain, f) {
			logger.Warn("a compressed copy does not hold what its file holds, and is not used: delete it or make it again", "file",
				name+c.suffix)
			continue
		}
		f.addCopy(c.coding, compressed)
	}
	return f, f.compress()
}

func sameContent(r io.Reader, f *file) bool {
	h := sha256.New()
	n, err := io.Copy(h, io.LimitReader(r, int64(len(f.body()))+1))
	return err == nil && n == int64(len(f.body())) && [sha256.Size]byte(h.Sum(nil)) == f.sum
}

// named puts a file's name before the reason why it could not be read.
func named(name string, err error) error {
	if pe, ok := errors.AsType[*fs.PathError](err); ok {
		err = pe.Err
	}
	return fmt.Errorf("%s: %w", name, err)
}
