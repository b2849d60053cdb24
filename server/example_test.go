package server_test

import (
	"context"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"

	"github.com/larder-sync/larder/server"
)

// A program with a table whose records must say what is to be done, and one API of its own.
func Example() {
	ctx, dir := context.Background(), folder()
	defer os.RemoveAll(dir)
	s, err := server.New(ctx, server.Options{
		DB: "sqlite:" + dir + "/shop.db", Logger: slog.New(slog.DiscardHandler),
		Tables: []server.Table{{Name: "todoitem", Hooks: server.Hooks{Insert: server.Hook{Before: func(c *server.Context) error {
			if c.Item["text"] == nil {
				return server.Refuse(http.StatusBadRequest, "what is to be done?")
			}
			c.Item["complete"] = false
			return nil
		}}}}},
		APIs: []server.API{{Name: "hello", Methods: server.Methods{"GET": {
			Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "Hello.") }),
		}}}},
	})
	if err != nil {
		log.Fatal(err)
	}
	defer s.Close(ctx)
	// A program would end here with s.Run(ctx, "127.0.0.1:8000"), which serves until ctx ends.
	site := httptest.NewServer(s)
	defer site.Close()
	ask("POST", site.URL+"/tables/todoitem", `{"id": "1", "text": "bread"}`)
	ask("POST", site.URL+"/tables/todoitem", `{"id": "2"}`)
	ask("GET", site.URL+"/tables/todoitem?$select=text,complete", "")
	ask("GET", site.URL+"/api/hello", "")
	// Output:
	// 201 Created
	// 400 Bad Request
	// 200 OK [{"complete":false,"text":"bread"}]
	// 200 OK Hello.
}

// ask prints what is answered, in full where that is always the same.
func ask(method, url, body string) {
	r, err := http.NewRequest(method, url, strings.NewReader(body))
	if err != nil {
		log.Fatal(err)
	}
	r.Header.Set("ZUMO-API-VERSION", "2.0.0")
	w, err := http.DefaultClient.Do(r)
	if err != nil {
		log.Fatal(err)
	}
	defer w.Body.Close()
	text, err := io.ReadAll(w.Body)
	if err != nil {
		log.Fatal(err)
	}
	if method != "GET" {
		text = nil
	}
	fmt.Println(strings.TrimSpace(w.Status + " " + string(text)))
}

// folder is a new one.
func folder() string {
	name, err := os.MkdirTemp("", "larder-")
	if err != nil {
		log.Fatal(err)
	}
	return name
}
