package api

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"

	"github.com/larder-sync/larder/table"
)

// protocol is which of Azure's dialects a request speaks.
type protocol uint8

const (
	version2 protocol = 2 // Azure Mobile Apps
	version3 protocol = 3 // Datasync
	// batched is Larder's own: what travels inside a batch.
	batched protocol = 100
)

var versions = map[protocol]*regexp.Regexp{
	version2: regexp.MustCompile(`^2\.0\.\d+$`),
	version3: regexp.MustCompile(`^3\.0(\.\d+)?$`),
}

func parseVersion(text string) (protocol, bool) {
	for p, pattern := range versions {
		if pattern.MatchString(text) {
			return p, true
		}
	}
	return 0, false
}

// CheckVersion reports whether text is a version for [Options.Version].
func CheckVersion(text string) error {
	if _, ok := parseVersion(text); !ok && text != "" {
		return table.Errorf(table.CodeInvalid, "the version is neither 2.0.0 nor 3.0.0")
	}
	return nil
}

// speaks finds out which protocol a request speaks: it says so in a header, or in a parameter whose name may have any case.
// The text of the refusal is the one that Azure Mobile Apps' clients know.
func (a *API) speaks(h http.Header, query url.Values) (protocol, error) {
	v := h.Get(table.HeaderZUMOVersion)
	for name, values := range query {
		if v == "" && strings.EqualFold(name, table.HeaderZUMOVersion) {
			v = values[0]
		}
	}
	if p, ok := parseVersion(v); ok {
		return p, nil
	}
	if a.unnamed != 0 && (v == "" || a.anyVersion) {
		return a.unnamed, nil
	}
	return 0, table.Errorf(table.CodeInvalid, "An invalid API version was specified in the request, "+
		"this request needs to specify a ZUMO-API-VERSION of "+table.ZUMOVersion+".")
}
