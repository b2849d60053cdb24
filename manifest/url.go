package manifest

import (
	"errors"
	"net/netip"
	"strconv"
	"strings"
)

// address is an absolute http or https URL without its fragment, taken apart and normalized as the URL standard says,
// because manifests are matched by comparing what browsers would write. Package net/url keeps a URL as its author
// wrote it, which is a different thing.
//
// Two rarities are refused that browsers accept: host names beyond ASCII (write them as "xn--…") and the old spellings of
// IPv4 addresses (127.1, 0x7f000001).
type address struct {
	scheme string
	user   string // "name" or "name:password", escaped, or ""
	host   string
	port   string // "" if it is the scheme's own
	path   string // starts with "/"
	query  string // starts with "?", or is ""
}

var errAddress = errors.New("not an http or https URL")

// String serializes the address as a browser does.
func (a address) String() string {
	user := a.user
	if user != "" {
		user += "@"
	}
	return a.scheme + "://" + user + a.hostport() + a.path + a.query
}

func (a address) hostport() string {
	if a.port == "" {
		return a.host
	}
	return a.host + ":" + a.port
}

// origin is what the same-origin rules compare.
func (a address) origin() string { return a.scheme + "://" + a.hostport() }

// parseAddress reads an absolute URL.
func parseAddress(text string) (address, error) {
	scheme, rest, ok := cutScheme(clean(text))
	if !ok || scheme != "http" && scheme != "https" {
		return address{}, errAddress
	}
	return parseAuthority(scheme, strings.TrimLeft(rest, `/\`))
}

// resolve reads a URL that may be relative to a. A URL with another scheme is an error: nothing in a manifest may have
// one.
func (a address) resolve(text string) (address, error) {
	rest := clean(text)
	if scheme, after, ok := cutScheme(rest); ok {
		if scheme != a.scheme {
			return address{}, errAddress
		}
		rest = after
	}
	slashes := len(rest) - len(strings.TrimLeft(rest, `/\`))
	if slashes >= 2 {
		return parseAuthority(a.scheme, rest[slashes:])
	}
	path, query := cutPath(rest)
	switch {
	case slashes == 1:
	case path != "":
		path = a.path[:strings.LastIndexByte(a.path, '/')+1] + path
	default:
		path = a.path
		if query == "" {
			query = a.query
		}
	}
	a.path, a.query = normalizePath(path), query
	return a, nil
}

func parseAuthority(scheme, rest string) (address, error) {
	a := address{scheme: scheme}
	authority := rest
	if end := strings.IndexAny(rest, `/\?#`); end >= 0 {
		authority, rest = rest[:end], rest[end:]
	} else {
		rest = ""
	}
	if at := strings.LastIndexByte(authority, '@'); at >= 0 {
		a.user = escapeUser(authority[:at])
		authority = authority[at+1:]
	}
	host, port := authority, ""
	if colon := strings.LastIndexByte(authority, ':'); colon > strings.LastIndexByte(authority, ']') {
		host, port = authority[:colon], authority[colon+1:]
	}
	var err error
	if a.host, err = parseHost(host); err != nil {
		return address{}, err
	}
	if a.port, err = parsePort(scheme, port); err != nil {
		return address{}, err
	}
	path, query := cutPath(rest)
	a.path, a.query = normalizePath(path), query
	return a, nil
}

func parseHost(host string) (string, error) {
	if strings.HasPrefix(host, "[") && strings.HasSuffix(host, "]") {
		ip, err := netip.ParseAddr(host[1 : len(host)-1])
		if err != nil || !ip.Is6() || ip.Zone() != "" {
			return "", errAddress
		}
		return "[" + ip.String() + "]", nil
	}
	host, ok := unescape(host)
	if !ok || host == "" {
		return "", errAddress
	}
	for i := range len(host) {
		if c := host[i]; c <= ' ' || c >= 0x7f || strings.IndexByte("#%/:<>?@[\\]^|", c) >= 0 {
			return "", errAddress
		}
	}
	host = strings.ToLower(host)
	labels := strings.Split(strings.TrimSuffix(host, "."), ".")
	if last := labels[len(labels)-1]; last != "" && last[0] >= '0' && last[0] <= '9' {
		if _, err := strconv.ParseUint(last, 0, 64); err == nil {
			ip, err := netip.ParseAddr(strings.TrimSuffix(host, "."))
			if err != nil {
				return "", errAddress
			}
			return ip.String(), nil
		}
	}
	return host, nil
}

func parsePort(scheme, port string) (string, error) {
	if port == "" {
		return "", nil
	}
	for i := range len(port) {
		if port[i] < '0' || port[i] > '9' {
			return "", errAddress
		}
	}
	port = strings.TrimLeft(port, "0")
	if port == "" {
		port = "0"
	}
	if n, err := strconv.Atoi(port); err != nil || n > 65535 {
		return "", errAddress
	}
	if scheme == "http" && port == "80" || scheme == "https" && port == "443" {
		return "", nil
	}
	return port, nil
}

// clean drops what browsers drop before they look: controls and spaces around, tabs and line ends inside.
func clean(text string) string {
	text = strings.TrimFunc(text, func(r rune) bool { return r <= ' ' })
	return strings.Map(func(r rune) rune {
		if r == '\t' || r == '\n' || r == '\r' {
			return -1
		}
		return r
	}, text)
}

func cutScheme(text string) (scheme, rest string, ok bool) {
	for i := range len(text) {
		switch c := text[i]; {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z':
		case i > 0 && (c >= '0' && c <= '9' || c == '+' || c == '-' || c == '.'):
		case i > 0 && c == ':':
			return strings.ToLower(text[:i]), text[i+1:], true
		default:
			return "", text, false
		}
	}
	return "", text, false
}

// cutPath drops the fragment and takes the rest apart. The query is escaped, and keeps its question mark.
func cutPath(text string) (path, query string) {
	text, _, _ = strings.Cut(text, "#")
	path, query, ok := strings.Cut(text, "?")
	if ok {
		query = "?" + escape(query, queryEscapes)
	}
	return path, query
}

// normalizePath resolves dot segments, also escaped ones, and escapes what a path may not hold.
func normalizePath(path string) string {
	path = strings.ReplaceAll(path, `\`, "/")
	segments := strings.Split(strings.TrimPrefix(path, "/"), "/")
	out := make([]string, 0, len(segments))
	for i, s := range segments {
		last := i == len(segments)-1
		switch strings.ReplaceAll(strings.ToLower(s), "%2e", ".") {
		case ".":
			if last {
				out = append(out, "")
			}
		case "..":
			if len(out) > 0 {
				out = out[:len(out)-1]
			}
			if last {
				out = append(out, "")
			}
		default:
			out = append(out, escape(s, pathEscapes))
		}
	}
	return "/" + strings.Join(out, "/")
}

// What is percent-encoded besides controls, the space and everything beyond ASCII.
const (
	pathEscapes  = "\"#<>?^`{}"
	queryEscapes = "\"#<>'"
	userEscapes  = "\"#<>?`{}/:;=@[\\]^|"
)

func escape(text, set string) string {
	const hex = "0123456789ABCDEF"
	var b strings.Builder
	for i := range len(text) {
		c := text[i]
		if c <= ' ' || c >= 0x7f || strings.IndexByte(set, c) >= 0 {
			b.WriteByte('%')
			b.WriteByte(hex[c>>4])
			b.WriteByte(hex[c&15])
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}

func escapeUser(text string) string {
	name, password, _ := strings.Cut(text, ":")
	name, password = escape(name, userEscapes), escape(password, userEscapes)
	if password == "" {
		return name
	}
	return name + ":" + password
}

// unescape decodes percent-encoding; ok is false if a percent sign does not start an escape.
func unescape(text string) (decoded string, ok bool) {
	if strings.IndexByte(text, '%') < 0 {
		return text, true
	}
	b := make([]byte, 0, len(text))
	for i := 0; i < len(text); i++ {
		if text[i] != '%' {
			b = append(b, text[i])
			continue
		}
		if i+2 >= len(text) {
			return "", false
		}
		c, err := strconv.ParseUint(text[i+1:i+3], 16, 8)
		if err != nil {
			return "", false
		}
		b = append(b, byte(c))
		i += 2
	}
	return string(b), true
}
