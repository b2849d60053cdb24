package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/larder-sync/larder/manifest"
)

func manifestCommand(f *flags) func(context.Context, *Main, []string) error {
	out := f.String("o", "", "write to this `file` instead")
	var exclude list
	f.Var(&exclude, "exclude",
		"leave out files and folders of these `names` or paths, separated by commas: drafts, *.map, img/*.psd")
	check := f.Bool("check", false,
		"check the folder's own "+manifest.Name+" instead: that all files it lists are there and unchanged")
	return func(_ context.Context, m *Main, args []string) error {
		if *check && *out != "" {
			return f.wrong("--check writes nothing: leave out -o")
		}
		root, err := openFolder(args[0])
		if err != nil {
			return fmt.Errorf("the folder %w", err)
		}
		defer root.Close()
		if *check {
			err := manifest.Check(root.FS())
			if errors.Is(err, fs.ErrNotExist) {
				own := filepath.Join(args[0], manifest.Name)
				return fmt.Errorf("there is no %s to check: larder manifest %s -o %s makes one", own, args[0], own)
			}
			if err != nil {
				return fmt.Errorf("%s: %w", args[0], err)
			}
			return nil
		}
		files, err := manifest.Files(root.FS(), exclude...)
		if err != nil {
			return fmt.Errorf("%s: %w", args[0], err)
		}
		text := manifest.Generate(files)
		if *out == "" {
			_, err = m.Stdout.Write(text)
		} else if err = os.WriteFile(*out, text, 0o644); err != nil {
			err = fmt.Errorf("%s cannot be written (%w)", *out, reason(err))
		}
		if err != nil {
			return err
		}
		return report(m.Stderr, files)
	}
}

// report says how much a first visit loads, and what weighs most of it.
func report(w io.Writer, files []manifest.File) error {
	total := int64(0)
	for _, f := range files {
		total += f.Size
	}
	largest := slices.SortedFunc(slices.Values(files), func(a, b manifest.File) int { return cmp.Compare(b.Size, a.Size) })
	if _, err := fmt.Fprintf(w, "%d files, %d bytes before compression\n", len(files), total); err != nil {
		return err
	}
	for _, f := range largest[:min(len(largest), 5)] {
		if _, err := fmt.Fprintf(w, "%12d %s\n", f.Size, f.Path); err != nil {
			return err
		}
	}
	return nil
}
