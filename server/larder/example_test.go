package main

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"
)

// The program's commands run without a process of their own: a file is imported into a new database, and again.
func Example() {
	folder, err := os.MkdirTemp("", "larder-")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(folder)
	for name, text := range map[string]string{
		"tables/shop.json": `{"columns": {"name": "string", "open": "boolean"}, "dynamicSchema": false}`,
		"shops.json":       `[{"id": "1", "name": "Bakery", "open": true}, {"id": "2", "name": "Dairy", "open": false}]`,
	} {
		path := filepath.Join(folder, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			log.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			log.Fatal(err)
		}
	}
	m := &Main{Stdout: os.Stdout, Stderr: os.Stderr, Getenv: func(string) string { return "" }}
	for range 2 {
		err := m.Run(context.Background(), []string{"import", filepath.Join(folder, "shops.json"), "--table", "shop",
			"--tables", filepath.Join(folder, "tables"), "--db", "sqlite:" + filepath.Join(folder, "larder.db")})
		if err != nil {
			log.Fatal(err)
		}
	}
	err = m.Run(context.Background(), []string{"import", "shops.json"})
	fmt.Println(err, exitCode(err))
	// Output:
	// shop: 2 added, 0 changed, 0 unchanged
	// shop: 0 added, 0 changed, 2 unchanged
	// import: which --table? ("larder help import" tells more) 2
}
