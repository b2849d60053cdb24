package browser_test

import (
	"context"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"time"

	"github.com/larder-sync/larder/test/browser"
)

// A page stores a value and the browser is closed; later, with the same profile, the value is still there.
func Example() {
	site := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprint(w, "<!doctype html><title>Shelf</title>")
	}))
	defer site.Close()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()

	visit := func(b *browser.Browser, script string, args ...any) string {
		page, err := b.NewPage(ctx)
		if err != nil {
			log.Fatal(err)
		}
		if err := page.Navigate(ctx, site.URL); err != nil {
			log.Fatal(err)
		}
		v, err := page.Eval(ctx, script, args...)
		if err != nil {
			log.Fatal(err)
		}
		if err := b.Close(); err != nil {
			log.Fatal(err)
		}
		return string(v)
	}

	profile, err := os.MkdirTemp("", "profile-")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(profile)
	first, err := browser.Start(ctx, browser.Options{Profile: profile})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(visit(first, `localStorage.jam = arguments[0]; return document.title`, "plum"))
	second, err := browser.Start(ctx, browser.Options{Profile: profile})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(visit(second, `return localStorage.jam`))

	// Output:
	// "Shelf"
	// "plum"
}
