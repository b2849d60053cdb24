package browser

import (
	"cmp"
	"os"
	"strings"
	"testing"
)

// Test is a [Browser] whose failures end a test. Most tests want this one, from [New].
type Test struct {
	*Browser
}

// New starts a browser that ends with the test. A browser that is missing or does not start ends the test at once.
func New(t testing.TB, o Options) *Test {
	t.Helper()
	b, err := Start(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.Kill(); err != nil { // the profile is not looked at any more: no need to be polite
			t.Error(err)
		}
	})
	return &Test{b}
}

// Each runs a test with each of the engines that the environment variable BROWSERS names, or with Chromium if it names
// none.
func Each(t *testing.T, test func(*testing.T, Engine)) {
	t.Helper()
	for _, name := range strings.Fields(cmp.Or(os.Getenv("BROWSERS"), string(Chromium))) {
		t.Run(name, func(t *testing.T) { test(t, Engine(name)) })
	}
}

// Open opens a page at a URL. If the test fails, its console is written to the test's log.
func (b *Test) Open(t testing.TB, url string) *Page {
	t.Helper()
	p, err := b.NewPage(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			for _, m := range p.Console() {
				t.Log(m)
			}
		}
	})
	if err := p.Navigate(t.Context(), url); err != nil {
		t.Fatal(err)
	}
	return p
}
