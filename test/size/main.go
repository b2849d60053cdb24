// Command size prints how large the engine and the scripts beside it are, raw and compressed, and fails when the engine
// is over its budget.
package main

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/andybalholm/brotli"
)

// budget is what the engine may weigh after brotli at its best, in bytes.
const budget = 850_000

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: size FOLDER: the folder that holds larder.wasm, as `make web` builds it")
		os.Exit(2)
	}
	if err := report(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "size:", err)
		os.Exit(1)
	}
}

func report(dir string) error {
	scripts, err := filepath.Glob(filepath.Join(dir, "larder", "*.js"))
	if err != nil {
		return err
	}
	files := []string{"larder.wasm", "wasm_exec.js", "idb.js", "larder.js", "online.js"}
	for _, path := range scripts {
		files = append(files, filepath.Join("larder", filepath.Base(path)))
	}
	files = append(files, "sw.js", "sw/manifest.js", "sw/file.js", "sw/state.js", "sw/push.js", "appcache.js")
	fmt.Printf("%-22s %10s %10s %10s\n", "bytes", "raw", "gzip -9", "brotli -11")
	var engine int
	for _, name := range files {
		data, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			return err
		}
		zipped, err := compressed(data, func(w io.Writer) (io.WriteCloser, error) { return gzip.NewWriterLevel(w, 9) })
		if err != nil {
			return err
		}
		packed, err := compressed(data, func(w io.Writer) (io.WriteCloser, error) { return brotli.NewWriterLevel(w, 11), nil })
		if err != nil {
			return err
		}
		fmt.Printf("%-22s %10d %10d %10d\n", filepath.ToSlash(name), len(data), zipped, packed)
		if name == "larder.wasm" {
			engine = packed
		}
	}
	if engine > budget {
		return fmt.Errorf("larder.wasm is %d bytes after brotli: the budget is %d", engine, budget)
	}
	fmt.Printf("engine: %d of %d bytes (%.0f %%)\n", engine, budget, 100*float64(engine)/budget)
	return nil
}

func compressed(data []byte, writer func(io.Writer) (io.WriteCloser, error)) (int, error) {
	var out bytes.Buffer
	w, err := writer(&out)
	if err != nil {
		return 0, err
	}
	if _, err := w.Write(data); err != nil {
		return 0, err
	}
	if err := w.Close(); err != nil {
		return 0, err
	}
	return out.Len(), nil
}
