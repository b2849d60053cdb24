package sync_test

import (
	"errors"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/larder-sync/larder/table"
	"github.com/larder-sync/larder/wasm/replica"
)

// These were found by the simulator.

// TestSweepOfAnotherTab breaks off a tab's pull from the start, which another tab then carries out.
func TestSweepOfAnotherTab(t *testing.T) {
	url := newServer(t, filepath.Join(t.TempDir(), "larder.db")).URL
	a := newDevice(t, url)
	a.put(item("1", "one"))
	a.network.before = func(s replica.Send) error {
		if s.Method == "GET" {
			return errors.New("the connection was reset")
		}
		return nil
	}
	if _, err := a.replica.Sync(ctx, 0); table.CodeOf(err) != table.CodeNetwork {
		t.Fatalf("the sync ended with %v, want code network", err)
	}
	a.network.before = nil
	other := replica.New(a.store, a.options)
	for _, r := range []*replica.Replica{other, a.replica} {
		if _, err := r.Sync(ctx, 0); err != nil {
			t.Fatal(err)
		}
	}
	agree(t, url, map[string]table.Record{"1": item("1", "one")}, a)
}

// TestCancelledDelete cancels the conflict of a delete when the page with the other side's record has come already.
func TestCancelledDelete(t *testing.T) {
	url := newServer(t, filepath.Join(t.TempDir(), "larder.db")).URL
	a, b := newDevice(t, url), newDevice(t, url)
	a.put(item("1", "old"))
	a.sync()
	b.sync()
	b.update(table.Record{"id": "1", "text": "new"})
	b.sync()
	a.delete("1")
	if _, err := a.replica.Pull(ctx, 0, "todoitem"); err != nil {
		t.Fatal(err)
	}
	a.decide = func(*replica.Conflict) (replica.Decision, error) {
		return replica.Decision{Choice: replica.ChooseCancel}, nil
	}
	a.sync()
	agree(t, url, map[string]table.Record{"1": item("1", "new")}, a, b)
}

// TestRestoredAndDeleted restores the server to before a change, and deletes the record there: the last page of the pull that finds out
// what is lost tells so, and one operation brings the change back.
func TestRestoredAndDeleted(t *testing.T) {
	s := newShop(t)
	a, b := newDevice(t, s.url), newDevice(t, s.url)
	a.put(item("1", "old"))
	a.sync()
	b.sync()
	s.backup()
	a.update(table.Record{"id": "1", "text": "lost"})
	a.sync()
	s.restore()
	b.delete("1")
	b.sync()
	a.decide = func(*replica.Conflict) (replica.Decision, error) {
		return replica.Decision{Choice: replica.ChooseLocal}, nil
	}
	if _, err := a.replica.Pull(ctx, 0, "todoitem"); err != nil {
		t.Fatal(err)
	}
	if n := len(a.pending()); n != 1 {
		t.Errorf("%d operations wait, want the one that brings the change back", n)
	}
	a.sync()
	b.sync()
	agree(t, s.url, map[string]table.Record{"1": item("1", "lost")}, a, b)
}

// TestDeleteOfWhatIsNoMore deletes a record that a page brings before the delete is pushed, and that the server does not have
// any more when it is: a page that tells so cannot come.
func TestDeleteOfWhatIsNoMore(t *testing.T) {
	for name, c := range map[string]struct {
		changed bool // by another device: the delete is known to be in conflict
		waits   bool // nobody decides the conflict, before the server has lost the record
		course  replica.Course
	}{
		"the page had what was deleted":                {course: replica.CourseOffer},
		"the page had a newer record":                  {changed: true, course: replica.CourseOffer},
		"the conflict waits, and is discarded":         {changed: true, waits: true, course: replica.CourseOffer},
		"the server is taken as it is":                 {changed: true, course: replica.CourseServer},
		"it is taken as it is, and the conflict waits": {changed: true, waits: true, course: replica.CourseServer},
	} {
		t.Run("a backup lacks it: "+name, func(t *testing.T) {
			s := newShop(t)
			a, b := newDevice(t, s.url), newDevice(t, s.url)
			a.course = c.course
			a.put(item("0", "kept"))
			a.sync()
			s.backup()
			a.put(item("1", "lost"))
			if _, err := a.replica.Push(ctx, 0); err != nil {
				t.Fatal(err)
			}
			if b.sync(); c.changed {
				b.update(item("1", "changed"))
				b.sync()
			}
			if a.delete("1"); c.waits {
				a.sync()
			} else if _, err := a.replica.Pull(ctx, 0, "todoitem"); err != nil {
				t.Fatal(err)
			}
			s.restore()
			if a.sync(); c.waits {
				if err := a.replica.Discard(ctx, a.pending()[0].ID); err != nil {
					t.Fatal(err)
				}
				a.sync()
			}
			agree(t, s.url, map[string]table.Record{"0": item("0", "kept")}, a)
			b.sync() // has it still, and brings it back
			a.sync()
			text := "lost"
			if c.changed {
				text = "changed"
			}
			agree(t, s.url, map[string]table.Record{"0": item("0", "kept"), "1": item("1", text)}, a, b)
		})
	}
	for name, waits := range map[string]bool{"and is pushed": false, "waits in quarantine, and is discarded": true} {
		t.Run("it was deleted so long ago that this is forgotten: the delete is in conflict with an older change "+name, func(t *testing.T) {
			url, forget := newForgetful(t)
			a, b := newDevice(t, url), newDevice(t, url)
			a.put(item("1", "old"))
			a.sync()
			b.sync()
			b.update(item("1", "changed"))
			b.sync()
			if a.delete("1"); waits {
				a.sync()
			} else if _, err := a.replica.Pull(ctx, 0, "todoitem"); err != nil {
				t.Fatal(err)
			}
			b.delete("1")
			b.sync()
			forget()
			b.put(item("2", "stays"))
			b.sync() // and with it the server forgets
			if _, err := a.replica.Pull(ctx, 0, "todoitem"); err != nil {
				t.Fatal(err)
			}
			if waits {
				if err := a.replica.Discard(ctx, a.pending()[0].ID); err != nil {
					t.Fatal(err)
				}
			}
			a.sync()
			agree(t, url, map[string]table.Record{"2": item("2", "stays")}, a, b)
		})
	}
}

// TestDeleteStaysDeleted pulls what was deleted here before the delete is pushed: the server's answer to that does not bring it back.
func TestDeleteStaysDeleted(t *testing.T) {
	a := newDevice(t, newServer(t, filepath.Join(t.TempDir(), "larder.db")).URL)
	push := func() {
		if _, err := a.replica.Push(ctx, 0); err != nil {
			t.Fatal(err)
		}
	}
	a.put(item("1", "goes"))
	push()
	a.delete("1")
	if _, err := a.replica.Pull(ctx, 0, "todoitem"); err != nil {
		t.Fatal(err)
	}
	if push(); len(a.rows()) > 0 {
		t.Errorf("the record is there again until the next pull: %v", a.rows())
	}
}

// TestRestoredAfterConflict restores the server to before a record that a device has from the answer to its own push alone: no pull has
// brought it, and none was acknowledged that came later. The device notices all the same.
func TestRestoredAfterConflict(t *testing.T) {
	for _, choice := range []replica.Choice{replica.ChooseServer, replica.ChooseCancel} {
		t.Run("the conflict ended with "+string(choice), func(t *testing.T) {
			s := newShop(t)
			a, b := newDevice(t, s.url), newDevice(t, s.url)
			a.put(item("0", "kept"))
			a.sync()
			s.backup()
			b.put(item("1", "theirs"))
			b.sync()
			a.put(item("1", "mine"))
			a.decide = func(*replica.Conflict) (replica.Decision, error) { return replica.Decision{Choice: choice}, nil }
			if _, err := a.replica.Push(ctx, 0); err != nil {
				t.Fatal(err)
			}
			s.restore()
			a.sync()
			b.sync()
			agree(t, s.url, map[string]table.Record{"0": item("0", "kept"), "1": item("1", "theirs")}, a, b)
		})
	}
}

// TestTooLargeAfterLostAnswer has somebody on the way take less than before, when an answer was lost: what was done counts as done,
// and what was not is refused for good, though it comes late.
func TestTooLargeAfterLostAnswer(t *testing.T) {
	long := strings.Repeat("x", 1000)
	for name, done := range map[string]bool{"what was done": true, "what did not arrive": false} {
		t.Run(name, func(t *testing.T) {
			url := newServer(t, filepath.Join(t.TempDir(), "larder.db")).URL
			a, b := newDevice(t, url), newDevice(t, url)
			a.put(item("1", "old"))
			a.sync()
			b.sync()
			a.atomic(item("1", long), item("2", long))
			var late replica.Send
			lost := func(s replica.Send) error {
				late = s
				return errors.New("the connection was reset")
			}
			if a.network.after = lost; !done {
				a.network.before = lost
			}
			if _, err := a.replica.Push(ctx, 0); table.CodeOf(err) != table.CodeNetwork {
				t.Fatalf("the push ended with %v, want code network", err)
			}
			a.network.before, a.network.after = nil, nil
			want := map[string]table.Record{"1": item("1", long), "2": item("2", long)}
			if b.sync(); done {
				b.update(item("1", "newer"))
				b.sync()
				want["1"] = item("1", "newer")
			}
			a.network.answer = func(s replica.Send) *replica.Answer {
				if len(s.Body) > 1000 {
					return &replica.Answer{Status: http.StatusRequestEntityTooLarge}
				}
				return nil
			}
			result, err := a.replica.Push(ctx, 0)
			if err != nil {
				t.Fatal(err)
			}
			a.network.answer = nil
			if n := len(result.Quarantined); done && n > 0 || !done && n != 2 {
				t.Errorf("quarantined %v", result.Quarantined)
			}
			if answer := a.network.Send(ctx, late, ""); answer.Status != http.StatusOK {
				t.Fatalf("what came late was answered with %d, %v", answer.Status, answer.Err)
			}
			if b.sync(); !done {
				agree(t, url, map[string]table.Record{"1": item("1", "old")}, b)
				if err := a.replica.Retry(ctx, result.Quarantined[0].ID); err != nil {
					t.Fatal(err)
				}
			}
			a.sync()
			b.sync()
			a.undecided(t)
			agree(t, url, want, a, b)
			if len(a.asked) > 0 {
				t.Errorf("the app was asked %d times", len(a.asked))
			}
		})
	}
}

// TestSweepAfterOldVerdict asks for the verdict on an insert when the record was deleted already, and before the pull from the start that
// brings nothing of it. That pull was tried before, and brought nothing at all.
func TestSweepAfterOldVerdict(t *testing.T) {
	url := newServer(t, filepath.Join(t.TempDir(), "larder.db")).URL
	a, b := newDevice(t, url), newDevice(t, url)
	a.sync()
	lost := func(replica.Send) error { return errors.New("the connection was reset") }
	a.network.before = lost
	if _, err := a.replica.Pull(ctx, 0, "todoitem"); table.CodeOf(err) != table.CodeNetwork {
		t.Fatalf("the pull ended with %v, want code network", err)
	}
	a.network.before, a.network.after = nil, lost
	a.put(item("1", "goes"), item("2", "stays"))
	if _, err := a.replica.Push(ctx, 0); table.CodeOf(err) != table.CodeNetwork {
		t.Fatalf("the push ended with %v, want code network", err)
	}
	a.network.after = nil
	b.sync()
	b.delete("1")
	b.sync()
	a.sync()
	agree(t, url, map[string]table.Record{"2": item("2", "stays")}, a, b)

	t.Run("nor when that pull had stored its first page", func(t *testing.T) {
		url := newServer(t, filepath.Join(t.TempDir(), "larder.db")).URL
		a, b := newDevice(t, url), newDevice(t, url)
		a.sync()
		b.put(item("1", "stays"), item("2", "stays"), item("3", "stays"))
		b.sync()
		a.put(item("4", "goes"))
		a.network.after = lost
		if _, err := a.replica.Push(ctx, 0); table.CodeOf(err) != table.CodeNetwork {
			t.Fatalf("the push ended with %v, want code network", err)
		}
		b.sync()
		b.delete("4")
		b.sync()
		gets := 0
		a.network.after = func(s replica.Send) error {
			if gets++; gets == 2 {
				return errors.New("the connection was reset")
			}
			return nil
		}
		_, err := a.replica.Run(ctx, replica.Job{Pulls: replica.Whole("todoitem"), PageSize: 2})
		if table.CodeOf(err) != table.CodeNetwork || len(a.rows()) != 3 {
			t.Fatalf("the pull ended with %v and %d rows, want code network after its first page", err, len(a.rows()))
		}
		a.network.after = nil
		a.sync()
		agree(t, url, map[string]table.Record{"1": item("1", "stays"), "2": item("2", "stays"), "3": item("3", "stays")}, a, b)
	})
}
