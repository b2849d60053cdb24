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
	all     bool
	exact   []string
	anyPort []string // "http://localhost:", to be followed by a port
}

// parseOrigins reads the list of [Options.CORS].
func parseOrigins(list []string) (*origins, error) {
	o := &origins{}
	for _, text := range list {
		text = strings.ToLower(strings.TrimSuffix(strings.TrimSpace(text), "/"))
		if text == "*" {
			o.all = true
			continue
		}
		host, anyPort := strings.CutSuffix(text, ":*")
		u, err := url.Parse(host)
		if text != "null" && (err != nil || u.Scheme == "" || u.Scheme+"://"+u.Host != host || strings.Contains(host, "*") ||
			anyPort && u.Port() != "") {
			return nil, table.Errorf(table.CodeInvalid, "the origin ", strconv.Quote(text),
				` is not like "https://app.example.com", "http://localhost:*" or "*"`)
		}
		if anyPort {
			o.anyPort = append(o.anyPort, host+":")
		} else {
			o.exact = append(o.exact, text)
		}
	}
	return o, nil
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
	origin = strings.ToLower(origin)
	if o.all || slices.Contains(o.exact, origin) {
		return true
	}
	for _, prefix := range o.anyPort {
		if port, ok := strings.CutPrefix(origin, prefix); ok {
			_, err := strconv.ParseUint(port, 10, 16)
			return err == nil
		}
	}
	return false
}

// guard adds the CORS headers, on errors too, and refuses writes that a page of another origin sends in a way that browsers
// do not ask about first.
func (o *origins) guard(next http.Handler) http.Handler {
	c := cors.New(cors.Options{
		AllowOriginFunc: o.allow,
		AllowedMethods:  []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"},
		AllowedHeaders:  []string{"*"},
		ExposedHeaders:  []string{"ETag", "Link", table.HeaderProbe, "Retry-After"},
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
