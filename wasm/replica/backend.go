package replica

import (
	"context"
	"slices"
	"strings"

	"github.com/larder-sync/larder/table"
)

// backend is what a part of a job is done with: a source, or Larder's own server, whose wire the [Machine] speaks.
type backend struct {
	source Source // nil: Larder's server
	table  string // what it serves; "": every table that has no source of its own
	mark   string // what its positions begin with in cursors, for no backend understands another's
	hushed bool   // it has asked to be left alone, and not answered since
}

// The marks of positions. No token of Larder's has a colon.
const (
	markSource = "source:"
	markAzure  = "azure:"
)

// serves reports whether a table's operations go to the backend.
func (r *Replica) serves(b *backend, tableName string) bool {
	_, own := r.options.Sources[tableName]
	return b.table == tableName || b.table == "" && !own
}

// work does a job with each of the backends that it concerns. What stops one of them does not stop the others: the error is the
// first's.
func (r *Replica) work(ctx context.Context, job Job) (total Result, failed error) {
	parts := []*backend{r.server}
	for _, name := range table.AppendKeys(nil, r.options.Sources) {
		if s := r.options.Sources[name]; s != nil {
			parts = append(parts, &backend{source: s, table: name, mark: markSource})
		}
	}
	for i, b := range parts {
		part := job
		part.Pulls = slices.DeleteFunc(slices.Clone(job.Pulls), func(p Pull) bool { return !r.serves(b, p.Table) })
		if b == r.server && r.options.Network == nil {
			if len(part.Pulls) > 0 {
				failed = table.Errorf(table.CodeInvalid, "the table ", part.Pulls[0].Table, " has neither a server nor a source")
			}
			continue
		}
		if len(part.Pulls) == 0 && !job.Push {
			continue
		}
		part.early = failed != nil || i < len(parts)-1
		result, err := r.drive(ctx, part, b)
		total.add(result)
		if failed == nil {
			failed = err
		}
		if ctx.Err() != nil {
			break
		}
	}
	return total, failed
}

func (t *Result) add(r Result) {
	t.Pushed += r.Pushed
	t.Pulled += r.Pulled
	t.Requests += r.Requests
	t.Quarantined = append(t.Quarantined, r.Quarantined...)
	t.Verified = append(t.Verified, r.Verified...)
}

// done ends a job with a backend, or begins it anew where the server turns out to be a plain Azure one.
func (r *Replica) done(ctx context.Context, m *Machine, job Job, d Done) (Result, error) {
	if d.Result.Pushed > 0 && d.Err == nil {
		r.store.Replenish(ctx)
	}
	d.Result.Requests += r.sent
	if d.Err == nil {
		d.Err = r.speak(ctx, r.now)
	} else if err := r.hush(ctx, r.now, d.Quiet); err != nil {
		return d.Result, err
	}
	if m.doubt == "" || r.options.Protocol != "" {
		return d.Result, d.Err
	}
	// A server that does not know what a delta is answers with a list. So may something on the way that knows nothing at all,
	// but that does not count.
	d.Result.Requests++
	path := table.PathTables + m.doubt + "?" + table.ParamDeltaToken + "=&$top=1&$inlinecount=allpages"
	a := r.options.Network.Send(ctx, Send{Method: "GET", Path: path}, r.token)
	switch {
	case a.Status == 401:
		return d.Result, trouble(a, "a query of "+m.doubt)
	case a.Status != 200 || !isCounted(a.Body):
		return d.Result, d.Err
	}
	r.server = r.plain()
	result, err := r.drive(ctx, job, r.server)
	result.Requests += d.Result.Requests
	return result, err
}

func isList(body []byte) bool {
	return strings.HasPrefix(strings.TrimLeft(string(body[:min(len(body), 20)]), " \t\r\n"), "[")
}

// isCounted reports whether an answer is what a plain Azure server gives that is asked to count.
func isCounted(body []byte) bool {
	record, _ := table.ParseRecord(body)
	_, list := record["results"].([]any)
	_, count := record["count"].(float64)
	return list && count
}

// plain returns the backend for a plain Azure Mobile Apps server, which knows the token by a header of its own.
func (r *Replica) plain() *backend {
	send := func(ctx context.Context, s Send) Answer {
		r.sent++
		if r.token != "" {
			headers := map[string]string{headerAuth: r.token}
			for name, v := range s.Headers {
				headers[name] = v
			}
			s.Headers = headers
		}
		return r.options.Network.Send(ctx, s, "")
	}
	return &backend{source: &Azure{Send: send, Now: r.options.Clock}, mark: markAzure}
}

// position returns from where a pull goes on. What another backend has left is of no use to this one: then all comes again.
func (r *Replica) position(ctx context.Context, p Pull) (token, seen string, err error) {
	token, seen, err = r.cursor(ctx, p)
	foreign := strings.HasPrefix(token, markAzure) || strings.HasPrefix(token, markSource)
	switch mark := r.now.mark; {
	case err != nil:
		return "", "", err
	case mark == "" && foreign:
		token, err = r.forget(ctx, Forget{p, true})
		return token, "", err
	case mark != "" && !strings.HasPrefix(token, mark):
		return mark, "", nil
	}
	return token, seen, nil
}
