package manifest_test

import (
	"encoding/json"
	"errors"
	"os"
	"testing"

	"github.com/larder-sync/larder/manifest"
)

// The vectors are shared with the service worker: testdata/README.md tells their format.

func TestParseVectors(t *testing.T) {
	var vectors []struct {
		Name, URL, Text, Error string
		Want                   json.RawMessage
	}
	load(t, "testdata/parse.json", &vectors)
	for _, v := range vectors {
		t.Run(v.Name, func(t *testing.T) {
			got, err := manifest.Parse(v.URL, []byte(v.Text))
			if v.Error != "" {
				if v.Error != "signature" || !errors.Is(err, manifest.ErrSignature) {
					t.Fatalf("got error %v, want %s", err, v.Error)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			// Through a manifest and back, so that a field unknown to us is an error and layout plays no part.
			var want manifest.Manifest
			if err := unmarshal(v.Want, &want); err != nil {
				t.Fatal(err)
			}
			if g, w := marshal(t, got), marshal(t, want); g != w {
				t.Errorf("got  %s\nwant %s", g, w)
			}
		})
	}
}

func TestMatchVectors(t *testing.T) {
	var vectors []struct {
		Name, URL, Text string
		Masters         []string
		Requests        []struct {
			Method, URL string
			Navigate    bool
			Want        manifest.Action
			Page        string
		}
	}
	load(t, "testdata/match.json", &vectors)
	for _, v := range vectors {
		t.Run(v.Name, func(t *testing.T) {
			m, err := manifest.Parse(v.URL, []byte(v.Text))
			if err != nil {
				t.Fatal(err)
			}
			matcher, err := manifest.NewMatcher(m, v.Masters...)
			if err != nil {
				t.Fatal(err)
			}
			if len(v.Requests) == 0 {
				t.Fatal("the vector asks nothing")
			}
			for _, r := range v.Requests {
				got := matcher.Match(manifest.Request{Method: r.Method, URL: r.URL, Navigate: r.Navigate})
				if want := (manifest.Decision{Action: r.Want, Page: r.Page}); got != want {
					t.Errorf("%s %s (navigate %v): got %+v, want %+v", r.Method, r.URL, r.Navigate, got, want)
				}
			}
		})
	}
}

func load(t *testing.T, name string, vectors any) {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if err := unmarshal(text, vectors); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
}
