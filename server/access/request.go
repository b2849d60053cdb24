package access

import (
	"context"
	"net/http"
	"strings"
)

// Names of the wire.
const (
	HeaderToken = "X-ZUMO-AUTH"  // a token without "Bearer"
	ParamToken  = "access_token" // for streams: a browser's EventSource cannot send headers
	PathMe      = "/.auth/me"
)

// Token returns the token of a request, "" if there is none. The parameter counts only where a header cannot be sent:
// addresses end up in logs and histories.
func Token(r *http.Request, param bool) string {
	if token := r.Header.Get(HeaderToken); token != "" {
		return token
	}
	kind, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if strings.EqualFold(kind, "Bearer") {
		return strings.TrimSpace(token)
	}
	if param {
		return r.URL.Query().Get(ParamToken)
	}
	return ""
}

type key struct{}

// NewContext returns a context that knows who the user is.
func NewContext(ctx context.Context, u *User) context.Context {
	return context.WithValue(ctx, key{}, u)
}

// FromContext returns the user of a request's context, nil for an anonymous one.
func FromContext(ctx context.Context) *User {
	u, _ := ctx.Value(key{}).(*User)
	return u
}
