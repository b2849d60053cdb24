package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/andybalholm/brotli"

	"github.com/larder-sync/larder/manifest"
)

// smallest is the size in bytes below which a file is not worth compressing.
const smallest = 512

func buildCommand(f *flags) func(context.Context, *Main, []string) error {
	out := f.String("out", "", "the `folder` to write; files in it that have the same names are replaced")
	compress := &choice{"best", []string{"best", "fast", "none"}}
	f.Var(compress, "compress", "how `hard` to compress .br and .gz files: best is for releases and slow; fast makes .gz only; none")
	return func(ctx context.Context, m *Main, args []string) error {
		if *out == "" {
			return f.wrong("which folder to write? name it with --out")
		}
		root, err := openFolder(args[0])
		if err != nil {
			return fmt.Errorf("the folder %w", err)
		}
		defer root.Close()
		if err := inside(args[0], *out); err != nil {
			return err
		}
		b := &bundle{out: *out, compress: compress.value}
		if err := b.copy(ctx, args[0], root.FS()); err != nil {
			return err
		}
		_, err = fmt.Fprintf(m.Stdout, "%s: %d files, %d bytes\n", *out, b.files, b.bytes)
		return err
	}
}

// inside refuses to write into the folder that is read, which would then hold itself.
func inside(src, out string) error {
	s, err := resolve(src)
	if err != nil {
		return err
	}
	o, err := resolve(out)
	if err != nil {
		return err
	}
	if o == s || strings.HasPrefix(o, s+string(filepath.Separator)) {
		return fmt.Errorf("--out %s is inside %s: choose a folder elsewhere", out, src)
	}
	return nil
}

// resolve is the absolute name of a folder, without links, which need not be there yet.
func resolve(name string) (string, error) {
	abs, err := filepath.Abs(name)
	if err != nil {
		return "", err
	}
	if real, err := filepath.EvalSymlinks(abs); err == nil || filepath.Dir(abs) == abs {
		return real, err
	}
	dir, err := resolve(filepath.Dir(abs))
	return filepath.Join(dir, filepath.Base(abs)), err
}

// bundle is a folder for a static host: a web folder's files, their manifest, and each compressed.
type bundle struct {
	out      string
	compress string
	files    int
	bytes    int64
}

// copy makes the bundle of the folder called name. Nothing is written if its manifests list what it does not have.
func (b *bundle) copy(ctx context.Context, name string, src fs.FS) error {
	files, err := sources(src)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	text, err := manifestOf(src, files)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	for _, file := range files {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		data, err := fs.ReadFile(src, file)
		if err != nil {
			return fmt.Errorf("%s: %s cannot be read (%w)", name, file, reason(err))
		}
		if err := b.write(file, data); err != nil {
			return err
		}
	}
	return b.write(manifest.Name, text)
}

// sources are the files that a bundle copies: not dotfiles, which hosts do not serve, but for .well-known, and not the
// compressed copies and the manifest, which are made.
func sources(src fs.FS) ([]string, error) {
	var files []string
	err := fs.WalkDir(src, ".", func(name string, entry fs.DirEntry, err error) error {
		hidden := strings.HasPrefix(path.Base(name), ".") && name != "." && path.Base(name) != ".well-known"
		switch {
		case err != nil:
			return fmt.Errorf("%s cannot be read (%w)", name, reason(err))
		case hidden && entry.IsDir():
			return fs.SkipDir
		case !hidden && !entry.IsDir() && name != manifest.Name && !isCopy(src, name):
			files = append(files, name)
		}
		return nil
	})
	return files, err
}

// isCopy reports whether a file is a compressed copy of the one beside it.
func isCopy(src fs.FS, name string) bool {
	ext := path.Ext(name)
	if ext != extBrotli && ext != extGzip {
		return false
	}
	_, err := fs.Stat(src, strings.TrimSuffix(name, ext))
	return err == nil
}

// manifestOf is the folder's own manifest, which is the author's to write, or one made from the files.
func manifestOf(src fs.FS, files []string) ([]byte, error) {
	for _, name := range files {
		if path.Ext(name) == ".webmanifest" {
			if err := manifest.CheckApp(src, name); err != nil {
				return nil, err
			}
		}
	}
	text, err := fs.ReadFile(src, manifest.Name)
	if errors.Is(err, fs.ErrNotExist) {
		return manifest.Build(src)
	}
	if err != nil {
		return nil, err
	}
	return text, manifest.Check(src)
}

// incompressible are the kinds of files that are compressed already.
var incompressible = map[string]bool{".png": true, ".jpg": true, ".jpeg": true, ".webp": true, ".avif": true, ".gif": true,
	".woff2": true, ".zip": true, ".mp3": true, ".mp4": true, ".webm": true, extBrotli: true, extGzip: true}

// The ends of the names of compressed copies.
const (
	extBrotli = ".br"
	extGzip   = ".gz"
)

type encoder func(io.Writer) (io.WriteCloser, error)

// encoders make the copies with each end, by how hard --compress asks for it.
var encoders = map[string]map[string]encoder{
	"best": {extBrotli: brotliAt(brotli.BestCompression), extGzip: gzipAt(gzip.BestCompression)},
	"fast": {extGzip: gzipAt(gzip.BestSpeed)},
}

func brotliAt(level int) encoder {
	return func(w io.Writer) (io.WriteCloser, error) { return brotli.NewWriterLevel(w, level), nil }
}

func gzipAt(level int) encoder {
	return func(w io.Writer) (io.WriteCloser, error) { return gzip.NewWriterLevel(w, level) }
}

// write saves a file and its compressed copies.
func (b *bundle) write(name string, data []byte) error {
	if err := b.save(name, data); err != nil {
		return err
	}
	worth := len(data) >= smallest && !incompressible[strings.ToLower(path.Ext(name))]
	for _, ext := range []string{extBrotli, extGzip} {
		var packed []byte
		if encode := encoders[b.compress][ext]; worth && encode != nil {
			var err error
			if packed, err = pack(data, encode); err != nil {
				return err
			}
		}
		if err := b.saveCopy(name+ext, packed); err != nil {
			return err
		}
	}
	return nil
}

// pack compresses the data; the result is nil if that does not make it smaller.
func pack(data []byte, encode encoder) ([]byte, error) {
	var packed bytes.Buffer
	w, err := encode(&packed)
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(data); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	if packed.Len() >= len(data) {
		return nil, nil
	}
	return packed.Bytes(), nil
}

// saveCopy saves a compressed copy. Where there is none now, one of an older bundle would be served in the file's place.
func (b *bundle) saveCopy(name string, packed []byte) error {
	if packed != nil {
		return b.save(name, packed)
	}
	to := filepath.Join(b.out, filepath.FromSlash(name))
	if err := os.Remove(to); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s cannot be removed (%w)", to, reason(err))
	}
	return nil
}

func (b *bundle) save(name string, data []byte) error {
	to := filepath.Join(b.out, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return fmt.Errorf("%s cannot be made (%w)", filepath.Dir(to), reason(err))
	}
	if err := os.WriteFile(to, data, 0o644); err != nil {
		return fmt.Errorf("%s cannot be written (%w)", to, reason(err))
	}
	b.files++
	b.bytes += int64(len(data))
	return nil
}
