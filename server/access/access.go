// Package access finds out who sends a request: it verifies JSON Web Tokens that were signed with a key of the server's own
// (HS256), or by OpenID Connect issuers that the server was told to trust, whose keys it discovers.
//
// A token decides by its header only which of the two it must stand up to: a key that was made for one kind of signature is
// never used for another.
package access

import (
	"cmp"
	"context"
	"errors"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/larder-sync/larder/table"
)

// Azure is the audience and the issuer of the tokens that Azure Mobile Apps' own servers signed.
const Azure = "urn:microsoft:windows-azure:zumo"

// MaxToken is the length of the longest token that is looked at, in bytes.
const MaxToken = 16 << 10

// User is who sent a request, as the token says. It must not be changed.
type User struct {
	ID     string         // the claim sub
	Claims map[string]any // all claims, as JSON gives them
}

// Options is what a [Verifier] trusts. The zero value trusts nobody: tokens are not looked at, and everybody is anonymous.
type Options struct {
	Key      string   // of HS256 tokens; "" for none
	Issuers  []string // URLs of OpenID Connect issuers
	Audience []string // one of them must be in the token; when nil, a HS256 token that names an audience must name Azure's
	Issuer   string   // of HS256 tokens; when "", one that names an issuer must name Azure's
	Now      func() time.Time
	Client   *http.Client // asks the issuers; one with a short timeout when nil
}

// Verifier verifies tokens. It is made by [New] and safe for concurrent use.
type Verifier struct {
	o       Options
	issuers map[string]*issuer
}

// New makes a Verifier. Issuers are asked when the first token of theirs comes, so that they need not be up before.
func New(o Options) (*Verifier, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Client == nil {
		o.Client = &http.Client{Timeout: 10 * time.Second}
	}
	v := &Verifier{o: o, issuers: map[string]*issuer{}}
	for _, address := range o.Issuers {
		if err := CheckIssuer(address); err != nil {
			return nil, err
		}
		v.issuers[address] = newIssuer(address, o.Client, o.Now)
	}
	return v, nil
}

// CheckIssuer reports what is wrong with the URL of an issuer. Only https keeps others from putting their own keys in its
// place.
func CheckIssuer(address string) error {
	u, err := url.Parse(address)
	local := err == nil && (u.Hostname() == "localhost" || net.ParseIP(u.Hostname()).IsLoopback())
	if err != nil || u.Host == "" || u.Scheme != "https" && (u.Scheme != "http" || !local) {
		return table.Errorf(table.CodeInvalid, "the issuer ", strconv.QuoteToGraphic(address),
			" is not like https://accounts.example.com")
	}
	return nil
}

// Trusts reports whether there is anybody whose tokens are accepted.
func (v *Verifier) Trusts() bool { return v.o.Key != "" || len(v.issuers) > 0 }

// Error is why a token is refused. Its text says nothing of the token's contents.
type Error struct {
	Name    string // as npm's jsonwebtoken calls it: "TokenExpiredError", "NotBeforeError", "JsonWebTokenError"
	Message string
}

// Error returns the message.
func (e *Error) Error() string { return e.Message }

func refuse(message string) error { return &Error{"JsonWebTokenError", message} }

// Verify returns whose token it is. Its errors are an [*Error] for a token that is refused, and another with code
// [table.CodeNetwork] when the issuer could not be asked. Where nobody is trusted it returns nil.
func (v *Verifier) Verify(ctx context.Context, token string) (*User, error) {
	if !v.Trusts() {
		return nil, nil
	}
	if len(token) > MaxToken {
		return nil, refuse("the token is longer than 16384 bytes")
	}
	claims := jwt.MapClaims{}
	unverified, _, err := jwt.NewParser().ParseUnverified(token, claims)
	if err != nil {
		return nil, refuse("the token is malformed")
	}
	switch alg := unverified.Method.Alg(); {
	case alg == jwt.SigningMethodHS256.Alg():
		claims, err = v.verifyKey(token)
	case slices.Contains(signatures, alg):
		claims, err = v.verifyIssuer(ctx, token, claims)
	default:
		return nil, refuse("the token's algorithm is not accepted: HS256, or RS, PS, ES and EdDSA of a trusted issuer")
	}
	if err != nil {
		return nil, err
	}
	if err := explain(jwt.NewValidator(jwt.WithTimeFunc(v.o.Now)).Validate(claims)); err != nil {
		return nil, err
	}
	sub, _ := claims["sub"].(string)
	if sub == "" {
		return nil, refuse("the token names no user: it has no sub")
	}
	return &User{ID: sub, Claims: claims}, nil
}

// verifyKey checks a token that should have been signed with our own key.
func (v *Verifier) verifyKey(token string) (jwt.MapClaims, error) {
	if v.o.Key == "" {
		return nil, refuse("the token is signed with a key, and this server has none: start it with --jwt-key")
	}
	claims := jwt.MapClaims{}
	parser := jwt.NewParser(jwt.WithValidMethods([]string{jwt.SigningMethodHS256.Alg()}), jwt.WithoutClaimsValidation())
	if _, err := parser.ParseWithClaims(token, claims, func(*jwt.Token) (any, error) { return []byte(v.o.Key), nil }); err != nil {
		return nil, explain(err)
	}
	issuer, err := claims.GetIssuer()
	if want := cmp.Or(v.o.Issuer, Azure); err != nil || issuer != want && (issuer != "" || v.o.Issuer != "") {
		return nil, refuse("jwt issuer invalid. expected: " + want)
	}
	want := v.o.Audience
	audience, err := claims.GetAudience()
	if want == nil && len(audience) > 0 {
		want = []string{Azure}
	}
	return claims, checkAudience(audience, err, want)
}

// verifyIssuer checks a token that should have been signed by one of the issuers.
func (v *Verifier) verifyIssuer(ctx context.Context, token string, unverified jwt.MapClaims) (jwt.MapClaims, error) {
	name, err := unverified.GetIssuer()
	from := v.issuers[name]
	if err != nil || from == nil {
		return nil, refuse("the token's issuer is not one that this server trusts")
	}
	claims, err := from.verify(ctx, token)
	if err != nil {
		return nil, err
	}
	audience, err := claims.GetAudience()
	return claims, checkAudience(audience, err, v.o.Audience)
}

func checkAudience(audience []string, err error, want []string) error {
	if err != nil || want != nil && !slices.ContainsFunc(audience, func(a string) bool { return slices.Contains(want, a) }) {
		return refuse("jwt audience invalid. expected: " + strings.Join(want, " or "))
	}
	return nil
}

// explain names an error as npm's jsonwebtoken does, which clients of Azure Mobile Apps may know.
func explain(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, jwt.ErrTokenExpired):
		return &Error{"TokenExpiredError", "jwt expired"}
	case errors.Is(err, jwt.ErrTokenNotValidYet), errors.Is(err, jwt.ErrTokenUsedBeforeIssued):
		return &Error{"NotBeforeError", "jwt not active"}
	case errors.Is(err, jwt.ErrTokenSignatureInvalid):
		return refuse("invalid signature")
	}
	return refuse("the token is malformed")
}
