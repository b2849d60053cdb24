//go:build js && wasm

package browser

import (
	"syscall/js"
	"time"
)

// randoms is what is left of the random bytes that the browser was asked for: to ask for each id would be most of what it costs.
var randoms []byte

// uuid returns a UUID of a version with random bits. A library for it would bring Go's own cryptography, for which a browser has
// no need: that alone weighs as much as a hundredth of the engine.
func uuid(version byte) (id [16]byte) {
	if len(randoms) == 0 {
		randoms = make([]byte, 64*len(id))
		bytes := js.Global().Get("Uint8Array").New(len(randoms))
		js.CopyBytesToGo(randoms, js.Global().Get("crypto").Call("getRandomValues", bytes))
	}
	randoms = randoms[copy(id[:], randoms):]
	id[6], id[8] = id[6]&0x0F|version<<4, id[8]&0x3F|0x80
	return id
}

func uuidText(id [16]byte) string {
	const digits = "0123456789abcdef"
	text := make([]byte, 0, 36)
	for i, b := range id {
		if i == 4 || i == 6 || i == 8 || i == 10 {
			text = append(text, '-')
		}
		text = append(text, digits[b>>4], digits[b&0x0F])
	}
	return string(text)
}

// UUID4 returns a new random UUID. It is not safe for concurrent use by threads, which a browser's Go does not have.
func UUID4() string { return uuidText(uuid(4)) }

// UUID7 returns a new UUID that begins with the time in milliseconds, so that later ones sort behind earlier ones; those of the
// same millisecond are in no order.
func UUID7() string {
	id, ms := uuid(7), time.Now().UnixMilli()
	for i := range 6 {
		id[i] = byte(ms >> (40 - 8*i))
	}
	return uuidText(id)
}
