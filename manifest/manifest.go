// Package manifest reads, matches, builds and checks cache manifests: the text files by which an AppCache page names
// what it needs offline.
//
// The syntax and the rules are those of the HTML standard's "Offline Web applications" as it last stood, so any old
// manifest works. One thing is added, in a place that AppCache ignores: in the CACHE section an entry's URL may be
// followed by the SHA-256 of its content,
//
//	CACHE MANIFEST
//	CACHE:
//	app.js sha256-LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=
//	NETWORK:
//	*
//
// so that a reader can verify what it stores, or by the word opaque (see [Opaque]), and every change of a file changes the manifest's bytes, which is
// AppCache's own test for a new version. [Build] writes such manifests from a folder, [Check] finds the mistakes in one
// that was written by hand.
//
// # Guarantees
//
//   - No text makes this package panic or read on for ever. What cannot be understood is ignored, as in browsers; only a
//     missing signature is an error.
//   - The same files give the same manifest, byte for byte, and a change of any listed file gives another one.
//   - A [Matcher] decides as the worker does.
//
// # Caveats
//
//   - A file without a hash can change unseen: the manifest's bytes must then be changed by hand, as with AppCache.
//   - [Check] sees a folder only. It cannot tell what a server answers for a URL that is no file there.
//
// The service worker has the same parser and matcher in JavaScript; both are held to the vectors in testdata.
package manifest

// Name is the file name under which a folder's manifest is looked for and built.
const Name = "cache.manifest"

// MediaType is the Content-Type that a manifest is served with.
const MediaType = "text/cache-manifest; charset=utf-8"

// Mode says when a page that is stored is loaded from the cache.
type Mode string

// The two modes.
const (
	ModeFast         Mode = "fast"          // the cache answers, the network is asked for a new version later
	ModePreferOnline Mode = "prefer-online" // navigations ask the network first
)

// Manifest is a parsed cache manifest. All URLs in it are absolute, serialized as browsers do, and have no fragment;
// each list is in the order of first appearance and holds nothing twice.
//
// A Manifest is not changed by this package once it is returned; reading it concurrently is safe.
type Manifest struct {
	URL      string     `json:"-"`        // its own, without a fragment
	Entries  []Entry    `json:"entries"`  // the CACHE section: always served from the cache
	Fallback []Fallback `json:"fallback"` // what stands in when the network fails
	Online   []string   `json:"online"`   // prefixes that always take the network
	Wildcard bool       `json:"wildcard"` // whatever is not named may take the network too
	Mode     Mode       `json:"mode"`
}

// Entry is one URL of the CACHE section.
type Entry struct {
	URL       string `json:"url"`
	Integrity string `json:"integrity,omitempty"` // "sha256-" and base64 with padding, as fetch takes it; Opaque; "" if none is given
}

// Opaque stands in the place of a hash after an entry of another origin whose server does not allow scripts to read it (CORS).
// Without the word such a file is refused: nobody can tell whether it is the file or an error page, and browsers count
// some megabytes for each against the app's storage.
const Opaque = "opaque"

// Fallback says that Page stands in for every URL that starts with Namespace, when the network fails.
type Fallback struct {
	Namespace string `json:"namespace"`
	Page      string `json:"page"`
}
