// Package sw holds Larder's service worker: AppCache's semantics, installed atomically and served with the network gone.
//
// The worker is generic: it never changes with an app. What an app consists of is data, namely the bytes of its cache manifest,
// which [github.com/larder-sync/larder/web]'s appcache.js names to the worker. See sw.js for how versions are kept and pinned.
package sw

import _ "embed"

// JS is the worker's script. A server hands it out as /sw.js, next to cache.manifest: the folder they lie in is the worker's scope.
//
//go:embed sw.js
var JS []byte
