package main

import (
	"os"
	"strings"
	"testing"
)

// TestRun plays both tasks with few records, by hand and by Larder, so that the benchmark stays fit to be run.
func TestRun(t *testing.T) {
	for _, need := range []string{"../../build/web/larder.wasm", "../../bin/larder"} {
		if _, err := os.Stat(need); err != nil {
			t.Fatalf("%v: run make web bin/larder", err)
		}
	}
	var out strings.Builder
	err := run(t.Context(), []string{"-web", "../../build/web", "-larder", "../../bin/larder", "-rows", "300", "-push", "300", "-rounds", "1",
		"-contenders", "raw,larder"}, &out)
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(out.String(), "\nlarder "); n != 2 {
		t.Errorf("larder is in %d of 2 tables:\n%s", n, out.String())
	}
}
