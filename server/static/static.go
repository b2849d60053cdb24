// Package static serves a web folder from memory: compressed copies chosen by what the client accepts, strong ETags,
// the security headers that an app with WebAssembly and a service worker can live under, and the folder's offline
// manifest, checked or built.
//
// Nothing that a request says reaches the file system: requests look names up in a map that was made when the folder
// was read.
package static

import (
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"net/http"
	"net/url"
	"path"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// DefaultMaxSize bounds what a [Handler] holds in memory, so that a wrong folder is an error and not a machine without
// memory.
const DefaultMaxSize = 512 << 20

// lookEvery is how long a look at the folder holds.
const lookEvery = time.Second

// Options are what [New] can be told. The zero value serves the folder as it is now.
type Options struct {
	// Connect are the origins of other servers that the pages may call, as in "https://api.example.com".
	Connect []string

	// Reload looks, when a page, a manifest or the worker is asked for, whether files have changed, at most once a second,
	// and reads the folder again if so. If it cannot be served then, that is logged, and the last good state stays.
	Reload bool

	// Fallback is the page that answers navigations to names that are no files, for apps that route in the browser, as in
	// "index.html". A name with an extension, and what is no navigation, stay 404. "" is none.
	Fallback string

	MaxSize int64            // bytes of all files together; 0 is DefaultMaxSize
	Logger  *slog.Logger     // nil logs nothing
	Now     func() time.Time // nil is time.Now
}

// header is a header by its canonical name, with values that all answers share.
type header struct {
	name   string
	values []string
}

// Handler serves a folder. It is safe for concurrent use.
type Handler struct {
	fsys    fs.FS
	options Options
	headers []header // on every answer
	current atomic.Pointer[snapshot]

	reload  sync.Mutex // guards what follows
	checked time.Time
	seen    stamps // the state that was last read, whether it could be served or not
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
	seen, err := list(fsys, o.MaxSize, h.checked)
	if err != nil {
		return nil, err
	}
	s, err := read(fsys, seen, nil, o.Logger)
	if err != nil {
		return nil, err
	}
	if o.Fallback != "" && s.files["/"+o.Fallback] == nil {
		return nil, fmt.Errorf("the fallback page %s is not in the folder", o.Fallback)
	}
	h.seen = seen
	h.current.Store(s)
	return h, nil
}

// ServeHTTP answers GET and HEAD.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	header := w.Header()
	for _, s := range h.headers {
		header[s.name] = s.values
	}
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "files can only be read", http.StatusMethodNotAllowed)
		return
	}
	f := h.current.Load().files[r.URL.Path]
	if h.options.Reload && (f == nil || f.entrance) {
		h.refresh()
		f = h.current.Load().files[r.URL.Path]
	}
	if f == nil {
		h.missing(w, r)
		return
	}
	f.serve(w, r)
}

// missing answers a name that is no file with a real 404: given the app's page in place of a script, a worker would
// store it as one.
func (h *Handler) missing(w http.ResponseWriter, r *http.Request) {
	files := h.current.Load().files
	if files[r.URL.Path+"/"] == nil {
		if page := files["/"+h.options.Fallback]; h.options.Fallback != "" && page != nil && navigates(r) {
			page.serve(w, r)
			return
		}
		w.Header().Set("Cache-Control", "no-cache")
		http.Error(w, "not found", http.StatusNotFound)
		return
	}
	w.Header().Set("Cache-Control", "no-cache")
	folder := url.URL{Path: path.Base(r.URL.Path) + "/", RawQuery: r.URL.RawQuery}
	w.Header().Set("Location", folder.String())
	w.WriteHeader(http.StatusMovedPermanently)
}

// navigates reports whether a browser asks for a page, by a name that could be one's.
func navigates(r *http.Request) bool {
	if path.Ext(r.URL.Path) != "" {
		return false
	}
	if mode := r.Header.Get("Sec-Fetch-Mode"); mode != "" {
		return mode == "navigate"
	}
	return strings.Contains(r.Header.Get("Accept"), "text/html")
}

// refresh reads the folder again if its files have changed. Callers that come while one is at it do not wait.
func (h *Handler) refresh() {
	if !h.reload.TryLock() {
		return
	}
	defer h.reload.Unlock()
	now := h.options.Now()
	if now.Sub(h.checked) < lookEvery {
		return
	}
	h.checked = now
	seen, err := list(h.fsys, h.options.MaxSize, now)
	if err == nil && maps.Equal(seen, h.seen) {
		return
	}
	h.seen = seen
	var s *snapshot
	if err == nil {
		s, err = read(h.fsys, seen, h.current.Load(), h.options.Logger)
	}
	if err != nil {
		h.options.Logger.Error("the web folder has changed and cannot be served as it is now; serving its last good state",
			"error", err.Error())
		return
	}
	old := h.current.Swap(s)
	if !s.equals(old) {
		h.options.Logger.Info("the web folder has changed and was read again", "files", len(seen))
	}
}
