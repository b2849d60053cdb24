package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/larder-sync/larder/manifest"
)

func manifestCommand(f *flags) func(context.Context, *Main, []string) error {
	out := f.String("o", "", "write to this `file` instead")
	check := f.Bool("check", false, "check the folder's own "+manifest.Name+" instead: that all files it lists are there and unchanged")
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
		text, err := manifest.Build(root.FS())
		if err != nil {
			return fmt.Errorf("%s: %w", args[0], err)
		}
		if *out == "" {
			_, err = m.Stdout.Write(text)
			return err
		}
		if err := os.WriteFile(*out, text, 0o644); err != nil {
			return fmt.Errorf("%s cannot be written (%w)", *out, reason(err))
		}
		return nil
	}
}
