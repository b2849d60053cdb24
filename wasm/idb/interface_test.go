//go:build js && wasm

package idb_test

import (
	"os"
	"regexp"
	"strings"
	"syscall/js"
	"testing"
)

// members are the lines of the README's table of interfaces: "IDBIndex name" and what Go has for it.
func members(t *testing.T) map[string]string {
	t.Helper()
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	lines := map[string]string{}
	for _, m := range regexp.MustCompile(`(?m)^\| (IDB\w+) \| (\w+) \| (.+) \|$`).FindAllStringSubmatch(string(readme), -1) {
		if lines[m[1]+" "+m[2]] != "" {
			t.Errorf("%s.%s is there twice", m[1], m[2])
		}
		lines[m[1]+" "+m[2]] = m[3]
	}
	return lines
}

func TestEveryMemberOfTheEngineIsAccountedFor(t *testing.T) {
	accounted := members(t)
	object := js.Global().Get("Object")
	names := object.Call("getOwnPropertyNames", js.Global())
	interfaces, seen := 0, 0
	for i := range names.Length() {
		class := names.Index(i).String()
		if !strings.HasPrefix(class, "IDB") {
			continue
		}
		interfaces++
		constructor := js.Global().Get(class)
		for _, of := range []js.Value{constructor, constructor.Get("prototype")} {
			own := object.Call("getOwnPropertyNames", of)
			for i := range own.Length() {
				switch member := own.Index(i).String(); member {
				case "constructor", "prototype", "length", "name":
					if member != "name" || of.Equal(constructor) { // every function has these, and every class
						continue
					}
					fallthrough
				default:
					seen++
					if accounted[class+" "+member] == "" {
						t.Errorf("the engine has %s.%s, and README.md says nothing of it", class, member)
					}
				}
			}
		}
	}
	if interfaces < 11 || seen < 85 {
		t.Errorf("the engine has %d interfaces with %d members, fewer than IndexedDB 2.0: the test does not look right", interfaces, seen)
	}
}

func TestEveryMemberLeftOutHasAReason(t *testing.T) {
	for member, where := range members(t) {
		if reason, left := strings.CutPrefix(where, "left out"); left && len(reason) < len(": because") {
			t.Errorf("%s is left out without a reason", member)
		}
	}
}
