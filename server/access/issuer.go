package access

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/golang-jwt/jwt/v5"
	"golang.org/x/time/rate"

	"github.com/larder-sync/larder/table"
)

// signatures are the algorithms with a public key. No other is ever tried with an issuer's keys.
var signatures = []string{
	oidc.RS256, oidc.RS384, oidc.RS512, oidc.PS256, oidc.PS384, oidc.PS512, oidc.ES256, oidc.ES384, oidc.ES512, oidc.EdDSA,
}

// retry is how long an issuer that could not be reached is left alone.
const retry = 2 * time.Second

// A token may name a key that nobody knows, and then the issuer is asked for its keys: askBurst times at once, and then
// each retry, so that tokens somebody made up are no load on the issuer.
const askBurst = 5

// patient is a transport that asks no more often than its limiter says.
type patient struct {
	next    http.RoundTripper
	limiter *rate.Limiter
	now     func() time.Time
}

func (p *patient) RoundTrip(r *http.Request) (*http.Response, error) {
	if !p.limiter.AllowN(p.now(), 1) {
		return nil, errors.New("it was asked a moment ago")
	}
	return p.next.RoundTrip(r)
}

// newIssuer returns an issuer that is asked through the client.
func newIssuer(url string, client *http.Client, now func() time.Time) *issuer {
	slow := *client
	if slow.Transport == nil {
		slow.Transport = http.DefaultTransport
	}
	slow.Transport = &patient{slow.Transport, rate.NewLimiter(rate.Every(retry), askBurst), now}
	return &issuer{url: url, client: &slow, now: now}
}

// issuer is an OpenID Connect issuer, discovered when it is first needed.
type issuer struct {
	url    string
	client *http.Client
	now    func() time.Time

	mu       sync.Mutex
	verifier *oidc.IDTokenVerifier // nil until it was discovered
	failed   time.Time
	err      error
}

// discover returns the issuer's verifier. One caller asks; the others wait for it, and for a while after a failure nobody
// asks.
func (i *issuer) discover(ctx context.Context) (*oidc.IDTokenVerifier, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.verifier != nil {
		return i.verifier, nil
	}
	if i.err != nil && i.now().Sub(i.failed) < retry {
		return nil, i.err
	}
	provider, err := oidc.NewProvider(oidc.ClientContext(context.WithoutCancel(ctx), i.client), i.url)
	if err != nil {
		i.failed = i.now()
		i.err = table.Errorf(table.CodeNetwork, "the issuer ", i.url, " cannot be asked for its keys").Because(err)
		return nil, i.err
	}
	// The audience and the times are checked by the caller, for all kinds of tokens alike.
	i.verifier = provider.Verifier(&oidc.Config{SkipClientIDCheck: true, SkipExpiryCheck: true, SupportedSigningAlgs: signatures})
	return i.verifier, nil
}

// verify returns the claims of a token that the issuer has signed.
func (i *issuer) verify(ctx context.Context, token string) (jwt.MapClaims, error) {
	v, err := i.discover(ctx)
	if err != nil {
		return nil, err
	}
	verified, err := v.Verify(oidc.ClientContext(ctx, i.client), token)
	switch {
	case err != nil && strings.Contains(err.Error(), "fetching keys"): // the library has no type for it
		return nil, table.Errorf(table.CodeNetwork, "the issuer ", i.url, " cannot be asked for its keys").Because(err)
	case err != nil:
		return nil, refuse("invalid signature")
	}
	claims := jwt.MapClaims{}
	if err := verified.Claims(&claims); err != nil {
		return nil, refuse("the token is malformed")
	}
	return claims, nil
}
