package browser

import (
	"encoding/json"
	"fmt"
)

// expression makes of the body of an async function and its arguments an expression whose promise gives what the body
// returns, as JSON text.
func expression(body string, args []json.RawMessage) (string, error) {
	list, err := json.Marshal(args)
	if err != nil {
		return "", fmt.Errorf("browser: arguments of the script: %w", err)
	}
	// The arguments go through JSON.parse because a literal would treat a "__proto__" key in its own way.
	literal, err := json.Marshal(string(list))
	if err != nil {
		return "", fmt.Errorf("browser: arguments of the script: %w", err)
	}
	return "(async () => {\nconst value = await (async function () {\n" + body +
		"\n}).apply(undefined, JSON.parse(" + string(literal) + ") ?? []);\n" +
		"return JSON.stringify(value) ?? 'null';\n})()", nil
}

// result is the JSON in the text that an [expression] gave.
func result(value json.RawMessage) (json.RawMessage, error) {
	var text string
	if err := json.Unmarshal(value, &text); err != nil {
		return nil, fmt.Errorf("browser: result of the script: %w", err)
	}
	return json.RawMessage(text), nil
}
