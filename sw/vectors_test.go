package sw_test

import (
	"encoding/json"
	"os"
	"testing"
)

// TestVectors holds the worker to the rules that package manifest is held to, by the same files. They are run in the browser, whose URLs count.
func TestVectors(t *testing.T) { each(t, testVectors) }

func testVectors(t *testing.T, b *engine) {
	s := newSite(t, b, "")
	s.put("/", "<!doctype html><title>vectors</title>")
	v := s.visit(t, "/")
	v.js("window.sw = new Function(await (await fetch('/sw/manifest.js')).text() + '; return { parse, match, filesOf };')()")

	t.Run("parse", func(t *testing.T) {
		for _, c := range vectors(t, "parse.json") {
			t.Run(c.Name, func(t *testing.T) {
				v := on(t, v)
				want(t, v.js(`
					const { url, text, want, error } = args[0];
					const sorted = (value) => JSON.stringify(value, (_, v) => (v && !Array.isArray(v) && typeof v === 'object'
						? Object.fromEntries(Object.entries(v).sort(([a], [b]) => (a < b ? -1 : 1))) : v));
					const got = sw.parse(text, url), expected = error === 'signature' ? null : want;
					return sorted(got) === sorted(expected) ? '' : sorted(got);
				`, c.raw), "")
			})
		}
	})
	t.Run("match", func(t *testing.T) {
		for _, c := range vectors(t, "match.json") {
			t.Run(c.Name, func(t *testing.T) {
				v := on(t, v)
				want(t, v.js(`
					const { url, text, masters = [], requests } = args[0];
					const manifest = new URL(url).href, table = sw.parse(text, manifest), files = sw.filesOf(manifest, table, masters);
					return requests.map((r) => ({ r, got: sw.match({ manifest, table, files }, r) }))
						.filter(({ r, got }) => got.want !== r.want || (got.page ?? '') !== (r.page ?? '')).map((wrong) => JSON.stringify(wrong)).join();
				`, c.raw), "")
			})
		}
	})
}

type vector struct {
	Name string
	raw  json.RawMessage
}

func vectors(t *testing.T, name string) []vector {
	t.Helper()
	b, err := os.ReadFile("../manifest/testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	var raws []json.RawMessage
	if err := json.Unmarshal(b, &raws); err != nil {
		t.Fatal(err)
	}
	all := make([]vector, len(raws))
	for i, raw := range raws {
		if err := json.Unmarshal(raw, &all[i]); err != nil {
			t.Fatal(err)
		}
		all[i].raw = raw
	}
	return all
}

// on is the visitor whose failures end a subtest.
func on(t *testing.T, v *visitor) *visitor { return &visitor{Page: v.Page, t: t, site: v.site} }
