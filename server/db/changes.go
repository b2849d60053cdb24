package db

import "github.com/larder-sync/larder/table"

// Snapshot is one moment of one table, as [ReadChanges] asks a database for it.
type Snapshot interface {
	// Counter returns the table's counter.
	Counter() (Counter, error)
	// Lineage returns a boot in whose time a number was given, "" for none. Where boot is one of several that wrote then,
	// it is that one.
	Lineage(seq int64, boot string) (string, error)
	// Past returns the table's past.
	Past() (table.Past, error)
	// Page returns the entries of since after from, at most since.Limit, and the last one's number. Of the deleted rows up to
	// from.Anchor none is an entry.
	Page(from Cursor, since Since) (entries string, count int, last int64, err error)
	// Further reports whether there are entries after a number.
	Further(from Cursor, since Since) (bool, error)
}

// ReadChanges answers since from a snapshot of the table name. It is what every implementation's Changes does.
func ReadChanges(s Snapshot, name string, since Since) (c Changes, err error) {
	counter, err := s.Counter()
	if err != nil {
		return c, err
	}
	c.Live = counter.Live
	now := counter.Mark()
	from := since.Cursor
	if since.First {
		from = Cursor{Anchor: now}
		err = remembers(s, name, counter, since.Seen)
	} else if err = remembers(s, name, counter, since.Seen, from.Anchor); err == nil {
		err = continues(name, counter, since)
	}
	if err != nil {
		return c, err
	}

	var last int64
	if c.JSON, c.Count, last, err = s.Page(from, since); err != nil {
		return c, err
	}
	if c.Count >= since.Limit {
		if c.More, err = s.Further(Cursor{Anchor: from.Anchor, After: last}, since); err != nil {
			return c, err
		}
	}
	switch {
	case !c.More:
		c.Next = At(now)
	case last < from.Anchor.Seq:
		c.Next = Cursor{Anchor: from.Anchor, After: last}
	default:
		boot, err := s.Lineage(last, "")
		if err != nil {
			return c, err
		}
		c.Next = At(Mark{Boot: boot, Seq: last})
	}
	c.Next.Scope = since.Scope
	if since.First || c.Next.Anchor.Boot != since.Cursor.Anchor.Boot {
		c.Past, err = s.Past()
	}
	return c, err
}

// remembers reports a mark that is not in the table's past.
func remembers(s Snapshot, name string, now Counter, marks ...Mark) error {
	for _, mark := range marks {
		if mark.Seq == 0 {
			continue
		}
		boot, err := s.Lineage(mark.Seq, mark.Boot)
		if err != nil {
			return err
		}
		if boot != mark.Boot || mark.Seq > now.Seq {
			return table.Errorf(table.CodeEpoch, "the table ", name, " has no ", mark.String(),
				" in its past: the database was restored or replaced; pull again with an empty $deltatoken")
		}
	}
	return nil
}

// continues reports why a cursor leads nowhere in this table.
func continues(name string, now Counter, since Since) error {
	switch c := since.Cursor; {
	case c.Scope != since.Scope && c != Cursor{}:
		return table.Errorf(table.CodeExpired, "the delta token is of another filter, or of other rights: "+
			"pull again with an empty $deltatoken, and drop what does not come")
	case c.Anchor.Seq > 0 && c.Anchor.Seq < now.Horizon:
		return table.Errorf(table.CodeExpired, "the delta token is so old that what was deleted in ", name,
			" since is forgotten: pull again with an empty $deltatoken, and drop what does not come")
	}
	return nil
}
