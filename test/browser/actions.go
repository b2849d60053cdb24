package browser

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// keystroke is a key and those that are held meanwhile, as [Page.Press] takes them.
type keystroke struct {
	held []string // of Alt, Control, Meta, Shift
	name string   // a character, or one of the named keys
}

// namedKeys are the keys that are no characters: the Windows codes by which Chromium knows them, and the private
// characters that mean them in WebDriver.
var namedKeys = map[string]struct {
	code  int
	value string
}{
	"Enter": {13, "\uE007"}, "Tab": {9, "\uE004"}, "Escape": {27, "\uE00C"}, "Backspace": {8, "\uE003"}, "Delete": {46, "\uE017"},
	"Home": {36, "\uE011"}, "End": {35, "\uE010"}, "PageUp": {33, "\uE00E"}, "PageDown": {34, "\uE00F"},
	"ArrowLeft": {37, "\uE012"}, "ArrowUp": {38, "\uE013"}, "ArrowRight": {39, "\uE014"}, "ArrowDown": {40, "\uE015"},
}

// modifierKeys are the keys that can be held: Chromium's bits, and WebDriver's characters.
var modifierKeys = map[string]struct {
	bit   int
	value string
}{
	"Alt": {1, "\uE00A"}, "Control": {2, "\uE009"}, "Meta": {4, "\uE03D"}, "Shift": {8, "\uE008"},
}

func parseKey(key string) (keystroke, error) {
	k := keystroke{name: key}
	for {
		modifier, rest, ok := strings.Cut(k.name, "+")
		if _, known := modifierKeys[modifier]; !ok || !known {
			break
		}
		k.held, k.name = append(k.held, modifier), rest
	}
	_, named := namedKeys[k.name]
	r, size := utf8.DecodeRuneInString(k.name)
	if !named && (size == 0 || size != len(k.name) || !unicode.IsPrint(r)) {
		return keystroke{}, fmt.Errorf("browser: unknown key %q: see Page.Press for those that are known", key)
	}
	return k, nil
}

// pressActions is a keystroke in the words of WebDriver.
func pressActions(key string) ([]any, error) {
	k, err := parseKey(key)
	if err != nil {
		return nil, err
	}
	value := k.name
	if named, ok := namedKeys[k.name]; ok {
		value = named.value
	} else if slices.Contains(k.held, "Shift") {
		value = strings.ToUpper(value) // as a keyboard does
	}
	var actions []any
	step := func(kind, value string) { actions = append(actions, map[string]string{"type": kind, "value": value}) }
	for _, m := range k.held {
		step("keyDown", modifierKeys[m].value)
	}
	step("keyDown", value)
	step("keyUp", value)
	for _, m := range slices.Backward(k.held) {
		step("keyUp", modifierKeys[m].value)
	}
	return []any{map[string]any{"type": "key", "id": "keyboard", "actions": actions}}, nil
}

// clickActions is a click in the words of WebDriver.
func clickActions(x, y float64) []any {
	return []any{map[string]any{
		"type": "pointer", "id": "mouse", "parameters": map[string]string{"pointerType": "mouse"},
		"actions": []any{
			map[string]any{"type": "pointerMove", "x": int(x), "y": int(y)},
			map[string]any{"type": "pointerDown", "button": 0},
			map[string]any{"type": "pointerUp", "button": 0},
		},
	}}
}

// insertText enters a text where the engine has no word for it: the page's own editing command, which gives the events
// that a paste gives.
func insertText(ctx context.Context, t tab, text string) error {
	arg, err := json.Marshal(text)
	if err != nil {
		return fmt.Errorf("browser: the text: %w", err)
	}
	v, err := t.eval(ctx, `return document.execCommand('insertText', false, arguments[0])`, []json.RawMessage{arg})
	if err == nil && string(v) != "true" {
		err = errors.New("browser: nothing that has the focus takes text")
	}
	return err
}
