package browser

import (
	"context"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

func (t *chromiumTab) click(ctx context.Context, x, y float64) error {
	for _, kind := range []string{"mouseMoved", "mousePressed", "mouseReleased"} {
		params := map[string]any{"type": kind, "x": x, "y": y, "button": "left", "clickCount": 1}
		if kind == "mouseMoved" {
			params["button"], params["clickCount"] = "none", 0
		}
		if _, err := t.call(ctx, "Input.dispatchMouseEvent", params); err != nil {
			return err
		}
	}
	return nil
}

func (t *chromiumTab) typeText(ctx context.Context, text string) error {
	_, err := t.call(ctx, "Input.insertText", map[string]any{"text": text})
	return err
}

// keyCodes are the Windows key codes, by which Chromium knows what a key that is no character does.
var keyCodes = map[string]int{
	"Enter": 13, "Tab": 9, "Escape": 27, "Backspace": 8, "Delete": 46, "Home": 36, "End": 35, "PageUp": 33, "PageDown": 34,
	"ArrowLeft": 37, "ArrowUp": 38, "ArrowRight": 39, "ArrowDown": 40,
}

// modifiers are the bits of the keys that are held.
var modifiers = map[string]int{"Alt": 1, "Control": 2, "Meta": 4, "Shift": 8}

func (t *chromiumTab) press(ctx context.Context, key string) error {
	held, name := 0, key
	for {
		modifier, rest, ok := strings.Cut(name, "+")
		bit := modifiers[modifier]
		if !ok || bit == 0 {
			break
		}
		held, name = held|bit, rest
	}
	params := map[string]any{"key": name, "code": name, "modifiers": held}
	r, size := utf8.DecodeRuneInString(name)
	switch code := keyCodes[name]; {
	case code != 0:
		params["windowsVirtualKeyCode"] = code
		if name == "Enter" {
			params["text"] = "\r"
		}
	case size > 0 && size == len(name) && unicode.IsPrint(r):
		params["windowsVirtualKeyCode"] = int(unicode.ToUpper(r)) // right for letters, digits and the space, whose codes matter
		delete(params, "code")
		if held&^modifiers["Shift"] == 0 {
			params["text"] = name
		}
	default:
		return fmt.Errorf("browser: unknown key %q: see Page.Press for those that are known", key)
	}
	for _, kind := range []string{"keyDown", "keyUp"} {
		params["type"] = kind
		if _, err := t.call(ctx, "Input.dispatchKeyEvent", params); err != nil {
			return err
		}
		delete(params, "text")
	}
	return nil
}
