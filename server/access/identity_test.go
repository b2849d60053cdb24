package access_test

import (
	"reflect"
	"testing"

	"github.com/larder-sync/larder/server/access"
)

func TestIdentity(t *testing.T) {
	const name, role = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/emailaddress",
		"http://schemas.microsoft.com/ws/2008/06/identity/claims/role"
	u := &access.User{ID: "anna", Claims: map[string]any{
		"idp": "aad", "iss": "https://login.example.com", "sub": "anna", "exp": 5.0, "admin": true,
		name: "anna@example.com", role: []any{"buyer", "cook"}, "groups": []any{"staff"}, "amr": []any{"pwd"},
		"urn:github:login": "anna1", "https://example.com/level": "2", "https://example.com/": "bare",
	}}
	want := access.Identity{Provider: "aad", Claims: map[string]any{
		"idp": "aad", "iss": "https://login.example.com", "sub": "anna", "exp": "5", "admin": "true",
		name: "anna@example.com", "emailaddress": "anna@example.com", role: []any{"buyer", "cook"}, "role": []any{"buyer", "cook"},
		"groups": []any{"staff"}, "amr": "pwd",
		"urn:github:login": "anna1", "login": "anna1", "https://example.com/level": "2", "https://example.com/": "bare",
	}}
	if got := u.Identity(); !reflect.DeepEqual(got, want) {
		t.Errorf("%#v\nnot %#v", got, want)
	}
	if got := (*access.User)(nil).Identity(); got.Provider != "" || got.Claims != nil {
		t.Errorf("nobody claims %v", got)
	}
	taken := &access.User{Claims: map[string]any{"urn:x:role": "far", "role": "near"}}
	if got := taken.Identity().Claims["role"]; got != "near" {
		t.Errorf("a short name of its own is %v", got)
	}
}
