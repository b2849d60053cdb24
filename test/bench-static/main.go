// Command bench-static says what serving a file costs: the processor time of the server per request, for package static, for
// http.FileServer, for nginx with copies compressed beforehand where it is installed, and for larder as a whole. A handler that
// does nothing shows what net/http and the system take for themselves: nothing that is built on them can cost less. The
// contenders take turns; each is a process of its own.
//
//	bench-static -dist dist [-larder bin/larder] [-nginx nginx] [-rounds 7]
package main

import (
	"cmp"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/larder-sync/larder/server/static"
)

func main() {
	var b bench
	serve := flag.String("serve", "", "be a contender: static, fileserver or nothing")
	address := flag.String("addr", "", "where a contender listens")
	flag.StringVar(&b.dist, "dist", "dist", "the `folder` that is served")
	flag.StringVar(&b.larder, "larder", "bin/larder", "the server")
	flag.StringVar(&b.nginx, "nginx", "nginx", "nginx, if there is one")
	flag.IntVar(&b.rounds, "rounds", 7, "how often each contender has its turn")
	flag.Parse()
	err := error(nil)
	if *serve != "" {
		err = contend(*serve, *address, b.dist)
	} else {
		err = b.run()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench-static:", err)
		os.Exit(1)
	}
}

// contend serves the folder until the process is killed.
func contend(name, address, dist string) error {
	var handler http.Handler = http.FileServer(http.Dir(dist))
	switch name {
	case "static":
		var err error
		if handler, err = static.New(os.DirFS(dist), static.Options{Reload: true}); err != nil {
			return err
		}
	case "nothing":
		handler = http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})
	}
	return http.ListenAndServe(address, handler)
}

// file is what is asked for, and how often in a turn.
type file struct {
	name, path string
	times      int
}

var files = []file{{"index page", "/todo/", 4000}, {"engine", "/larder.wasm", 300}}

type bench struct {
	dist, larder, nginx string
	rounds              int
}

func (b *bench) run() error {
	dir, err := os.MkdirTemp("", "bench-static")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	for _, path := range []*string{&b.dist, &b.larder} {
		if *path, err = filepath.Abs(*path); err != nil {
			return err
		}
	}
	contenders, err := b.start(dir)
	for _, c := range contenders {
		defer c.server.Stop()
	}
	if err != nil {
		return err
	}
	fmt.Printf("| CPU per request, medians of %d turns (least–greatest) |", b.rounds)
	for _, f := range files {
		fmt.Printf(" %s | bytes | to http.FileServer |", f.name)
	}
	fmt.Println("\n|---|---|---|---|---|---|---|")
	for range b.rounds {
		for _, f := range files {
			for _, c := range contenders {
				if err := c.turn(f); err != nil {
					return err
				}
			}
		}
	}
	for _, c := range contenders {
		fmt.Printf("| %s |", c.name)
		for _, f := range files {
			took := c.took[f.name]
			slices.Sort(took)
			fmt.Printf(" %v (%v–%v) | %d | %.2f |", median(took), took[0], took[len(took)-1], c.bytes[f.name],
				float64(median(took))/float64(median(contenders[0].took[f.name])))
		}
		fmt.Println()
	}
	return nil
}

func median(took []time.Duration) time.Duration {
	sorted := slices.Sorted(slices.Values(took))
	return sorted[len(sorted)/2]
}

// start starts all contenders; those that were started are returned in any case. The first is what the others are compared with.
func (b *bench) start(dir string) (all []*contender, err error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	add := func(name string, command func(address string) ([]string, error)) error {
		c, err := newContender(name, dir, command)
		if err == nil {
			all = append(all, c)
		}
		return err
	}
	own := func(name string) func(string) ([]string, error) {
		return func(address string) ([]string, error) {
			return []string{self, "-serve", name, "-addr", address, "-dist", b.dist}, nil
		}
	}
	err = cmp.Or(
		add("http.FileServer", own("fileserver")),
		add("a handler that does nothing", own("nothing")),
		add("package static", own("static")),
		add("larder serve", func(address string) ([]string, error) {
			return []string{b.larder, "serve", "--addr", address, "--db", "sqlite:" + filepath.Join(dir, "larder.db"), "--web", b.dist,
				"--tables", dir, "--log", "warn"}, nil
		}))
	if err != nil {
		return all, err
	}
	err = add("nginx, gzip_static", func(address string) ([]string, error) { return nginx(b.nginx, dir, b.dist, address) })
	if errors.Is(err, errNoNginx) {
		fmt.Fprintln(os.Stderr, err)
		err = nil
	}
	return all, err
}
