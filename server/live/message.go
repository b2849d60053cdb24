package live

import "github.com/larder-sync/larder/server/db"

// news appends what is new in all tables, or the beginning of it: then more is true, and the rest is for when this is on its way.
func (c *connection) news(out []byte) (_ []byte, more bool) {
	for i, t := range c.topics {
		begin := c.told[i].Seq
		events, head, lost := t.since(begin)
		if lost {
			c.told[i] = head
			out = c.appendResync(out, i)
			continue
		}
		for _, e := range events {
			if len(out) > maxAtOnce && c.told[i].Seq > begin { // the rest waits in the ring, and not in a copy
				return out, true
			}
			out = c.appendEvent(out, i, e)
		}
		c.told[i] = head
	}
	return out, false
}

// appendEvent appends an event, if the connection may know of it.
func (c *connection) appendEvent(out []byte, i int, e *event) []byte {
	t := &c.stream.Tables[i]
	if e.mark.Seq > 0 {
		c.told[i] = e.mark
	}
	if e.Left && !t.PerUser || t.PerUser && (e.Owner != t.User || t.User == "") {
		return out
	}
	data := e.data
	if t.See != nil && !e.Left {
		if data = t.See(e.Entry, e.after); data == nil {
			return out
		}
	}
	out = c.appendName(out, i)
	if e.mark.Seq > 0 {
		out = c.appendCursors(append(out, "id: "...))
		out = append(out, '\n')
	}
	out = append(out, "data: "...)
	out = append(out, data...)
	return append(out, "\n\n"...)
}

// appendResync appends that the connection has to pull a table, and then goes on from now.
func (c *connection) appendResync(out []byte, i int) []byte {
	out = c.appendName(out, i)
	out = c.appendCursors(append(out, "id: "...))
	return append(out, "\ndata: {\"resync\":true}\n\n"...)
}

func (c *connection) appendName(out []byte, i int) []byte {
	if !c.stream.Named {
		return out
	}
	out = append(out, "event: "...)
	out = append(out, c.stream.Tables[i].Name...)
	return append(out, '\n')
}

// appendID appends an id without an event: browsers remember it all the same.
func (c *connection) appendID(out []byte) []byte {
	out = c.appendCursors(append(out, "id: "...))
	return append(out, "\n\n"...)
}

// appendBeat appends that the connection lives.
func (c *connection) appendBeat(out []byte) []byte { return c.appendID(append(out, ":\n"...)) }

func (c *connection) appendCursors(out []byte) []byte {
	for i, mark := range c.told {
		cursor := db.At(mark)
		cursor.Scope = c.stream.Tables[i].Scope
		if c.stream.Named {
			if i > 0 {
				out = append(out, ',')
			}
			out = append(out, c.stream.Tables[i].Name...)
			out = append(out, ':')
		}
		out = append(out, cursor.String()...)
	}
	return out
}
