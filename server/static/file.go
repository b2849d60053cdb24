package static

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"path"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// file is one file in memory, with its compressed copies.
type file struct {
	contentType  string
	cacheControl string
	compressible bool
	typeHeader   []string // headers are made once, and shared by all answers
	cacheHeader  []string
	entrance     bool // it decides which other files are loaded: a page, a worker or a manifest
	sum          [sha256.Size]byte
	copies       []encoded // the plain one first
}

// encoded is a file's content in one content coding.
type encoded struct {
	coding string
	etag   string
	body   []byte

	etagHeader, codingHeader, lengthHeader []string
}

var varyHeader = []string{"Accept-Encoding"}

const (
	codingPlain  = "identity"
	codingBrotli = "br"
	codingGzip   = "gzip"
)

func newFile(name string, body []byte) *file {
	m := mediaOf(name)
	f := &file{contentType: m.contentType, compressible: m.compressible, sum: sha256.Sum256(body), cacheControl: "no-cache"}
	f.entrance = m.entrance || path.Base(name) == "sw.js"
	if !f.entrance && isHashed(path.Base(name)) {
		f.cacheControl = "public, max-age=31536000, immutable"
	}
	f.typeHeader, f.cacheHeader = []string{f.contentType}, []string{f.cacheControl}
	f.addCopy(codingPlain, body)
	return f
}

func (f *file) body() []byte { return f.copies[0].body }

func (f *file) addCopy(coding string, body []byte) {
	sum := sha256.Sum256(body)
	etag := `"` + base64.RawURLEncoding.EncodeToString(sum[:])
	if coding != codingPlain {
		etag += "-" + coding
	}
	etag += `"`
	f.copies = append(f.copies, encoded{coding: coding, etag: etag, body: body,
		etagHeader: []string{etag}, codingHeader: []string{coding}, lengthHeader: []string{strconv.Itoa(len(body))}})
}

const (
	worthCompressing = 512     // bytes; below, the headers weigh more than what is won
	slowToCompress   = 1 << 20 // bytes; above, a start would take seconds at the best level
	quickLevel       = 5       // of gzip: the next one takes three times as long, for 1 % less of the engine
)

// compress makes a gzip copy, unless the folder brought one or it is not worth it. Brotli is left to the build, where
// there is time for it.
func (f *file) compress() error {
	size := len(f.body())
	if !f.compressible || size < worthCompressing || len(f.copies) > 1 && f.copies[len(f.copies)-1].coding == codingGzip {
		return nil
	}
	level := gzip.BestCompression
	if size > slowToCompress {
		level = quickLevel
	}
	var b bytes.Buffer
	z, err := gzip.NewWriterLevel(&b, level)
	if err != nil {
		return err
	}
	if _, err := z.Write(f.body()); err != nil {
		return err
	}
	if err := z.Close(); err != nil {
		return err
	}
	if b.Len() < size-size/20 {
		f.addCopy(codingGzip, b.Bytes())
	}
	return nil
}

func (f *file) serve(w http.ResponseWriter, r *http.Request) {
	header := w.Header()
	c := &f.copies[0]
	if len(f.copies) > 1 {
		header["Vary"] = varyHeader
		c = f.choose(r.Header["Accept-Encoding"])
	}
	header["Cache-Control"] = f.cacheHeader
	header["Etag"] = c.etagHeader
	if isCurrent(c.etag, r.Header["If-None-Match"]) {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	header["Content-Type"] = f.typeHeader
	if c.coding == codingPlain {
		// It knows ranges, which make sense for plain content only: a resumed download would mix two codings.
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(c.body))
		return
	}
	header["Content-Encoding"] = c.codingHeader
	header["Content-Length"] = c.lengthHeader
	if r.Method != http.MethodHead {
		w.Write(c.body) // an error here means that the client has gone, which is its own affair
	}
}

// isCurrent tells whether the client has this content already. The comparison is the weak one, as the header's is.
func isCurrent(etag string, header []string) bool {
	for _, line := range header {
		for tag := range strings.SplitSeq(line, ",") {
			tag = strings.TrimPrefix(strings.TrimSpace(tag), "W/")
			if tag == etag || tag == "*" {
				return true
			}
		}
	}
	return false
}

var hashPart = regexp.MustCompile(`^[0-9a-f]{8,64}$`)

// isHashed reports whether a name holds a hash of its content, as in app.3f9a1c07.js. Eight digits without a letter are
// rather a date.
func isHashed(base string) bool {
	parts := strings.Split(base, ".")
	if len(parts) < 3 {
		return false
	}
	for _, p := range parts[1 : len(parts)-1] {
		if hashPart.MatchString(p) && strings.ContainsAny(p, "0123456789") && strings.ContainsAny(p, "abcdef") {
			return true
		}
	}
	return false
}
