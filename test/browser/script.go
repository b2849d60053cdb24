package browser

import (
	"encoding/json"
	"fmt"
)

// call makes of the body of an async function and its arguments an expression for the promise of what it returns.
func call(body string, args []json.RawMessage) (string, error) {
	list, err := json.Marshal(args)
	if err != nil {
		return "", fmt.Errorf("browser: arguments of the script: %w", err)
	}
	// The arguments go through JSON.parse because a literal would treat a "__proto__" key in its own way.
	literal, err := json.Marshal(string(list))
	if err != nil {
		return "", fmt.Errorf("browser: arguments of the script: %w", err)
	}
	return "(async function () {\n" + body + "\n}).apply(undefined, JSON.parse(" + string(literal) + ") ?? [])", nil
}

// expression is a [call] whose promise gives JSON text.
func expression(body string, args []json.RawMessage) (string, error) {
	c, err := call(body, args)
	return "(async () => JSON.stringify(await " + c + ") ?? 'null')()", err
}

// result is the JSON in the text that an [expression] gave.
func result(value json.RawMessage) (json.RawMessage, error) {
	var text string
	if err := json.Unmarshal(value, &text); err != nil {
		return nil, fmt.Errorf("browser: result of the script: %w", err)
	}
	return json.RawMessage(text), nil
}

// catching is an [expression] that tells exceptions in its own text, for engines that tell where a promise was rejected
// rather than where the exception is from.
func catching(body string, args []json.RawMessage) (string, error) {
	c, err := call(body, args)
	return `(async () => {
		try {
			return JSON.stringify({value: JSON.stringify(await ` + c + `) ?? 'null'});
		} catch (error) {
			const frames = error instanceof Error ? error.stack.trim().split('\n').filter(Boolean) : [];
			return JSON.stringify({thrown: [error, ...frames.map((frame) => frame.replace(/^([^@]*)@?(.*)$/, '    at $1 ($2)'))].join('\n')});
		}
	})()`, err
}

// caught is the JSON in the text that a [catching] expression gave, or the exception.
func caught(value json.RawMessage) (json.RawMessage, error) {
	text, err := result(value)
	if err != nil {
		return nil, err
	}
	var r struct {
		Value  json.RawMessage
		Thrown *string
	}
	if err := json.Unmarshal(text, &r); err != nil {
		return nil, fmt.Errorf("browser: result of the script: %w", err)
	}
	if r.Thrown != nil {
		return nil, &ScriptError{Message: *r.Thrown}
	}
	return result(r.Value)
}
