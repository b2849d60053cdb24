package table

import (
	"strings"
	"unicode/utf8"
)

// EscapeID writes text, a record's id or a delta token, as part of a URL: percent-encoded but for the letters, digits
// and -._~ that mean themselves everywhere.
func EscapeID(text string) string {
	const upper = "0123456789ABCDEF"
	plain := 0
	for plain < len(text) && isUnreserved(text[plain]) {
		plain++
	}
	if plain == len(text) {
		return text
	}
	b := append(make([]byte, 0, len(text)+16), text[:plain]...)
	for _, c := range []byte(text[plain:]) {
		if isUnreserved(c) {
			b = append(b, c)
		} else {
			b = append(b, '%', upper[c>>4], upper[c&15])
		}
	}
	return string(b)
}

func isUnreserved(c byte) bool {
	return c|0x20 >= 'a' && c|0x20 <= 'z' || c >= '0' && c <= '9' || c == '-' || c == '.' || c == '_' || c == '~'
}

// UnescapeID reads percent-encoded text from a URL. What is not percent-encoding of valid UTF-8 is an error with
// [CodeInvalid].
func UnescapeID(text string) (string, error) {
	plain := strings.IndexByte(text, '%')
	if plain < 0 {
		if !utf8.ValidString(text) {
			return "", Errorf(CodeInvalid, "the URL is not valid UTF-8 at ", quote(text))
		}
		return text, nil
	}
	b := append(make([]byte, 0, len(text)), text[:plain]...)
	for i := plain; i < len(text); i++ {
		c := text[i]
		if c == '%' {
			if i+2 >= len(text) {
				return "", Errorf(CodeInvalid, "the URL ends inside a percent-encoding at ", quote(text))
			}
			high, ok1 := hexDigit(text[i+1])
			low, ok2 := hexDigit(text[i+2])
			if !ok1 || !ok2 {
				return "", Errorf(CodeInvalid, "the URL has a % without two hexadecimal digits at ", quote(text))
			}
			c = high<<4 | low
			i += 2
		}
		b = append(b, c)
	}
	if !utf8.Valid(b) {
		return "", Errorf(CodeInvalid, "the URL is not valid UTF-8 at ", quote(text))
	}
	return string(b), nil
}
