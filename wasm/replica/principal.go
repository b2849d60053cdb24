package replica

import (
	"context"
	"encoding/base64"
	"strings"

	"github.com/larder-sync/larder/table"
)

// metaPrincipal is {sub}: whose database this is, since a token first named somebody.
const metaPrincipal = "principal"

// Subject returns the claim sub of a JSON Web Token, or "" for a token of another kind. It verifies nothing: that is the
// server's business.
func Subject(token string) string {
	_, rest, _ := strings.Cut(token, ".")
	payload, _, signed := strings.Cut(rest, ".")
	if !signed {
		return ""
	}
	text, err := base64.RawURLEncoding.DecodeString(payload)
	if err != nil {
		return ""
	}
	claims, err := table.ParseRecord(text)
	if err != nil {
		return ""
	}
	sub, _ := claims["sub"].(string)
	return sub
}

// admit checks that a token is of the person whose database this is, before anything is sent with it: what one person wrote is
// pushed as nobody else, and what one may read is not mixed with what another may. The first who signs in owns the
// database, with what was written before.
func (r *Replica) admit(ctx context.Context, token string) error {
	sub := Subject(token)
	owner, err := claim(ctx, r.update, sub)
	if err != nil || owner == sub {
		return err
	}
	if sub != "" && r.options.Stranger != nil {
		r.options.Stranger()
	}
	return stranger()
}

func principalOf(row table.Record) string {
	sub, _ := row["sub"].(string)
	return sub
}
