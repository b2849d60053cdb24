package access

import (
	"context"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/larder-sync/larder/table"
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

// AppendIdentity writes the user in the shape of App Service's /.auth/me: an array of one provider with its claims, each
// value of a claim that has several by itself.
func AppendIdentity(dst []byte, u *User) []byte {
	claims := []any{}
	for _, name := range slices.Sorted(maps.Keys(u.Claims)) {
		values, ok := u.Claims[name].([]any)
		if !ok {
			values = []any{u.Claims[name]}
		}
		for _, v := range values {
			text, ok := v.(string)
			if !ok {
				text = string(table.AppendJSON(nil, v))
			}
			claims = append(claims, map[string]any{"typ": name, "val": text})
		}
	}
	provider, _ := u.Claims["idp"].(string)
	if provider == "" {
		provider, _ = u.Claims["iss"].(string)
	}
	return table.AppendJSON(dst, []any{map[string]any{"provider_name": provider, "user_id": u.ID, "user_claims": claims}})
}
