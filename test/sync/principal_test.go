package sync_test

import (
	"context"
	"errors"
	"path/filepath"
	"testing"
	"time"

	"github.com/larder-sync/larder/server/access"
	"github.com/larder-sync/larder/server/api"
	"github.com/larder-sync/larder/table"
	"github.com/larder-sync/larder/wasm/replica"
)

const (
	jwtKey      = "a key of the test's own, which is long enough"
	guardedFile = `{"columns":{"text":"string"},"dynamicSchema":false,"softDelete":true,"access":"authenticated","perUser":true}`
)

// guarded is the address of a server whose tables are for those who sign in, each with rows of their own.
func guarded(t *testing.T) string {
	t.Helper()
	v, err := access.New(access.Options{Key: jwtKey})
	if err != nil {
		t.Fatal(err)
	}
	return serve(t, filepath.Join(t.TempDir(), "larder.db"), guardedFile, api.Options{Access: v}).URL
}

// signIn makes a token that lasts so long from now on; one that lasts for less than no time has expired.
func signIn(t *testing.T, sub string, lasts time.Duration) string {
	t.Helper()
	token, err := access.Sign(jwtKey, sub, nil, time.Now().Add(-time.Hour), time.Hour+lasts)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// tokens has a device ask for its tokens: one list for the first question of a run, one for fresh ones. It counts both.
func (d *device) tokens(give func(fresh bool) (string, error)) (strangers, asked *int) {
	strangers, asked = new(int), new(int)
	o := d.options
	o.Token = func(_ context.Context, fresh bool) (string, error) {
		if fresh {
			*asked++
		}
		return give(fresh)
	}
	o.Stranger = func() { *strangers++ }
	d.replica = replica.New(d.store, o)
	return strangers, asked
}

func TestTokenExpires(t *testing.T) {
	url := guarded(t)
	old, good := signIn(t, "anna", -time.Minute), signIn(t, "anna", time.Hour)
	pick := func(fresh bool) (string, error) {
		if fresh {
			return good, nil
		}
		return old, nil
	}
	t.Run("before a push: a fresh one is asked for once", func(t *testing.T) {
		d := newDevice(t, url)
		_, asked := d.tokens(pick)
		d.put(item("1", "a"), item("2", "b"))
		if r := d.sync(); r.Pushed != 2 || *asked != 1 {
			t.Errorf("pushed %d, asked %d times for a fresh token", r.Pushed, *asked)
		}
	})
	t.Run("no better one stops the sync, and what waits goes when there is one", func(t *testing.T) {
		d := newDevice(t, url)
		refusals := 0
		_, asked := d.tokens(func(fresh bool) (string, error) {
			switch {
			case !fresh:
				return old, nil
			case refusals == 0:
				refusals++
				return "", errors.New("the identity provider is down")
			case refusals == 1:
				refusals++
				return signIn(t, "anna", -2*time.Minute), nil
			}
			return good, nil
		})
		d.put(item("3", "c"))
		for i := range 2 {
			if _, err := d.replica.Sync(ctx, time.Minute); table.CodeOf(err) != table.CodeAuth {
				t.Errorf("sync %d ended with %v, want code auth", i, err)
			}
			if n := len(d.pending()); n != 1 {
				t.Errorf("%d operations wait, want 1", n)
			}
		}
		if r := d.sync(); r.Pushed != 1 || *asked != 3 {
			t.Errorf("pushed %d, asked %d times for a fresh token", r.Pushed, *asked)
		}
	})
}

func TestAnotherUserSignsIn(t *testing.T) {
	url := guarded(t)
	anna, ben := signIn(t, "anna", time.Hour), signIn(t, "ben", time.Hour)
	d := newDevice(t, url)
	d.tokens(func(bool) (string, error) { return anna, nil })
	d.put(item("1", "anna's"))
	d.sync()
	d.put(item("2", "anna's too"))

	for name, token := range map[string]string{"another user": ben, "nobody": "", "a token that names nobody": "opaque"} {
		t.Run(name+" sends and reads nothing", func(t *testing.T) {
			strangers, _ := d.tokens(func(bool) (string, error) { return token, nil })
			d.network.sent = nil
			if _, err := d.replica.Sync(ctx, time.Minute); table.CodeOf(err) != table.CodeAuth {
				t.Errorf("the sync ended with %v, want code auth", err)
			}
			if len(d.network.sent) != 0 || len(d.pending()) != 1 {
				t.Errorf("%d requests were sent, %d operations wait", len(d.network.sent), len(d.pending()))
			}
			if told := *strangers == 1; told != (token == ben) {
				t.Errorf("a stranger was told of: %v", told)
			}
		})
	}
	t.Run("nor when the first token has expired and the fresh one is another's", func(t *testing.T) {
		d.tokens(func(fresh bool) (string, error) {
			if fresh {
				return ben, nil
			}
			return signIn(t, "anna", -time.Minute), nil
		})
		if _, err := d.replica.Sync(ctx, time.Minute); table.CodeOf(err) != table.CodeAuth {
			t.Errorf("the sync ended with %v, want code auth", err)
		}
	})
	t.Run("the owner goes on", func(t *testing.T) {
		d.tokens(func(bool) (string, error) { return anna, nil })
		if r := d.sync(); r.Pushed != 1 {
			t.Errorf("pushed %d, want 1", r.Pushed)
		}
		if s, err := d.replica.Status(ctx); err != nil || s.Principal != "anna" {
			t.Errorf("the database is %q's, %v", s.Principal, err)
		}
		b := newDevice(t, url)
		b.tokens(func(bool) (string, error) { return ben, nil })
		b.sync()
		if rows := b.rows(); len(rows) != 0 {
			t.Errorf("ben holds %v", rows)
		}
	})
}
