package server

import (
	"compress/gzip"
	"net/http"
	"strconv"
	"strings"
	"sync"
)

// minGzip is the size of an answer from which on compressing it is worth while, in bytes.
const minGzip = 1 << 10

// gzips are idle compressors. Pages of records repeat themselves so much that the fastest level does.
var gzips = sync.Pool{New: func() any {
	z, _ := gzip.NewWriterLevel(nil, gzip.BestSpeed) // the level is one that there is
	return z
}}

// gzipped compresses pages of JSON for those who take it. Single records are left as they are: their ETag is of these bytes.
func gzipped(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Add("Vary", "Accept-Encoding")
		if !takesGzip(r.Header.Get("Accept-Encoding")) || r.Method == http.MethodHead {
			next.ServeHTTP(w, r)
			return
		}
		z := &gzipWriter{ResponseWriter: w}
		defer z.close()
		next.ServeHTTP(z, r)
	})
}

func takesGzip(header string) bool {
	for part := range strings.SplitSeq(header, ",") {
		name, params, _ := strings.Cut(part, ";")
		if strings.EqualFold(strings.TrimSpace(name), "gzip") {
			q, ok := strings.CutPrefix(strings.TrimSpace(params), "q=")
			weight, err := strconv.ParseFloat(q, 64)
			return !ok || err == nil && weight > 0
		}
	}
	return false
}

// gzipWriter compresses if the header that is sent says that it is worth while.
type gzipWriter struct {
	http.ResponseWriter
	z     *gzip.Writer // nil while nothing is compressed
	begun bool
}

func (g *gzipWriter) WriteHeader(status int) {
	h := g.Header()
	size, err := strconv.Atoi(h.Get("Content-Length"))
	if !g.begun && status == http.StatusOK && err == nil && size >= minGzip && h.Get("ETag") == "" &&
		h.Get("Content-Encoding") == "" && strings.HasPrefix(h.Get("Content-Type"), "application/json") {
		g.z = gzips.Get().(*gzip.Writer)
		g.z.Reset(g.ResponseWriter)
		h.Set("Content-Encoding", "gzip")
		h.Del("Content-Length")
	}
	g.begun = g.begun || status >= http.StatusOK
	g.ResponseWriter.WriteHeader(status)
}

func (g *gzipWriter) Write(p []byte) (int, error) {
	if !g.begun {
		g.WriteHeader(http.StatusOK)
	}
	if g.z != nil {
		return g.z.Write(p)
	}
	return g.ResponseWriter.Write(p)
}

func (g *gzipWriter) close() {
	if g.z == nil {
		return
	}
	g.z.Close() // an error here means that the client has gone
	g.z.Reset(nil)
	gzips.Put(g.z)
	g.z = nil
}

// Unwrap lets http.ResponseController reach the connection.
func (g *gzipWriter) Unwrap() http.ResponseWriter { return g.ResponseWriter }
