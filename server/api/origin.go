package api

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/rs/cors"

	"github.com/larder-sync/larder/server/feed"
	"github.com/larder-sync/larder/table"
)

// origins are the pages of other origins that may use the API. The zero value is none.
type origins struct {
	all  bool
	null bool // pages without an origin, such as files
	list []pattern
}

// pattern is one entry of the list. A host may have one star in it, for letters, digits, dots and hyphens.
type pattern struct {
	scheme string // "" for those that Azure Mobile Apps accepted
	host   string
	port   string // "*" for any, "" for the scheme's own
}

// parseOrigins reads the list of [Options.CORS].
func parseOrigins(list []string) (*origins, error) {
	o := &origins{}
	for _, text := range list {
		text = strings.ToLower(strings.TrimSuffix(strings.TrimSpace(text), "/"))
		switch text {
		case "*":
			o.all = true
			continue
		case "null":
			o.null = true
			continue
		}
		p, ok := parsePattern(text)
		if !ok {
			return nil, table.Errorf(table.CodeInvalid, "the origin ", strconv.Quote(text),
				` is not like "https://app.example.com", "http://localhost:*", "*.example.com" or "*"`)
		}
		o.list = append(o.list, p)
	}
	return o, nil
}

func parsePattern(text string) (p pattern, ok bool) {
	scheme, rest, schemed := strings.Cut(text, "://")
	if schemed {
		p.scheme = scheme
	} else {
		rest, p.port = text, "*"
	}
	if host, port, cut := strings.Cut(rest, ":"); cut && !strings.HasPrefix(rest, "[") {
		_, err := strconv.ParseUint(port, 10, 16)
		if err != nil && port != "*" {
			return p, false
		}
		rest, p.port = host, port
	}
	p.host = rest
	// What is left is a name: the URL parser refuses what cannot be one. The star stands in for a part of it.
	u, err := url.Parse("http://" + strings.Replace(rest, "*", "x", 1))
	bare := strings.Trim(strings.Replace(rest, "*", "", 1), ".")
	named := err == nil && u.Host == strings.Replace(rest, "*", "x", 1) && bare != ""
	return p, named && strings.Count(rest, "*") < 2 && (p.scheme != "" || !schemed)
}

// match reports whether the pattern is of an origin that was taken apart.
func (p pattern) match(u *url.URL) bool {
	if p.scheme != u.Scheme && (p.scheme != "" || u.Scheme != "http" && u.Scheme != "https" && u.Scheme != "ms-appx-web") {
		return false
	}
	if p.port != "*" && p.port != u.Port() {
		return false
	}
	before, after, star := strings.Cut(p.host, "*")
	host := u.Hostname()
	if !star || strings.HasPrefix(p.host, "[") {
		return p.host == host || p.host == "["+host+"]"
	}
	middle, ok1 := strings.CutPrefix(host, before)
	middle, ok2 := strings.CutSuffix(middle, after)
	return ok1 && ok2 && !strings.ContainsFunc(middle, func(c rune) bool {
		return c != '-' && c != '.' && (c < '0' || c > '9') && (c < 'a' || c > 'z')
	})
}

// CheckOrigins reports what is wrong with a list for [Options.CORS].
func CheckOrigins(list []string) error {
	_, err := parseOrigins(list)
	return err
}

// AllowsOrigin reports whether pages of an origin, besides the server's own, may use the API.
func (a *API) AllowsOrigin(origin string) bool { return a.origins.allow(origin) }

// allow reports whether pages of an origin may use the API.
func (o *origins) allow(origin string) bool {
	if o.all || o.null && origin == "null" {
		return true
	}
	u, err := url.Parse(strings.ToLower(origin))
	if err != nil || u.Host == "" || strings.HasSuffix(u.Host, ":") ||
		u.Path != "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return false
	}
	return slices.ContainsFunc(o.list, func(p pattern) bool { return p.match(u) })
}

// guard adds the CORS headers, on errors too, and refuses writes that a page of another origin sends in a way that browsers
// do not ask about first.
func (o *origins) guard(next http.Handler) http.Handler {
	c := cors.New(cors.Options{
		AllowOriginFunc: o.allow,
		AllowedMethods:  []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"},
		AllowedHeaders:  []string{"*"},
		ExposedHeaders:  []string{"ETag", "Link", "Location", table.HeaderProbe, "Retry-After"},
		MaxAge:          300,
	})
	return c.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		origin := r.Header.Get("Origin")
		safe := r.Method == http.MethodGet || r.Method == http.MethodHead || r.Method == http.MethodOptions
		if origin == "" || safe || o.allow(origin) || sameOrigin(r, origin) {
			next.ServeHTTP(w, r)
			return
		}
		body := feed.Refusal(http.StatusForbidden, table.CodeAuth, "pages of "+strconv.QuoteToGraphic(origin)+
			" may not write here: start the server with --cors and this origin").Body
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		w.WriteHeader(http.StatusForbidden)
		_, _ = w.Write(body)
	}))
}

// sameOrigin reports whether the page came from this server. The browser's own word comes first, because a proxy may have
// changed Host.
func sameOrigin(r *http.Request, origin string) bool {
	if site := r.Header.Get("Sec-Fetch-Site"); site != "" {
		return site == "same-origin" || site == "none"
	}
	u, err := url.Parse(origin)
	return err == nil && strings.EqualFold(u.Host, r.Host)
}
