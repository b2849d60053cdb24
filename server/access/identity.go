package access

import (
	"maps"
	"slices"
	"strings"

	"github.com/larder-sync/larder/table"
)

// Identity is what a user's token claims, as getIdentity of Azure Mobile Apps' servers gave it to programs.
type Identity struct {
	Provider string
	// Claims are values by their names, and those whose names are addresses also by the last part of it. A value is a text; where
	// there are several of one name, and always for "groups", it is a []any of texts.
	Claims map[string]any
}

// schemas begin the names of claims that are known by their last part too.
var schemas = []string{"http://schemas.xmlsoap.org/", "http://schemas.microsoft.com/", "urn:"}

// Identity returns what the user's token claims. The zero value is that of nobody: nil.
func (u *User) Identity() Identity {
	if u == nil {
		return Identity{}
	}
	id := Identity{Provider: u.provider(), Claims: map[string]any{}}
	for _, name := range slices.Sorted(maps.Keys(u.Claims)) {
		short := name
		if slices.ContainsFunc(schemas, func(s string) bool { return strings.HasPrefix(name, s) }) {
			short = name[strings.LastIndexAny(name, "/:")+1:]
		}
		values := u.values(name)
		var value any = values
		if len(values) == 1 && short != "groups" {
			value = values[0]
		}
		id.Claims[name] = value
		if _, taken := u.Claims[short]; !taken && short != "" {
			id.Claims[short] = value
		}
	}
	return id
}

// provider is who says so: the claim idp, or else iss.
func (u *User) provider() string {
	if idp, _ := u.Claims["idp"].(string); idp != "" {
		return idp
	}
	iss, _ := u.Claims["iss"].(string)
	return iss
}

// values are the texts of a claim.
func (u *User) values(name string) []any {
	list, ok := u.Claims[name].([]any)
	if !ok {
		list = []any{u.Claims[name]}
	}
	texts := make([]any, len(list))
	for i, v := range list {
		if _, ok := v.(string); !ok {
			v = string(table.AppendJSON(nil, v))
		}
		texts[i] = v
	}
	return texts
}

// AppendIdentity writes the user in the shape of App Service's /.auth/me: an array of one provider with its claims, each
// value of a claim that has several by itself.
func AppendIdentity(dst []byte, u *User) []byte {
	claims := []any{}
	for _, name := range slices.Sorted(maps.Keys(u.Claims)) {
		for _, v := range u.values(name) {
			claims = append(claims, map[string]any{"typ": name, "val": v})
		}
	}
	return table.AppendJSON(dst, []any{map[string]any{"provider_name": u.provider(), "user_id": u.ID, "user_claims": claims}})
}
