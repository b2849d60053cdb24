package browser

import (
	"context"
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

func (t *chromiumTab) press(ctx context.Context, key string) error {
	k, err := parseKey(key)
	if err != nil {
		return err
	}
	held := 0
	for _, m := range k.held {
		held |= modifierKeys[m].bit
	}
	if held&modifierKeys["Shift"].bit != 0 && namedKeys[k.name].code == 0 {
		k.name = strings.ToUpper(k.name) // as a keyboard does
	}
	params := map[string]any{"key": k.name, "modifiers": held}
	if named, ok := namedKeys[k.name]; ok {
		params["code"], params["windowsVirtualKeyCode"] = k.name, named.code
		if k.name == "Enter" {
			params["text"] = "\r"
		}
	} else {
		r, _ := utf8.DecodeRuneInString(k.name)
		params["windowsVirtualKeyCode"] = int(unicode.ToUpper(r)) // right for letters, digits and the space, whose codes matter
		if held&^modifierKeys["Shift"].bit == 0 {
			params["text"] = k.name
		}
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
