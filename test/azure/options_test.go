package azure_test

import (
	"errors"
	"io"
	"maps"
	"net/http"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/larder-sync/larder/server"
	"github.com/larder-sync/larder/server/db"
	"github.com/larder-sync/larder/server/feed"
	"github.com/larder-sync/larder/server/servertest"
	"github.com/larder-sync/larder/table"
)

// files are the tables that cases use, as Azure's table files.
var files = map[string]string{
	"todoitem": `{"columns":{"text":"string","complete":"boolean","due":"date","n":"number"},"dynamicSchema":false,"softDelete":true,"maxTop":100,"pageSize":5}`,
	"note":     `{}`,
	"usual":    `{"softDelete":true}`,
	"hard":     `{"columns":{"text":"string"},"softDelete":false}`,
	"numbered": `{"autoIncrement":true,"columns":{"text":"string"},"seed":[{"text":"first"},{"text":"second"}]}`,
	"mine":     `{"perUser":true,"columns":{"text":"string"},"dynamicSchema":false}`,
	"ours":     `{"perUser":true,"userIdColumn":"owner","access":"authenticated"}`,
	"locked":   `{"access":"authenticated"}`,
	"shut":     `{"access":"disabled"}`,
	"mixed":    `{"access":"anonymous","insert":{"access":"authenticated"},"delete":{"access":"disabled"},"update":{"authorize":true}}`,
	"older":    `{"authorize":true,"read":{"access":"anonymous"}}`,
	"alias":    `{"databaseTableName":"note","pageSize":2}`,
	"fleeting": `{"recordsExpire":{"days":1},"seed":[{"id":"a","text":"young"}]}`,
	"unknown":  `{"columns":{"text":"string"},"flavour":"vanilla"}`,
	"hooked":   `{"columns":{"text":"string","by":"string"}}`,
	"words": `{"columns":{"text":"string","n":"number","at":"date","done":"boolean"},"dynamicSchema":false,"pageSize":50,"seed":[` +
		`{"id":"a","text":"Apple pie","n":1.5,"at":"2026-03-04T05:06:07.000Z","done":true},` +
		`{"id":"b","text":"banana","n":-2,"at":"2025-12-31T23:59:59.999Z","done":false},` +
		`{"id":"c","text":"it's 100%","n":7,"done":true},` +
		`{"id":"d","n":2.5,"at":"2026-03-04T05:06:07.000Z"},` +
		`{"id":"e","text":"  pear  ","n":0,"at":"2026-01-01T00:00:00.000Z","done":false}]}`,
}

// options are those of a server with all that the cases use.
func options(t *testing.T, database string) server.Options {
	o := server.Options{
		DB: database, MaxBody: 100_000, Feed: feed.Options{Boot: "b"},
		CORS: []string{"https://app.example.com", "http://localhost:*", "*.example.org", "https://*.example.net:8443"},
		APIs: []server.API{
			{Name: "echo", Methods: server.Methods{
				"GET":  {Handler: http.HandlerFunc(who)},
				"POST": {Handler: http.HandlerFunc(echo)},
			}},
			{Name: "guarded", Access: server.Authenticated, Methods: server.Methods{
				"GET":    {Handler: http.HandlerFunc(who)},
				"POST":   {Handler: http.HandlerFunc(echo), Access: server.Anonymous},
				"DELETE": {Handler: http.HandlerFunc(echo), Access: server.Disabled},
			}},
			{Name: "broken", Methods: server.Methods{
				"GET": {Handler: http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("out of bread") })},
			}},
		},
	}
	for name, file := range files {
		parsed, err := db.ParseTable(name, []byte(file))
		if err != nil {
			t.Fatal(err)
		}
		o.Files = append(o.Files, parsed)
	}
	o.Tables = []server.Table{{Name: "hooked", Hooks: hooks}}
	return o
}

func who(w http.ResponseWriter, r *http.Request) {
	name := "nobody"
	if u := server.UserOf(r); u != nil {
		name = u.ID
	}
	io.WriteString(w, name)
}

func echo(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusRequestEntityTooLarge)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(body)
}

// hooks do one thing each, told by the text of the item.
var hooks = server.Hooks{
	Insert: server.Hook{
		Before: func(c *server.Context) error {
			switch c.Item["text"] {
			case "panic":
				panic("out of bread")
			case "refuse":
				return server.Refuse(http.StatusForbidden, "not that")
			case "fail":
				return errors.New("the secret recipe is lost")
			case "limit":
				return server.Refuse(http.StatusTooManyRequests, "slower")
			case "answer":
				c.Answer(http.StatusAccepted, map[string]any{"later": true})
			case "change":
				c.Item["by"] = "a hook"
			}
			return nil
		},
		After: func(c *server.Context) error {
			if c.Item["text"] == "after" {
				c.Item["extra"] = "told"
			}
			return nil
		},
	},
	Read: server.Hook{
		Before: func(c *server.Context) error {
			if c.Request.URL.Query().Get("only") != "" && c.Query != nil {
				c.Query.Filter = table.And(c.Query.Filter, server.Equal("text", c.Request.URL.Query().Get("only")))
			}
			return nil
		},
		After: func(c *server.Context) error {
			for _, row := range c.Items {
				row["seen"] = true
			}
			return nil
		},
	},
	Delete: server.Hook{Before: func(c *server.Context) error {
		if c.ID == "keep" {
			return server.Refuse(http.StatusConflict, "this one stays")
		}
		return nil
	}},
	Filters: []func(*server.Context) (table.Expr, error){
		func(c *server.Context) (table.Expr, error) {
			if c.User != nil && c.User.ID == "ben" {
				return server.Equal("text", "for ben"), nil
			}
			return nil, nil
		},
	},
	Transforms: []func(*server.Context) error{
		func(c *server.Context) error {
			if c.Item["text"] == "transform" {
				c.Item["text"] = "transformed"
			}
			return nil
		},
	},
}

// tokens are the bad ones, by the names that cases use.
func tokens(t *testing.T) map[string]string {
	now := time.Now()
	sign := func(method jwt.SigningMethod, key any, changes jwt.MapClaims) string {
		claims := jwt.MapClaims{"sub": "anna", "aud": "urn:microsoft:windows-azure:zumo", "iss": "urn:microsoft:windows-azure:zumo",
			"exp": now.Add(time.Hour).Unix()}
		maps.Copy(claims, changes)
		text, err := jwt.NewWithClaims(method, claims).SignedString(key)
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	hs, key := jwt.SigningMethodHS256, []byte(servertest.Key)
	return map[string]string{
		"expired":  sign(hs, key, jwt.MapClaims{"exp": now.Add(-time.Minute).Unix()}),
		"early":    sign(hs, key, jwt.MapClaims{"nbf": now.Add(time.Hour).Unix()}),
		"forged":   sign(hs, []byte("another key"), nil),
		"unsigned": sign(jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, nil),
		"foreign":  sign(hs, key, jwt.MapClaims{"aud": "somebody else"}),
		"issued":   sign(hs, key, jwt.MapClaims{"iss": "somebody else"}),
		"claimed":  sign(hs, key, jwt.MapClaims{"groups": []string{"x", "y"}, "idp": "aad"}),
	}
}
