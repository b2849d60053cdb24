package static

import (
	"path"
	"strings"

	"github.com/larder-sync/larder/manifest"
)

type media struct {
	contentType  string
	compressible bool
	entrance     bool
}

// mediaTypes is our own table, because those of operating systems differ, and a browser runs neither a script nor
// WebAssembly of the wrong type.
var mediaTypes = map[string]media{
	".html":        {"text/html; charset=utf-8", true, true},
	".htm":         {"text/html; charset=utf-8", true, true},
	".xhtml":       {"application/xhtml+xml", true, true},
	".manifest":    {manifest.MediaType, true, true},
	".appcache":    {manifest.MediaType, true, true},
	".webmanifest": {"application/manifest+json", true, true},

	".js":   {"text/javascript; charset=utf-8", true, false},
	".mjs":  {"text/javascript; charset=utf-8", true, false},
	".wasm": {"application/wasm", true, false},
	".css":  {"text/css; charset=utf-8", true, false},
	".json": {"application/json", true, false},
	".map":  {"application/json", true, false},
	".xml":  {"application/xml", true, false},
	".svg":  {"image/svg+xml", true, false},
	".txt":  {"text/plain; charset=utf-8", true, false},
	".md":   {"text/markdown; charset=utf-8", true, false},
	".csv":  {"text/csv; charset=utf-8", true, false},
	".ts":   {"text/plain; charset=utf-8", true, false},
	".ttf":  {"font/ttf", true, false},
	".otf":  {"font/otf", true, false},
	".ico":  {"image/x-icon", true, false},

	".png":   {"image/png", false, false},
	".jpg":   {"image/jpeg", false, false},
	".jpeg":  {"image/jpeg", false, false},
	".gif":   {"image/gif", false, false},
	".webp":  {"image/webp", false, false},
	".avif":  {"image/avif", false, false},
	".woff":  {"font/woff", false, false},
	".woff2": {"font/woff2", false, false},
	".mp3":   {"audio/mpeg", false, false},
	".ogg":   {"audio/ogg", false, false},
	".wav":   {"audio/wav", false, false},
	".mp4":   {"video/mp4", false, false},
	".webm":  {"video/webm", false, false},
	".pdf":   {"application/pdf", false, false},
	".zip":   {"application/zip", false, false},
	".gz":    {"application/gzip", false, false},
}

func mediaOf(name string) media {
	if m, ok := mediaTypes[strings.ToLower(path.Ext(name))]; ok {
		return m
	}
	return media{contentType: "application/octet-stream"}
}
