package manifest

import "strings"

// Action is what happens to a request of a page that has a cache.
type Action string

// The four actions.
const (
	ActionCache    Action = "cache"    // the stored entry answers; the network is not asked
	ActionNetwork  Action = "network"  // the normal way; a failure stays a failure
	ActionFallback Action = "fallback" // the network is asked; if it fails, the stored entry answers
	ActionFail     Action = "fail"     // a network error, even online: AppCache's surprise when NETWORK has no star
)

// Request is what a page asks for.
type Request struct {
	Method   string // "" is GET
	URL      string
	Navigate bool // it loads a document, not a part of one
}

// Decision is the answer of [Matcher.Match].
type Decision struct {
	Action Action
	Page   string // the entry that answers, or stands in; "" for the other actions
}

// Matcher decides by a manifest how requests are answered. It is safe for concurrent use.
type Matcher struct {
	m       *Manifest
	base    address
	entries map[string]bool
}

// NewMatcher makes a matcher for a manifest that [Parse] returned. Masters are the documents that named the manifest:
// they are entries too, as are the manifest itself and all fallback pages.
func NewMatcher(m *Manifest, masters ...string) (*Matcher, error) {
	base, err := parseAddress(m.URL)
	if err != nil {
		return nil, err
	}
	entries := map[string]bool{m.URL: true}
	for _, e := range m.Entries {
		entries[e.URL] = true
	}
	for _, f := range m.Fallback {
		entries[f.Page] = true
	}
	for _, master := range masters {
		u, err := parseAddress(master)
		if err != nil {
			return nil, err
		}
		entries[u.String()] = true
	}
	return &Matcher{m: m, base: base, entries: entries}, nil
}

// Match decides one request. An entry beats the NETWORK section, which beats the FALLBACK section, in which the longest
// namespace wins.
func (t *Matcher) Match(r Request) Decision {
	u, err := parseAddress(r.URL)
	if err != nil || u.scheme != t.base.scheme || r.Method != "" && r.Method != "GET" {
		return Decision{Action: ActionNetwork}
	}
	url := u.String()
	if t.entries[url] {
		if r.Navigate && t.m.Mode == ModePreferOnline {
			return Decision{ActionFallback, url}
		}
		return Decision{ActionCache, url}
	}
	for _, prefix := range t.m.Online {
		if strings.HasPrefix(url, prefix) {
			return Decision{Action: ActionNetwork}
		}
	}
	var longest Fallback
	for _, f := range t.m.Fallback {
		if len(f.Namespace) > len(longest.Namespace) && strings.HasPrefix(url, f.Namespace) {
			longest = f
		}
	}
	switch {
	case longest.Page != "":
		return Decision{ActionFallback, longest.Page}
	case t.m.Wildcard || r.Navigate:
		return Decision{Action: ActionNetwork}
	}
	return Decision{Action: ActionFail}
}
