package api

import (
	"context"
	"net/http"
	"strings"

	"github.com/larder-sync/larder/server/db"
	"github.com/larder-sync/larder/table"
)

// estranged is the error for a client that has seen what is not in the past of this database. The answer tells the pasts of
// the tables that it asked for, so that it finds out whether the database was restored, emptied or is another one.
type estranged struct {
	err   error
	pasts map[string]any // [table.Past] as text, by table
}

func (e *estranged) Error() string { return e.err.Error() }
func (e *estranged) Unwrap() error { return e.err }

// estranged makes the error of a cause; tables are by the names under which the client asked for them.
func (a *API) estranged(ctx context.Context, cause error, tables map[string]*db.Table) error {
	e := &estranged{err: cause, pasts: map[string]any{}}
	for name, t := range tables {
		past, err := a.db.Past(ctx, t.StoredName(), "")
		if err != nil {
			return err
		}
		e.pasts[name] = string(past)
	}
	return e
}

// remembers refuses a batch whose client names marks that it has seen, if one of them is not in this database's past: what waits
// there is meant for another one, or for this one as it was before it was restored. Of tables that the caller may not read
// nothing is told.
func (a *API) remembers(r *http.Request) error {
	if !strings.Contains(r.URL.RawQuery, "seen=") {
		return nil
	}
	known := map[string]*db.Table{}
	var cause error
	for entry := range strings.SplitSeq(r.URL.Query().Get(table.ParamSeen), ",") {
		name, text, _ := strings.Cut(entry, ":")
		t, mark := a.tables[strings.ToLower(name)], table.MarkOf(text)
		if t == nil || mark.Seq == 0 {
			continue
		}
		if _, err := a.context(r, t, db.Read); err != nil {
			continue
		}
		known[name] = t
		past, err := a.db.Past(r.Context(), t.StoredName(), mark.Boot)
		if err != nil {
			return err
		}
		if !past.Has(mark) {
			cause = table.Errorf(table.CodeEpoch, "the table ", t.Name(), " has no ", mark.String(),
				" in its past: the database was restored or replaced")
		}
	}
	if cause != nil {
		return a.estranged(r.Context(), cause, known)
	}
	return nil
}
