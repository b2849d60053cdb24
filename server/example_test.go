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
	"path/filepath"
	"strings"

	"github.com/larder-sync/larder/server"
)

// A program with one table, whose records have their writer's name, and one API of its own.
func Example() {
	folder, err := os.MkdirTemp("", "larder-")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(folder)

	s, err := server.New(context.Background(), server.Options{
		DB:     "sqlite:" + filepath.Join(folder, "shop.db"),
		Logger: slog.New(slog.DiscardHandler),
		Tables: []server.Table{{
			Name:  "todoitem",
			Hooks: server.Hooks{Insert: server.Hook{Before: stamp}},
		}},
		APIs: []server.API{{
			Name:    "hello",
			Methods: server.Methods{"GET": {Handler: http.HandlerFunc(hello)}},
		}},
	})
	if err != nil {
		log.Fatal(err)
	}
	defer s.Close(context.Background())
	// s.Run(ctx, "127.0.0.1:8000") would serve it now; here its answers are looked at.
	for _, request := range []string{"POST /tables/todoitem {\"id\":\"1\",\"text\":\"bread\"}", "POST /tables/todoitem {\"id\":\"2\"}", "GET /api/hello"} {
		parts := strings.SplitN(request+" ", " ", 3)
		r := httptest.NewRequest(parts[0], parts[1], strings.NewReader(strings.TrimSpace(parts[2])))
		r.Header.Set("ZUMO-API-VERSION", "2.0.0")
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		fmt.Println(w.Code, w.Body.String()[:min(23, w.Body.Len())])
	}
	// Output:
	// 201 {"complete":false,"crea
	// 400 {"code":"invalid","erro
	// 200 Hello.
}

// stamp refuses what has no text, and adds a column to the rest.
func stamp(c *server.Context) error {
	if text, _ := c.Item["text"].(string); text == "" {
		return server.Refuse(http.StatusBadRequest, "what is to be done?")
	}
	c.Item["complete"] = false
	return nil
}

func hello(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "Hello.") }
