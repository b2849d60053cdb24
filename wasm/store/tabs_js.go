//go:build js && wasm

package store

import (
	"syscall/js"
)

// FollowTabs joins the live queries of this store with those of other tabs and workers that have the same database open,
// in Go or by larder.js: each hears of the others' commits. It needs a BroadcastChannel, which all browsers of today have,
// and does nothing where there is none. Stop ends it; so does the end of the program.
func (s *Store) FollowTabs() (stop func()) {
	class := js.Global().Get("BroadcastChannel")
	if class.Type() != js.TypeFunction {
		return func() {}
	}
	channel := class.New("larder:" + s.options.Name + ":changes")
	heard := js.FuncOf(func(_ js.Value, args []js.Value) any {
		go s.Changed(Commit{Changes: changesOf(args[0].Get("data"))})
		return nil
	})
	channel.Set("onmessage", heard)
	s.watches.follow(func(changes []Change) { channel.Call("postMessage", messageOf(changes)) })
	return func() {
		s.watches.follow(nil)
		channel.Call("close")
		heard.Release()
	}
}

// messageOf makes {changes: [{store, ids}]}, without ids where there are none or too many.
func messageOf(changes []Change) map[string]any {
	list := make([]any, len(changes))
	for i, c := range changes {
		change := map[string]any{"store": c.Store}
		if len(c.IDs) > 0 && len(c.IDs) <= MaxTold {
			ids := make([]any, len(c.IDs))
			for j, id := range c.IDs {
				ids[j] = id
			}
			change["ids"] = ids
		}
		list[i] = change
	}
	return map[string]any{"changes": list}
}

// changesOf reads such a message. What is not one, because another version wrote it, is no change.
func changesOf(message js.Value) (changes []Change) {
	if message.Type() != js.TypeObject {
		return nil
	}
	list := message.Get("changes")
	if list.Type() != js.TypeObject {
		return nil
	}
	for i := range list.Length() {
		item := list.Index(i)
		c := Change{Store: js.Global().Call("String", item.Get("store")).String()}
		if ids := item.Get("ids"); ids.Type() == js.TypeObject {
			for j := range ids.Length() {
				c.IDs = append(c.IDs, js.Global().Call("String", ids.Index(j)).String())
			}
		}
		changes = append(changes, c)
	}
	return changes
}
