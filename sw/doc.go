// Package sw holds Larder's service worker: AppCache's semantics, installed atomically and served with the network gone.
//
// The worker is generic: it never changes with an app. What an app consists of is data, namely the bytes of its cache manifest,
// which [github.com/larder-sync/larder/web]'s appcache.js names to the worker. See sw.js for how versions are kept and pinned;
// the README says which of AppCache's own tests are covered, and where.
package sw

import (
	"embed"
	"path"
)

//go:embed *.js
var scripts embed.FS

// Parts are the scripts that sw.js imports. A server hands them out in the folder sw beside it.
var Parts = []string{"manifest.js", "file.js", "state.js", "push.js"}

// Script returns a script by its path as a browser asks for it, "sw.js" or "sw/" and one of [Parts], and whether there is one.
// The folder that sw.js lies in, next to cache.manifest, is the worker's scope.
func Script(name string) (text []byte, ok bool) {
	dir, base := path.Split(name)
	if (dir == "") != (base == "sw.js") || dir != "" && dir != "sw/" {
		return nil, false
	}
	text, err := scripts.ReadFile(base)
	return text, err == nil
}
