package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/larder-sync/larder/server/access"
	"github.com/larder-sync/larder/table"
)

func tokenCommand(f *flags) func(context.Context, *Main, []string) error {
	key := f.String("jwt-key", "", "the `text` that the server was given as --jwt-key")
	user := f.String("user", "", "the `name` of the user: the token's sub")
	life := f.Duration("for", access.DefaultLifetime, "how long the token is good: a `time` such as 90m or 720h")
	claims := claims{}
	f.Var(claims, "claim", "a further `NAME=VALUE` to be in the token; may be given again. A value that is JSON is taken as that")
	return func(_ context.Context, m *Main, _ []string) error {
		switch {
		case *key == "":
			return f.wrong("which --jwt-key? it is the server's own")
		case *user == "":
			return f.wrong("which --user?")
		case *life <= 0:
			return f.wrong("--for is not a time to come")
		}
		signing, err := access.ParseKey(*key)
		if err != nil {
			return f.wrong("--jwt-key: " + err.Error())
		}
		token, err := access.Sign(signing, *user, claims, time.Now(), *life)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintln(m.Stdout, token)
		return err
	}
}

// claims is a flag that can be given more than once.
type claims map[string]any

func (c claims) String() string { return "" }

func (c claims) Set(text string) error {
	name, value, ok := strings.Cut(text, "=")
	if !ok || name == "" {
		return fmt.Errorf("it is not NAME=VALUE")
	}
	c[name] = value
	if v, err := table.ParseJSON([]byte(value)); err == nil {
		c[name] = v
	}
	return nil
}
