package manifest_test

import (
	"fmt"
	"log"
	"testing/fstest"

	"github.com/larder-sync/larder/manifest"
)

func Example() {
	folder := fstest.MapFS{
		"index.html": {Data: []byte("<!doctype html><title>Todo</title><script src=app.js></script>")},
		"app.js":     {Data: []byte("console.log('bread');")},
	}
	text, err := manifest.Build(folder)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Print(string(text))

	m, err := manifest.Parse("https://example.com/cache.manifest", text)
	if err != nil {
		log.Fatal(err)
	}
	matcher, err := manifest.NewMatcher(m)
	if err != nil {
		log.Fatal(err)
	}
	for _, url := range []string{"https://example.com/app.js", "https://example.com/tables/todoitem"} {
		fmt.Println(url, matcher.Match(manifest.Request{URL: url}).Action)
	}
	// Output:
	// CACHE MANIFEST
	// # Made from the files of this folder: a change of any of them changes this text.
	//
	// CACHE:
	// ./ sha256-LFYhuopHz0Jt2Y+A/qCCb5TGoAwadMrc1tADKYp1RLg=
	// app.js sha256-2nIpXUiCZvvDxU+h+wQblrhqRBbZHsBNY8vDiTjNN7Y=
	//
	// NETWORK:
	// *
	// https://example.com/app.js cache
	// https://example.com/tables/todoitem network
}
