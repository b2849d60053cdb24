package access_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/golang-jwt/jwt/v5"

	"github.com/larder-sync/larder/server/access"
	"github.com/larder-sync/larder/table"
)

const secret = "a key that is long enough for HS256!"

var now = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

// issuer is an OpenID Connect issuer with one key of each kind.
type issuer struct {
	*httptest.Server
	keys map[string]crypto.Signer // by algorithm
}

func newIssuer(t *testing.T) *issuer {
	t.Helper()
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	ecKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	_, edKey, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	i := &issuer{keys: map[string]crypto.Signer{"RS256": rsaKey, "ES256": ecKey, "EdDSA": edKey}}
	mux := http.NewServeMux()
	i.Server = httptest.NewServer(mux)
	t.Cleanup(i.Close)
	write := func(w http.ResponseWriter, v any) {
		w.Header().Set("Content-Type", "application/json")
		if err := json.NewEncoder(w).Encode(v); err != nil {
			t.Error(err)
		}
	}
	mux.HandleFunc("/.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		write(w, map[string]any{"issuer": i.URL, "jwks_uri": i.URL + "/keys", "authorization_endpoint": i.URL, "token_endpoint": i.URL,
			"id_token_signing_alg_values_supported": []string{"RS256", "ES256", "EdDSA", "none", "HS256"}})
	})
	mux.HandleFunc("/keys", func(w http.ResponseWriter, _ *http.Request) {
		var set jose.JSONWebKeySet
		for alg, key := range i.keys {
			set.Keys = append(set.Keys, jose.JSONWebKey{Key: key.Public(), KeyID: alg, Algorithm: alg, Use: "sig"})
		}
		write(w, set)
	})
	return i
}

// sign makes a token with any header and key.
func sign(t *testing.T, method jwt.SigningMethod, key any, claims jwt.MapClaims) string {
	t.Helper()
	token := jwt.NewWithClaims(method, claims)
	token.Header["kid"] = method.Alg()
	text, err := token.SignedString(key)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// with returns claims that are good, but for changes; a nil takes a claim away.
func with(issuer string, changes jwt.MapClaims) jwt.MapClaims {
	claims := jwt.MapClaims{"sub": "sid:1", "iss": issuer, "aud": access.Azure, "exp": now.Add(time.Hour).Unix(), "name": "Anna"}
	for name, v := range changes {
		if v == nil {
			delete(claims, name)
		} else {
			claims[name] = v
		}
	}
	return claims
}

func TestVerify(t *testing.T) {
	idp, foreign := newIssuer(t), newIssuer(t)
	clock := func() time.Time { return now }
	v, err := access.New(access.Options{Key: secret, Issuers: []string{idp.URL}, Now: clock})
	if err != nil {
		t.Fatal(err)
	}
	hs := func(changes jwt.MapClaims) string {
		return sign(t, jwt.SigningMethodHS256, []byte(secret), with(access.Azure, changes))
	}
	der, err := x509.MarshalPKIXPublicKey(idp.keys["RS256"].Public())
	if err != nil {
		t.Fatal(err)
	}
	public := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
	good := hs(nil)
	parts := strings.Split(good, ".")
	forged := base64.RawURLEncoding.EncodeToString([]byte(`{"sub":"root","exp":4102444800}`))

	t.Run("accepted", func(t *testing.T) {
		for name, token := range map[string]string{
			"a key of our own":            good,
			"several audiences":           hs(jwt.MapClaims{"aud": []string{"other", access.Azure}}),
			"no audience and issuer":      hs(jwt.MapClaims{"aud": nil, "iss": nil}),
			"without an end":              hs(jwt.MapClaims{"exp": nil}),
			"RS256 of the issuer":         sign(t, jwt.SigningMethodRS256, idp.keys["RS256"], with(idp.URL, nil)),
			"ES256 of the issuer":         sign(t, jwt.SigningMethodES256, idp.keys["ES256"], with(idp.URL, nil)),
			"EdDSA of the issuer":         sign(t, jwt.SigningMethodEdDSA, idp.keys["EdDSA"], with(idp.URL, nil)),
			"an issuer's own audience":    sign(t, jwt.SigningMethodRS256, idp.keys["RS256"], with(idp.URL, jwt.MapClaims{"aud": "app"})),
			"the start is just now":       hs(jwt.MapClaims{"nbf": now.Unix()}),
			"a claim that is not known":   hs(jwt.MapClaims{"roles": []string{"admin"}}),
			"the issue is in the future?": hs(jwt.MapClaims{"iat": now.Add(time.Minute).Unix()}),
		} {
			u, err := v.Verify(t.Context(), token)
			if err != nil || u.ID != "sid:1" || u.Claims["name"] != "Anna" {
				t.Errorf("%s: %+v, %v", name, u, err)
			}
		}
	})

	t.Run("refused", func(t *testing.T) {
		for name, c := range map[string]struct{ token, kind string }{
			"expired": {hs(jwt.MapClaims{"exp": now.Add(-time.Second).Unix()}), "TokenExpiredError"},
			"expired, of an issuer": {sign(t, jwt.SigningMethodRS256, idp.keys["RS256"],
				with(idp.URL, jwt.MapClaims{"exp": now.Add(-time.Second).Unix()})), "TokenExpiredError"},
			"not yet": {hs(jwt.MapClaims{"nbf": now.Add(time.Minute).Unix()}), "NotBeforeError"},
			"not yet, of an issuer": {sign(t, jwt.SigningMethodES256, idp.keys["ES256"],
				with(idp.URL, jwt.MapClaims{"nbf": now.Add(time.Minute).Unix()})), "NotBeforeError"},
			"another key": {sign(t, jwt.SigningMethodHS256, []byte("another"), with(access.Azure, nil)),
				"JsonWebTokenError"},
			"another audience":        {hs(jwt.MapClaims{"aud": "other"}), "JsonWebTokenError"},
			"another issuer's name":   {hs(jwt.MapClaims{"iss": idp.URL}), "JsonWebTokenError"},
			"no user":                 {hs(jwt.MapClaims{"sub": nil}), "JsonWebTokenError"},
			"a user that is a number": {hs(jwt.MapClaims{"sub": 7}), "JsonWebTokenError"},
			"an end that is a word":   {hs(jwt.MapClaims{"exp": "tomorrow"}), "JsonWebTokenError"},
			"no signature, alg none": {sign(t, jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, with(access.Azure, nil)),
				"JsonWebTokenError"},
			"the signature cut off":       {parts[0] + "." + parts[1] + ".", "JsonWebTokenError"},
			"other claims, old signature": {parts[0] + "." + forged + "." + parts[2], "JsonWebTokenError"},
			"HS512 with the right key":    {sign(t, jwt.SigningMethodHS512, []byte(secret), with(access.Azure, nil)), "JsonWebTokenError"},
			"HS256 with the issuer's public key": {sign(t, jwt.SigningMethodHS256, public, with(idp.URL, nil)),
				"JsonWebTokenError"},
			"a foreign issuer": {sign(t, jwt.SigningMethodRS256, foreign.keys["RS256"], with(foreign.URL, nil)),
				"JsonWebTokenError"},
			"a foreign key in our issuer's name": {sign(t, jwt.SigningMethodRS256, foreign.keys["RS256"], with(idp.URL, nil)),
				"JsonWebTokenError"},
			"our issuer's key, no issuer named": {sign(t, jwt.SigningMethodRS256, idp.keys["RS256"],
				with(idp.URL, jwt.MapClaims{"iss": nil})), "JsonWebTokenError"},
			"words":     {"bread and butter", "JsonWebTokenError"},
			"two parts": {parts[0] + "." + parts[1], "JsonWebTokenError"},
			"dots":      {"..", "JsonWebTokenError"},
			"huge":      {strings.Repeat("a", access.MaxToken) + "." + good, "JsonWebTokenError"},
		} {
			u, err := v.Verify(t.Context(), c.token)
			e, ok := errors.AsType[*access.Error](err)
			if u != nil || !ok || e.Name != c.kind {
				t.Errorf("%s: %+v, %v", name, u, err)
			} else if strings.Contains(e.Message, c.token) || strings.Contains(e.Message, secret) {
				t.Errorf("%s: the error tells a secret: %s", name, e.Message)
			}
		}
	})

	t.Run("what the server was told must be in every token", func(t *testing.T) {
		v, err := access.New(access.Options{Key: secret, Issuers: []string{idp.URL}, Now: clock, Audience: []string{"app"},
			Issuer: "us"})
		if err != nil {
			t.Fatal(err)
		}
		for token, want := range map[string]bool{
			hs(nil):                         false,
			hs(jwt.MapClaims{"aud": "app"}): false,
			hs(jwt.MapClaims{"aud": "app", "iss": "us"}):                                                   true,
			hs(jwt.MapClaims{"aud": nil, "iss": "us"}):                                                     false,
			hs(jwt.MapClaims{"aud": []string{"x", "app"}, "iss": "us"}):                                    true,
			sign(t, jwt.SigningMethodRS256, idp.keys["RS256"], with(idp.URL, nil)):                         false,
			sign(t, jwt.SigningMethodRS256, idp.keys["RS256"], with(idp.URL, jwt.MapClaims{"aud": "app"})): true,
		} {
			if _, err := v.Verify(t.Context(), token); (err == nil) != want {
				t.Errorf("%s: %v", token, err)
			}
		}
	})

	t.Run("an issuer that is down is no fault of the token, and is asked again later", func(t *testing.T) {
		idp := newIssuer(t)
		token := sign(t, jwt.SigningMethodRS256, idp.keys["RS256"], with(idp.URL, nil))
		later, up := now, false
		handler := idp.Config.Handler
		idp.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if !up {
				w.WriteHeader(http.StatusBadGateway)
				return
			}
			handler.ServeHTTP(w, r)
		})
		v, err := access.New(access.Options{Issuers: []string{idp.URL}, Now: func() time.Time { return later }})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := v.Verify(t.Context(), token); table.CodeOf(err) != table.CodeNetwork {
			t.Errorf("down: %v", err)
		}
		up, later = true, later.Add(time.Minute)
		if u, err := v.Verify(t.Context(), token); err != nil || u.ID != "sid:1" {
			t.Errorf("up again: %+v, %v", u, err)
		}
	})

	t.Run("tokens that name keys nobody has do not make us ask the issuer each time", func(t *testing.T) {
		idp := newIssuer(t)
		asked, handler := 0, idp.Config.Handler
		idp.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			asked++
			handler.ServeHTTP(w, r)
		})
		later := now
		v, err := access.New(access.Options{Issuers: []string{idp.URL}, Now: func() time.Time { return later }})
		if err != nil {
			t.Fatal(err)
		}
		forged := strings.Split(sign(t, jwt.SigningMethodRS256, idp.keys["RS256"], with(idp.URL, nil)), ".")
		for n := range 100 {
			header := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"RS256","kid":"` + strconv.Itoa(n) + `"}`))
			if _, err := v.Verify(t.Context(), header+"."+forged[1]+"."+forged[2]); err == nil {
				t.Fatal("a forged token is good")
			}
		}
		if asked > 10 {
			t.Errorf("the issuer was asked %d times", asked)
		}
		later = later.Add(time.Minute)
		good := sign(t, jwt.SigningMethodRS256, idp.keys["RS256"], with(idp.URL, jwt.MapClaims{"exp": later.Add(time.Hour).Unix()}))
		if _, err := v.Verify(t.Context(), good); err != nil {
			t.Errorf("a good token after them: %v", err)
		}
	})

	t.Run("where nobody is trusted, everybody is anonymous", func(t *testing.T) {
		v, err := access.New(access.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if u, err := v.Verify(t.Context(), "anything"); u != nil || err != nil || v.Trusts() {
			t.Errorf("%+v, %v", u, err)
		}
	})

	t.Run("an issuer without encryption is refused", func(t *testing.T) {
		for _, address := range []string{"http://accounts.example.com", "accounts.example.com", "", "ftp://localhost"} {
			if _, err := access.New(access.Options{Issuers: []string{address}}); err == nil {
				t.Errorf("%q is accepted", address)
			}
		}
	})
}

func TestSign(t *testing.T) {
	v, err := access.New(access.Options{Key: secret, Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	token, err := access.Sign(secret, "anna", map[string]any{"idp": "aad", "groups": []any{"a", "b"}, "sub": "root"}, now, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	u, err := v.Verify(t.Context(), token)
	if err != nil || u.ID != "anna" {
		t.Fatalf("%+v, %v", u, err)
	}
	got := string(access.AppendIdentity(nil, u))
	for _, want := range []string{`"provider_name":"aad"`, `"user_id":"anna"`,
		`{"typ":"groups","val":"a"},{"typ":"groups","val":"b"}`} {
		if !strings.Contains(got, want) {
			t.Errorf("%s is not in %s", want, got)
		}
	}
	for _, key := range []string{"", secret} {
		if token, err := access.Sign(key, strings.TrimSuffix(key, secret), nil, now, time.Hour); err == nil {
			t.Errorf("signed %s", token)
		}
	}
}

func TestParseKey(t *testing.T) {
	for text, want := range map[string]string{"secret": "secret", "": "", "hex:00ff41": "\x00\xffA", "hexagon": "hexagon"} {
		if key, err := access.ParseKey(text); key != want || err != nil {
			t.Errorf("%q: %q, %v", text, key, err)
		}
	}
	for _, text := range []string{"hex:", "hex:0", "hex:xy"} {
		if key, err := access.ParseKey(text); err == nil || strings.Contains(err.Error(), "xy") {
			t.Errorf("%q: %q, %v", text, key, err)
		}
	}
}

func FuzzVerify(f *testing.F) {
	good, err := access.Sign(secret, "anna", nil, now, time.Hour)
	if err != nil {
		f.Fatal(err)
	}
	for _, token := range []string{good, "", "..", good[:len(good)-1], "eyJhbGciOiJub25lIn0.e30."} {
		f.Add(token)
	}
	v, err := access.New(access.Options{Key: secret, Now: func() time.Time { return now }})
	if err != nil {
		f.Fatal(err)
	}
	claimed := strings.Split(good, ".")[1]
	f.Fuzz(func(t *testing.T, token string) {
		u, err := v.Verify(t.Context(), token)
		if (u == nil) == (err == nil) {
			t.Fatalf("%+v, %v", u, err)
		}
		// Whoever passes has what only the holder of the key could sign.
		if u != nil && !strings.Contains(token, claimed) {
			t.Fatalf("forged: %s", token)
		}
	})
}
