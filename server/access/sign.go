package access

import (
	"encoding/hex"
	"maps"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/larder-sync/larder/table"
)

// DefaultLifetime is how long a token is good for when nothing else is said: Azure's.
const DefaultLifetime = 1440 * time.Minute

// ParseKey reads a key as it is given to the server: a text, or after "hex:" bytes, which is how App Service told its
// WEBSITE_AUTH_SIGNING_KEY.
func ParseKey(text string) (string, error) {
	digits, ok := strings.CutPrefix(text, "hex:")
	if !ok {
		return text, nil
	}
	key, err := hex.DecodeString(digits)
	if err != nil || len(key) == 0 {
		return "", table.Errorf(table.CodeInvalid, "the key after hex: is not made of pairs of hexadecimal digits")
	}
	return string(key), nil
}

// Sign makes a token for a user, as [Verifier.Verify] accepts with the same key. It names Azure's audience and issuer, and
// ends after the lifetime, unless claims say otherwise.
func Sign(key, sub string, claims map[string]any, now time.Time, lifetime time.Duration) (string, error) {
	switch {
	case key == "":
		return "", table.Errorf(table.CodeInvalid, "a token needs a key to be signed with")
	case sub == "":
		return "", table.Errorf(table.CodeInvalid, "a token needs a user: the claim sub")
	}
	all := jwt.MapClaims{"aud": Azure, "iss": Azure, "iat": now.Unix(), "exp": now.Add(lifetime).Unix()}
	maps.Copy(all, claims)
	all["sub"] = sub
	return jwt.NewWithClaims(jwt.SigningMethodHS256, all).SignedString([]byte(key))
}
