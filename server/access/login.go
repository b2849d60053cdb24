package access

import (
	_ "embed"
	"html"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/larder-sync/larder/table"
)

// PathLogin is where the sign-in for development is, followed by the name of a provider, any.
const PathLogin = "/.auth/login/"

//go:embed done.js
var doneScript []byte

// LoginOptions is what a sign-in for development needs.
type LoginOptions struct {
	Key   string
	Now   func() time.Time         // time.Now when nil
	Allow func(origin string) bool // says which other pages may be handed a token
}

// NewLogin makes a sign-in for development: who asks is believed who they are. It answers this machine alone, and nothing
// that came through a proxy.
//
//	GET  /.auth/login/dev?user=anna     redirects to done#token={"authenticationToken": …, "user": {"userId": "anna"}}
//	POST /.auth/login/dev {"user":…}    answers the same object
func NewLogin(o LoginOptions) http.Handler {
	if o.Now == nil {
		o.Now = time.Now
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+PathLogin+"done", done)
	mux.HandleFunc("GET "+PathLogin+"done.js", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/javascript; charset=utf-8")
		_, _ = w.Write(doneScript) // a failure is the client's connection
	})
	mux.HandleFunc("GET "+PathLogin+"{provider}", o.redirect)
	mux.HandleFunc("POST "+PathLogin+"{provider}", o.answer)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host, _, err := net.SplitHostPort(r.RemoteAddr)
		proxied := r.Header.Get("X-Forwarded-For") != "" || r.Header.Get("Forwarded") != ""
		if err != nil || !net.ParseIP(host).IsLoopback() || proxied {
			http.Error(w, "the sign-in for development is for this machine alone", http.StatusForbidden)
			return
		}
		w.Header().Set("Cache-Control", "no-store")
		w.Header().Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; frame-ancestors 'none'")
		w.Header().Set("Referrer-Policy", "no-referrer")
		w.Header().Set("X-Content-Type-Options", "nosniff")
		mux.ServeHTTP(w, r)
	})
}

// sign makes what clients of Azure Mobile Apps get from a sign-in.
func (o LoginOptions) sign(user, provider string) ([]byte, error) {
	if user == "" {
		user = "developer"
	}
	token, err := Sign(o.Key, user, map[string]any{"idp": provider}, o.Now(), DefaultLifetime)
	return table.AppendJSON(nil, map[string]any{"authenticationToken": token, "user": map[string]any{"userId": user}}), err
}

func (o LoginOptions) redirect(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	// The page that opened this window is told the token, so it must be one that may use it.
	if opener := q.Get("completion_origin"); opener != "" && !o.trusts(opener, r) {
		http.Error(w, "pages of "+html.EscapeString(opener)+" may not sign in here: start the server with --cors and this origin",
			http.StatusForbidden)
		return
	}
	answer, err := o.sign(q.Get("user"), r.PathValue("provider"))
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	to := PathLogin + "done"
	if opener := q.Get("completion_origin"); opener != "" {
		to += "?origin=" + url.QueryEscape(opener)
	}
	http.Redirect(w, r, to+"#token="+url.PathEscape(string(answer)), http.StatusFound)
}

func (o LoginOptions) trusts(origin string, r *http.Request) bool {
	u, err := url.Parse(origin)
	return err == nil && (strings.EqualFold(u.Host, r.Host) || o.Allow != nil && o.Allow(origin))
}

func (o LoginOptions) answer(w http.ResponseWriter, r *http.Request) {
	if opener := r.Header.Get("Origin"); opener != "" && !o.trusts(opener, r) {
		http.Error(w, "pages of other origins may not sign in here", http.StatusForbidden)
		return
	}
	data := make([]byte, 4096)
	n, _ := r.Body.Read(data) // what is no JSON below names nobody
	body, _ := table.ParseRecord(data[:n])
	user, _ := body["user"].(string)
	answer, err := o.sign(user, r.PathValue("provider"))
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	_, _ = w.Write(answer) // a failure is the client's connection
}

// done is the page on which a sign-in ends. Its script tells the page that opened it.
func done(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, _ = w.Write([]byte("<!doctype html><title>Signed in</title><p>You are signed in. This window can be closed.</p>" +
		`<script src="done.js"></script>`))
}
