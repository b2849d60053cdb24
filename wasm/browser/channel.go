//go:build js && wasm

package browser

import "syscall/js"

// Channel is a BroadcastChannel: what one tab or worker of the origin posts, the others receive. Where the browser has none
// it does nothing, so what matters must not depend on it. The zero value is such a channel.
type Channel struct {
	raw     js.Value
	message js.Func
}

// OpenChannel joins the channel of that name. Receive is called with each message that another holder posts, in a goroutine
// of its own; it may be nil.
func OpenChannel(name string, receive func(message js.Value)) *Channel {
	class := js.Global().Get("BroadcastChannel")
	if class.Type() != js.TypeFunction {
		return &Channel{}
	}
	c := &Channel{raw: class.New(name)}
	if receive != nil {
		c.message = js.FuncOf(func(_ js.Value, args []js.Value) any {
			go receive(args[0].Get("data"))
			return nil
		})
		c.raw.Set("onmessage", c.message)
	}
	return c
}

// Post sends a message, which must be a value that structured cloning takes, to all other holders of the channel.
func (c *Channel) Post(message any) {
	if !c.raw.IsUndefined() {
		c.raw.Call("postMessage", message)
	}
}

// Close leaves the channel. Post must not be called after it.
func (c *Channel) Close() {
	if c.raw.IsUndefined() {
		return
	}
	c.raw.Set("onmessage", nil)
	c.raw.Call("close")
	if c.message.Truthy() {
		c.message.Release()
	}
	c.raw = js.Undefined()
}
