package sync_test

import (
	"fmt"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/larder-sync/larder/table"
	"github.com/larder-sync/larder/wasm/replica"
	"github.com/larder-sync/larder/wasm/store"
)

// verify compares a pull with the server, and heals it.
func (d *device) verify(p replica.Pull) replica.Verification {
	d.t.Helper()
	found, err := d.replica.Verify(ctx, replica.Job{Pulls: []replica.Pull{p}, Patience: time.Minute})
	if err != nil || len(found) != 1 {
		d.t.Fatalf("the verification gave %v, %v", found, err)
	}
	return found[0]
}

// damage changes stored rows behind the engine's back, as a failing disk or a defect would.
func (d *device) damage(puts []table.Record, deletes ...string) {
	d.t.Helper()
	if err := d.store.Update(ctx, []string{"todoitem"}, func(tx *store.Tx) error {
		rows := make([]table.Row, len(puts))
		for i, r := range puts {
			rows[i] = table.Row{ID: r.ID(), Record: r}
		}
		steps, err := tx.Apply("todoitem", rows, deletes)
		tx.Last(steps...)
		return err
	}); err != nil {
		d.t.Fatal(err)
	}
}

func many(n int) (rows []table.Record) {
	for i := range n {
		rows = append(rows, table.Record{"id": fmt.Sprintf("row-%06d", i), "text": "text " + fmt.Sprint(i), "rank": float64(i % 7)})
	}
	return rows
}

// changed returns the stored row of an id with another text.
func (d *device) changed(id, text string) table.Record {
	d.t.Helper()
	var row table.Record
	d.do(func(items *store.TxTable) (err error) { row, err = items.Get(ctx, id); return err })
	row["text"] = text
	return row
}

func TestDigest(t *testing.T) {
	url := newServer(t, filepath.Join(t.TempDir(), "larder.db")).URL
	a, b := newDevice(t, url), newDevice(t, url)
	whole := replica.Pull{Table: "todoitem"}
	a.put(many(3000)...)
	a.sync()
	b.sync()
	t.Run("replicas that are equal need one request, and nothing is stored", func(t *testing.T) {
		for name, d := range map[string]*device{"that pushed": a, "that pulled": b} {
			d.network.sent = nil
			if v := d.verify(whole); v.Rows != 3000 || len(v.Differing)+v.Healed > 0 {
				t.Errorf("the device %s: %+v", name, v)
			}
			digests := slices.DeleteFunc(d.network.sent, func(s replica.Send) bool { return !strings.Contains(s.Path, table.PathDigest) })
			if len(digests) != 1 {
				t.Errorf("the device %s asked %d times for digests", name, len(digests))
			}
		}
	})
	t.Run("what is changed, missing or too much is found in a few requests, and healed", func(t *testing.T) {
		want := b.rows()
		b.damage([]table.Record{b.changed("row-000777", "silently other"), {"id": "row-001500x", "text": "too much", "version": "b-1"}}, "row-002999")
		b.network.sent = nil
		v := b.verify(whole)
		if !reflect.DeepEqual(v.Differing, []string{"row-000777", "row-001500x", "row-002999"}) || v.Healed != 3 {
			t.Errorf("found %+v", v)
		}
		if len(b.network.sent) > 12 {
			t.Errorf("it took %d requests", len(b.network.sent))
		}
		if got := b.rows(); !reflect.DeepEqual(got, want) {
			t.Errorf("after it there are %d rows, not as they were", len(got))
		}
		if v := b.verify(whole); len(v.Differing) > 0 {
			t.Errorf("afterwards %v differ", v.Differing)
		}
	})
	t.Run("local changes are neither differences nor overwritten", func(t *testing.T) {
		b.put(item("row-000001", "edited"), item("row-new", "inserted"))
		b.delete("row-000002")
		v := b.verify(whole)
		if len(v.Differing) > 0 || v.Rows != 3000 {
			t.Errorf("found %+v", v)
		}
		b.damage(nil, "row-000003")
		b.put(item("row-000003", "put where it was missing"))
		if v = b.verify(whole); len(v.Differing) != 1 || v.Differing[0] != "row-000003" {
			t.Errorf("found %+v, want the record whose base is not the server's", v)
		}
		rows := b.rows()
		if rows["row-000001"]["text"] != "edited" || rows["row-new"] == nil || rows["row-000002"] != nil ||
			rows["row-000003"]["text"] != "put where it was missing" || len(b.pending()) != 4 {
			t.Errorf("local changes are %v, %v, %v, %v, with %d operations", rows["row-000001"], rows["row-new"], rows["row-000002"],
				rows["row-000003"], len(b.pending()))
		}
		for _, op := range b.pending() {
			if err := b.replica.Discard(ctx, op.ID); err != nil {
				t.Fatal(err)
			}
		}
		if v = b.verify(whole); len(v.Differing) > 0 {
			t.Errorf("when they are discarded, %v differ", v.Differing)
		}
	})
	t.Run("what others write between the pull and the digest is no difference", func(t *testing.T) {
		meanwhile := 0
		b.network.before = func(s replica.Send) error {
			if strings.Contains(s.Path, table.PathDigest) {
				meanwhile++
				a.put(item("row-000010", fmt.Sprint("newer ", meanwhile)), item(fmt.Sprint("fresh-", meanwhile), "x"))
				a.delete(fmt.Sprintf("row-%06d", 20+meanwhile))
				a.sync()
			}
			return nil
		}
		b.damage([]table.Record{b.changed("row-001777", "silently other")})
		v := b.verify(whole)
		b.network.before = nil
		if !reflect.DeepEqual(v.Differing, []string{"row-001777"}) || v.Healed != 1 || meanwhile < 2 {
			t.Errorf("after %d writes meanwhile: %+v", meanwhile, v)
		}
		a.sync()
		b.sync()
		agree(t, url, a.rows(), a, b)
	})
	t.Run("where too much changes meanwhile, it is pulled and compared anew", func(t *testing.T) {
		wave := 0
		b.network.before = func(s replica.Send) error {
			if wave++; strings.Contains(s.Path, table.PathDigest) && wave < 4 {
				rows := many(1500)
				for _, r := range rows {
					r["text"] = fmt.Sprint("wave ", wave)
				}
				a.put(rows...)
				a.sync()
			}
			return nil
		}
		v := b.verify(whole)
		b.network.before = nil
		if len(v.Differing) > 0 || v.Rows != len(a.rows()) {
			t.Errorf("found %+v of %d rows", v, len(a.rows()))
		}
	})
	t.Run("a sample is one request of a range", func(t *testing.T) {
		b.network.sent = nil
		job := replica.Job{Pulls: []replica.Pull{whole}, Verify: true, Sample: true}
		result, err := b.replica.Run(ctx, job)
		if err != nil || len(result.Verified) != 1 || result.Verified[0].Rows != 500 || !result.Verified[0].Sampled || len(b.network.sent) != 2 {
			t.Errorf("a sample gave %+v, %v in %d requests", result.Verified, err, len(b.network.sent))
		}
	})
}

func TestDigestOfPart(t *testing.T) {
	url := newServer(t, filepath.Join(t.TempDir(), "larder.db")).URL
	a, b := newDevice(t, url), newDevice(t, url)
	a.put(many(200)...)
	a.sync()
	p := part("rank eq 3")
	b.pull(p)
	t.Run("of a filter, only what meets it counts", func(t *testing.T) {
		b.put(table.Record{"id": "mine", "text": "x", "rank": 3.0}, table.Record{"id": "other", "text": "y", "rank": 4.0})
		b.damage(nil, "row-000003", "row-000010")
		if v := b.verify(p); !reflect.DeepEqual(v.Differing, []string{"row-000003", "row-000010"}) || v.Healed != 2 || v.Rows != 27 {
			t.Errorf("found %+v", v)
		}
	})
	t.Run("a table with nothing here, or nothing there, is compared as well", func(t *testing.T) {
		c := newDevice(t, url)
		c.sync()
		ids := []string{}
		for id := range c.rows() {
			ids = append(ids, id)
		}
		c.damage(nil, ids...)
		if v := c.verify(replica.Pull{Table: "todoitem"}); v.Rows != 0 || v.Healed != 200 || len(c.rows()) != 200 {
			t.Errorf("of a store that lost all: %+v", v)
		}
		empty := newDevice(t, newServer(t, filepath.Join(t.TempDir(), "larder.db")).URL)
		empty.put(item("gone", "x"))
		empty.sync()
		empty.delete("gone")
		empty.sync()
		empty.damage([]table.Record{{"id": "stray", "version": "x-1"}})
		if v := empty.verify(replica.Pull{Table: "todoitem"}); v.Healed != 1 || len(empty.rows()) != 0 {
			t.Errorf("of a server that has nothing: %+v", v)
		}
	})
	t.Run("ids beyond the surrogates are compared, though they bound no range", func(t *testing.T) {
		var rows []table.Record
		for i := range 1500 {
			rows = append(rows, table.Record{"id": fmt.Sprintf("😀%c-%04d", []rune("\ue000\U0001F600a")[i%3], i), "rank": 3.0})
		}
		a.put(rows...)
		a.sync()
		b.pull(p)
		b.damage([]table.Record{b.changed("😀\ue000-0003", "silently other")}, "😀😀-0004")
		if v := b.verify(p); len(v.Differing) != 2 || v.Healed != 2 {
			t.Errorf("found %+v", v)
		}
		if v := b.verify(p); len(v.Differing) != 0 {
			t.Errorf("then found %+v", v)
		}
	})
}

func TestDigestRefusals(t *testing.T) {
	url := guarded(t)
	anna := func(bool) (string, error) { return signIn(t, "anna", time.Hour), nil }
	t.Run("of what is another's, nothing is told", func(t *testing.T) {
		a, b := newDevice(t, url), newDevice(t, url)
		a.tokens(anna)
		b.tokens(func(bool) (string, error) { return signIn(t, "ben", time.Hour), nil })
		a.put(item("1", "anna's"))
		b.put(item("2", "ben's"))
		a.sync()
		b.sync()
		if v := b.verify(replica.Pull{Table: "todoitem"}); v.Rows != 1 || len(v.Differing) != 0 {
			t.Errorf("found %+v", v)
		}
	})
	t.Run("a server without digests is said to be one", func(t *testing.T) {
		d := newDevice(t, url)
		d.network.answer = func(s replica.Send) *replica.Answer {
			if strings.Contains(s.Path, table.PathDigest) {
				return &replica.Answer{Status: 404}
			}
			return nil
		}
		d.tokens(anna)
		if _, err := d.replica.Verify(ctx, replica.Job{Pulls: replica.Whole("todoitem")}); table.CodeOf(err) != table.CodeServer {
			t.Errorf("it ends with %v", err)
		}
	})
}
