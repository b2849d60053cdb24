package replica

import (
	"context"

	"github.com/larder-sync/larder/table"
	"github.com/larder-sync/larder/wasm/store"
)

// OpenFor opens the database of an app that belongs to a principal, the sub of their tokens: the one of the name in the options if
// it is theirs, or nobody's yet, else one of their own, which [DatabaseOf] names. So several people use an app on one device, and
// none of them sees or pushes what is another's. With "" for the principal it is that of the name, whosever it is.
//
// Errors are those of [store.Open].
func OpenFor(ctx context.Context, principal string, o store.Options) (*store.Store, error) {
	s, err := store.Open(ctx, o)
	if err != nil || principal == "" {
		return s, err
	}
	owner, err := claim(ctx, s.Update, principal)
	if err == nil && owner == principal {
		return s, nil
	}
	if closed := s.Close(); err == nil {
		err = closed
	}
	if err != nil {
		return nil, err
	}
	o.Name = DatabaseOf(o.Name, principal)
	return OpenFor(ctx, principal, o)
}

// DatabaseOf returns the name of the database that a principal has who is not the first to sign in to an app on a device.
func DatabaseOf(app, principal string) string { return app + "#" + principal }

// SignIn says whose token this is before anything is sent with it: if the database is nobody's yet, it is theirs from now on. A token
// of another user is an error with code "auth".
func (r *Replica) SignIn(ctx context.Context, token string) error {
	sub := Subject(token)
	owner, err := claim(ctx, r.store.Update, sub)
	if err == nil && owner != sub {
		err = stranger()
	}
	return err
}

// update is one of the ways to change a store.
type update = func(ctx context.Context, tables []string, fn func(*store.Tx) error) error

// claim returns whose the database is. If it is nobody's, it is given to sub, if that is somebody.
func claim(ctx context.Context, change update, sub string) (owner string, err error) {
	err = change(ctx, []string{StoreMeta}, func(tx *store.Tx) error {
		results, err := tx.Run(ctx, getMeta(metaPrincipal))
		if err != nil {
			return err
		}
		if owner = principalOf(results[0].Rows[0]); owner == "" && sub != "" {
			owner = sub
			tx.Last(putMeta(table.Record{"key": metaPrincipal, "sub": sub}))
		}
		return nil
	})
	return owner, err
}

func stranger() error {
	return table.Errorf(table.CodeAuth,
		"this database is another user's than the token: sign in as who wrote what waits here, or open the app again for one of their own")
}
