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
	f.Var(compress, "compress", "how hard to compress .br and .gz files: best is for releases and slow; fast makes .gz only; none")
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
		if err := b.copy(ctx, root.FS()); err != nil {
			return err
		}
		_, err = fmt.Fprintf(m.Stdout, "%s: %d files, %d bytes\n", *out, b.files, b.bytes)
		return err
	}
}

// inside refuses to write into the folder that is read, which would then hold itself.
func inside(src, out string) error {
	s, err := filepath.Abs(src)
	if err != nil {
		return err
	}
	o, err := filepath.Abs(out)
	if err != nil {
		return err
	}
	if o == s || strings.HasPrefix(o, s+string(filepath.Separator)) {
		return fmt.Errorf("--out %s is inside %s: choose a folder elsewhere", out, src)
	}
	return nil
}

// bundle is a folder for a static host: a web folder's files, their manifest, and each compressed.
type bundle struct {
	out      string
	compress string
	files    int
	bytes    int64
}

func (b *bundle) copy(ctx context.Context, src fs.FS) error {
	err := fs.WalkDir(src, ".", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case ctx.Err() != nil:
			return ctx.Err()
		case name != "." && strings.HasPrefix(entry.Name(), "."):
			if entry.IsDir() {
				return fs.SkipDir
			}
			return nil
		case entry.IsDir(), name == manifest.Name, isCompressed(name):
			return nil
		}
		data, err := fs.ReadFile(src, name)
		if err != nil {
			return err
		}
		return b.write(name, data)
	})
	if err != nil {
		return err
	}
	// A manifest that the folder has is kept: it is the author's. Otherwise it is made from the files.
	text, err := fs.ReadFile(src, manifest.Name)
	switch {
	case err == nil:
		err = manifest.Check(src)
	case errors.Is(err, fs.ErrNotExist):
		text, err = manifest.Build(src)
	}
	if err != nil {
		return err
	}
	return b.write(manifest.Name, text)
}

func isCompressed(name string) bool {
	ext := path.Ext(name)
	return ext == ".br" || ext == ".gz"
}

// incompressible are the kinds of files that are compressed already.
var incompressible = map[string]bool{".png": true, ".jpg": true, ".jpeg": true, ".webp": true, ".avif": true, ".gif": true,
	".woff2": true, ".zip": true, ".mp3": true, ".mp4": true, ".webm": true}

func (b *bundle) write(name string, data []byte) error {
	if err := b.save(name, data); err != nil {
		return err
	}
	if b.compress == "none" || len(data) < smallest || incompressible[strings.ToLower(path.Ext(name))] {
		return nil
	}
	level := gzip.BestSpeed
	if b.compress == "best" {
		level = gzip.BestCompression
		if err := b.pack(name+".br", data, func(w io.Writer) (io.WriteCloser, error) {
			return brotli.NewWriterLevel(w, brotli.BestCompression), nil
		}); err != nil {
			return err
		}
	}
	return b.pack(name+".gz", data, func(w io.Writer) (io.WriteCloser, error) { return gzip.NewWriterLevel(w, level) })
}

// pack saves the data compressed, if that is smaller.
func (b *bundle) pack(name string, data []byte, compressor func(io.Writer) (io.WriteCloser, error)) error {
	var packed bytes.Buffer
	w, err := compressor(&packed)
	if err != nil {
		return err
	}
	if _, err := w.Write(data); err != nil {
		return err
	}
	if err := w.Close(); err != nil {
		return err
	}
	if packed.Len() >= len(data) {
		return nil
	}
	return b.save(name, packed.Bytes())
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
