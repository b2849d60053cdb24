package sw_test

import (
	"testing"

	"github.com/larder-sync/larder/sw"
)

// TestSize holds the worker to what a browser should have to read each time that it starts one.
func TestSize(t *testing.T) {
	const most = 16_000
	text, ok := sw.Script("sw.js")
	if !ok || len(text) >= most {
		t.Errorf("sw.js has %d bytes; less than %d are wanted", len(text), most)
	}
	for _, name := range sw.Parts {
		if part, ok := sw.Script("sw/" + name); !ok || len(part) >= most/4 {
			t.Errorf("sw/%s has %d bytes; less than %d are wanted", name, len(part), most/4)
		}
	}
	for _, name := range []string{"", "sw", "sw/sw.js", "manifest.js", "sw/doc.go", "../sw.js", "sw//file.js"} {
		if _, ok := sw.Script(name); ok {
			t.Errorf("there is a script %q", name)
		}
	}
}
