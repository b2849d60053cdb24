package static

import (
	"fmt"
	"net/url"
	"strings"
)

// securityHeaders are on every answer. The policy must come with sw.js too: a worker's right to run WebAssembly and to
// call a server is that of its own script's answer.
func securityHeaders(connect []string) []header {
	policy := []string{
		"default-src 'none'",
		"script-src 'self' 'wasm-unsafe-eval'",
		strings.Join(append([]string{"connect-src 'self'"}, connect...), " "),
		"worker-src 'self'",
		"style-src 'self'",
		"img-src 'self' data:",
		"font-src 'self'",
		"media-src 'self'",
		"manifest-src 'self'",
		"base-uri 'none'",
		"form-action 'none'",
		"frame-ancestors 'none'",
	}
	return []header{
		{"Content-Security-Policy", []string{strings.Join(policy, "; ")}},
		{"Cross-Origin-Opener-Policy", []string{"same-origin"}},
		{"Cross-Origin-Resource-Policy", []string{"same-origin"}},
		{"X-Content-Type-Options", []string{"nosniff"}},
		{"Referrer-Policy", []string{"no-referrer"}},
		{"Permissions-Policy", []string{"camera=(), microphone=(), geolocation=()"}},
	}
}

// CheckOrigin reports whether text is a web origin as browsers write it: scheme, host and port, and nothing else.
func CheckOrigin(text string) error {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || text != u.Scheme+"://"+u.Host ||
		text != strings.ToLower(text) || strings.ContainsAny(text, " ;,'\"*\\") {
		return fmt.Errorf("%q is not an origin: write the scheme, the host, and the port if it is not the usual one, as in "+
			"https://api.example.com", text)
	}
	return nil
}
