package manifest

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
)

// ErrSignature is returned by [Parse] for a text that is not a cache manifest. Most often it is a page that says
// "not found".
var ErrSignature = errors.New(`not a cache manifest: the first line must start with "CACHE MANIFEST"`)

const signature = "CACHE MANIFEST"

// The sections. Lines of an unknown section are ignored.
const (
	sectionCache    = "CACHE:"
	sectionFallback = "FALLBACK:"
	sectionNetwork  = "NETWORK:"
	sectionSettings = "SETTINGS:"
	sectionUnknown  = ""
)

// Parse reads the manifest that was found at manifestURL, an absolute http or https URL. After the signature nothing can
// fail: what cannot be understood is ignored, as in browsers; [Check] is for authors. The only errors are
// [ErrSignature] and a manifestURL that is none.
func Parse(manifestURL string, text []byte) (*Manifest, error) {
	base, err := parseAddress(manifestURL)
	if err != nil {
		return nil, fmt.Errorf("manifest URL %q: %w", manifestURL, err)
	}
	p, err := newParser(base, text)
	if err != nil {
		return nil, err
	}
	for p.next() {
		p.data()
	}
	return p.m, nil
}

// parser walks over a manifest's data lines.
type parser struct {
	m       *Manifest
	base    address
	folder  string // the manifest's path up to and with its last slash
	rest    string
	number  int // of the current line, from 1
	section string
	tokens  []string // of the current line; at least one

	entries  map[string]int // URL to index in m.Entries
	fallback map[string]bool
	online   map[string]bool
}

func newParser(base address, text []byte) (*parser, error) {
	text = bytes.TrimPrefix(text, []byte("\ufeff"))
	rest, ok := strings.CutPrefix(decode(text), signature)
	if !ok || rest != "" && !strings.ContainsRune(" \t\r\n", rune(rest[0])) {
		return nil, ErrSignature
	}
	p := &parser{
		m:    &Manifest{URL: base.String(), Entries: []Entry{}, Fallback: []Fallback{}, Online: []string{}, Mode: ModeFast},
		base: base, folder: base.path[:strings.LastIndexByte(base.path, '/')+1], rest: rest, section: sectionCache,
		entries: map[string]int{}, fallback: map[string]bool{}, online: map[string]bool{},
	}
	p.line()
	return p, nil
}

// decode reads UTF-8 as browsers do, with U+FFFD for what is none.
func decode(text []byte) string { return string([]rune(string(text))) }

// line takes the next line off the rest. CR LF ends one line, not two.
func (p *parser) line() string {
	p.number++
	end := strings.IndexAny(p.rest, "\r\n")
	if end < 0 {
		line := p.rest
		p.rest = ""
		return line
	}
	line := p.rest[:end]
	if strings.HasPrefix(p.rest[end:], "\r\n") {
		end++
	}
	p.rest = p.rest[end+1:]
	return line
}

// next goes to the next line that holds data, past headers, comments and empty lines.
func (p *parser) next() bool {
	for p.rest != "" {
		line := strings.Trim(p.line(), " \t")
		switch {
		case line == "" || line[0] == '#':
		case line == sectionCache, line == sectionFallback, line == sectionNetwork, line == sectionSettings:
			p.section = line
		case line[len(line)-1] == ':':
			p.section = sectionUnknown
		default:
			p.tokens = strings.FieldsFunc(line, func(r rune) bool { return r == ' ' || r == '\t' })
			return true
		}
	}
	return false
}

func (p *parser) data() {
	switch p.section {
	case sectionCache:
		p.entry()
	case sectionFallback:
		p.fall()
	case sectionNetwork:
		p.network()
	case sectionSettings:
		if len(p.tokens) == 1 && p.tokens[0] == string(ModePreferOnline) {
			p.m.Mode = ModePreferOnline
		}
	}
}

func (p *parser) entry() {
	u, err := p.base.resolve(p.tokens[0])
	if err != nil {
		return
	}
	e := Entry{URL: u.String()}
	if len(p.tokens) > 1 {
		e.Integrity, _ = parseIntegrity(p.tokens[1])
		if p.tokens[1] == Opaque && u.origin() != p.base.origin() {
			e.Integrity = Opaque
		}
	}
	i, twice := p.entries[e.URL]
	if !twice {
		p.entries[e.URL] = len(p.m.Entries)
		p.m.Entries = append(p.m.Entries, e)
	} else if p.m.Entries[i].Integrity == "" {
		p.m.Entries[i].Integrity = e.Integrity
	}
}

func (p *parser) fall() {
	if len(p.tokens) < 2 {
		return
	}
	namespace, err := p.base.resolve(p.tokens[0])
	if err != nil || namespace.origin() != p.base.origin() || !strings.HasPrefix(namespace.path, p.folder) {
		return
	}
	page, err := p.base.resolve(p.tokens[1])
	if err != nil || page.origin() != p.base.origin() {
		return
	}
	f := Fallback{Namespace: namespace.String(), Page: page.String()}
	if !p.fallback[f.Namespace] {
		p.fallback[f.Namespace] = true
		p.m.Fallback = append(p.m.Fallback, f)
	}
}

func (p *parser) network() {
	if p.tokens[0] == "*" {
		p.m.Wildcard = true
		return
	}
	u, err := p.base.resolve(p.tokens[0])
	if err != nil || p.online[u.String()] {
		return
	}
	p.online[u.String()] = true
	p.m.Online = append(p.m.Online, u.String())
}

const integrityPrefix = "sha256-"

// parseIntegrity reads "sha256-" and 32 bytes in base64 or base64url, padded or not, and gives the form that fetch takes.
func parseIntegrity(token string) (integrity string, ok bool) {
	text, ok := strings.CutPrefix(token, integrityPrefix)
	if !ok {
		return "", false
	}
	if len(text) == 44 {
		text = strings.TrimSuffix(text, "=")
	}
	text = strings.NewReplacer("-", "+", "_", "/").Replace(text)
	sum, err := base64.RawStdEncoding.DecodeString(text)
	if err != nil || len(sum) != 32 {
		return "", false
	}
	return integrityPrefix + base64.StdEncoding.EncodeToString(sum), true
}
