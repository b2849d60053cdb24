package e2e

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/larder-sync/larder/server"
	"github.com/larder-sync/larder/server/servertest"
	"github.com/larder-sync/larder/table"
	"github.com/larder-sync/larder/test/browser"
)

// endpoint is a backend that knows nothing of Larder: rows in JSON, by /api/note?modifiedSince= and /api/note/{id}.
type endpoint struct {
	mu     sync.Mutex
	rows   map[string]map[string]any
	clock  int
	writes []string
}

func (e *endpoint) list(w http.ResponseWriter, r *http.Request) {
	e.mu.Lock()
	defer e.mu.Unlock()
	since, _ := strconv.Atoi(r.FormValue("modifiedSince")) // "" is the beginning
	changed := []map[string]any{}
	for _, row := range e.rows {
		if stamp, _ := strconv.Atoi(row["lastModified"].(string)); stamp > since {
			changed = append(changed, row)
		}
	}
	slices.SortFunc(changed, func(a, b map[string]any) int { return a["version"].(int) - b["version"].(int) })
	answer(w, http.StatusOK, changed)
}

func (e *endpoint) change(w http.ResponseWriter, r *http.Request) {
	e.mu.Lock()
	defer e.mu.Unlock()
	id, row := r.PathValue("id"), map[string]any{}
	if body, err := io.ReadAll(r.Body); err != nil || len(body) > 0 && json.Unmarshal(body, &row) != nil {
		http.Error(w, "this is no JSON", http.StatusBadRequest)
		return
	}
	was, version := e.rows[id], ""
	if was != nil && was["deleted"] == nil {
		version = strconv.Itoa(was["version"].(int))
	}
	switch {
	case r.Header.Get("If-Match") != version && was["deleted"] != nil:
		answer(w, http.StatusPreconditionFailed, nil)
		return
	case r.Header.Get("If-Match") != version:
		answer(w, http.StatusPreconditionFailed, was)
		return
	case row["text"] == "bad":
		w.WriteHeader(http.StatusUnprocessableEntity)
		_, _ = io.WriteString(w, "no bad texts")
		return
	}
	e.clock++
	e.writes = append(e.writes, r.Method+" "+id)
	row["id"], row["version"], row["lastModified"] = id, e.clock, strconv.Itoa(e.clock)
	if r.Method == http.MethodDelete {
		row["deleted"] = true
	}
	e.rows[id] = row
	answer(w, http.StatusOK, row)
}

func answer(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v)
}

// sourceSite serves what a page loads, the endpoint, and at /plain/ an Azure Mobile Apps server: Larder's own, without what only
// Larder's has.
func sourceSite(t *testing.T) (*endpoint, string) {
	t.Helper()
	s := newStack(t)
	azure := servertest.New(t, server.Options{Tables: []server.Table{{Name: "todoitem"}}})
	e := &endpoint{rows: map[string]map[string]any{}}
	mux := http.NewServeMux()
	mux.Handle("/", http.FileServer(http.Dir(s.web)))
	mux.HandleFunc("/test.html", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = io.WriteString(w, `<!doctype html><link rel="icon" href="data:,"><title>sources</title>`)
	})
	mux.HandleFunc("/source.js", func(w http.ResponseWriter, r *http.Request) {
		http.ServeFile(w, r, filepath.Join(s.root, "test/e2e/testdata/source.js"))
	})
	mux.HandleFunc("GET /api/note", e.list)
	mux.HandleFunc("/api/note/{id}", e.change)
	mux.Handle("/plain/", http.StripPrefix("/plain", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		q.Del(table.ParamDeltaToken)
		r.URL.RawQuery = q.Encode()
		if strings.HasPrefix(strings.TrimPrefix(r.URL.Path, "/tables/"), "$") || !strings.HasPrefix(r.URL.Path, "/tables/") {
			http.NotFound(w, r)
			return
		}
		azure.ServeHTTP(w, r)
	})))
	site := httptest.NewServer(mux)
	t.Cleanup(site.Close)
	return e, site.URL
}

func TestSources(t *testing.T) {
	e, url := sourceSite(t)
	page := &user{Page: browser.New(t, browser.Options{}).Open(t, url+"/test.html"), t: t, ctx: t.Context()}
	for _, c := range []struct{ name, body, want string }{
		{"two databases meet at a plain JSON endpoint", `
			const a = await notes('a'), b = await notes('b');
			await a.table('note').bulkPut([{ id: '1', text: 'bread', due: new Date(0) }, { id: '2', text: 'milk' }]);
			const { pushed } = await a.sync();
			await b.sync();
			const [{ due }] = await b.table('note').where({ id: '1' }).toArray();
			await b.table('note').update({ id: '1', text: 'rye bread' });
			await b.table('note').delete('2');
			await b.table('note').insert({ id: '3', text: 'tea' });
			await b.sync();
			await a.sync();
			const { pulled } = await a.sync();
			return [pushed, +due, await texts(a.table('note')), await texts(b.table('note')), pulled, a.status.pending, b.status.online];`,
			`[2,0,"1 rye bread, 3 tea","1 rye bread, 3 tea",0,0,true]`},
		{"an answer that is lost is made up for", `
			let lost = 0;
			const a = await notes('a', { lose: () => lost++ === 0 });
			await a.table('note').update({ id: '3', text: 'green tea' });
			const { pushed, quarantined } = await a.sync();
			return [lost, pushed, quarantined.length, a.status.pending];`,
			`[2,1,0,0]`},
		{"a conflict has both sides, with Dates", `
			const a = await notes('a'), b = await notes('b');
			await b.sync();
			await a.table('note').update({ id: '1', text: "a's", due: new Date(1000) });
			await a.sync();
			await b.table('note').update({ id: '1', text: "b's" });
			let asked;
			b.on('conflict', (conflict) => { asked = conflict; return { ...conflict.server, text: 'both' }; });
			await b.sync();
			await a.sync();
			return [asked.local.text, asked.server.text, +asked.server.due, asked.base.text, await texts(a.table('note'))];`,
			`["b's","a's",1000,"rye bread","1 both, 3 green tea"]`},
		{"what is refused waits with the reason, and nothing else", `
			const a = await notes('a');
			await a.table('note').insert({ id: '4', text: 'bad' });
			await a.table('note').insert({ id: '5', text: 'good' });
			const { pushed, quarantined: [op] } = await a.push();
			const { reason, state } = op;
			await a.pending.discard(op.id);
			return [pushed, reason, state, await texts(a.table('note'))];`,
			`[1,"no bad texts","quarantined","1 both, 3 green tea, 5 good"]`},
		{"a list of ids says what is gone where nothing else does", `
			const kept = ['1', '2', '3'];
			const source = { getChanges: ({ since }) => ({ changed: since ? [] : kept.map((id) => ({ id, text: 't' })), ids: [...kept], next: 'all' }) };
			const db = await open('list', { version: 1, tables, sync: { tables: { note: source } } });
			await db.sync();
			kept.splice(1, 1);
			await db.sync();
			const after = await texts(db.table('note'));
			await db.table('note').insert({ id: '4', text: 'here' });
			const { quarantined: [{ reason }] } = await db.sync();
			return [after, await texts(db.table('note')), reason];`,
			`["1 t, 3 t","1 t, 3 t, 4 here","its source takes no changes"]`},
		{"pages and positions, and a source that has forgotten one", `
			const all = ['1', '2', '3', '4', '5'], asked = [];
			let forgotten = false;
			const source = {
				getLastSync: ({ stored }) => stored || 'the beginning',
				getChanges({ since, limit }) {
					asked.push(since);
					if (forgotten && since) throw Object.assign(new Error('what?'), { code: 'expired' });
					const at = Number(since) || 0;
					return { changed: all.slice(at, at + 2).map((id) => ({ id, text: 't' })), next: String(Math.min(at + 2, all.length)), more: at + 2 < all.length };
				},
			};
			const db = await open('pages', { version: 1, tables, sync: { tables: { note: source } } });
			await db.sync();
			source.getLastSync = undefined;
			all.pop();
			forgotten = true;
			source.getChanges = ((get) => function (w) { if (asked.length > 4) forgotten = false; return get.call(this, w); })(source.getChanges);
			await db.sync();
			return [asked.join(), await texts(db.table('note'))];`,
			`["the beginning,2,4,5,,2","1 t, 2 t, 3 t, 4 t"]`},
		{"a server that is busy says when to come again", `
			let busy = 2;
			const source = { getChanges: () => { if (busy-- > 0) throw Object.assign(new Error('busy'), { retryAfter: 0.01 }); return { changed: [{ id: '1', text: 'x' }] }; } };
			const db = await open('busy', { version: 1, tables, sync: { tables: { note: source } } });
			await db.sync();
			return [busy, await texts(db.table('note'))];`,
			`[-1,"1 x"]`},
		{"a write goes by itself with live: true, and no network is no server's mistake", `
			const db = await notes('live', {}, { live: true });
			const sent = new Promise((resolve) => { db.on('status', ({ pending }) => { if (pending === 0) resolve(); }); });
			await db.table('note').insert({ id: '6', text: 'live' });
			await sent;
			const gone = await open('gone', { version: 1, tables, sync: { tables: { note: { getChanges: () => fetch('http://127.0.0.1:1/') } } } });
			return gone.sync({ timeout: 0 }).catch(({ code }) => code);`,
			`"network"`},
		{"a plain Azure server is recognised", `
			const schema = { todoitem: { columns: { text: 'string', complete: 'boolean' } } };
			const a = await open('azure a', { version: 1, tables: schema, sync: { url: '/plain' } });
			const b = await open('azure b', { version: 1, tables: schema, sync: { url: '/plain', protocol: 'azure' } });
			await a.table('todoitem').bulkPut([{ id: '1', text: 'bread' }, { id: '2', text: 'milk' }]);
			const { pushed } = await a.sync();
			await b.sync();
			await b.table('todoitem').update({ id: '1', complete: true });
			await b.table('todoitem').delete('2');
			await b.sync();
			await a.sync();
			return [pushed, await texts(a.table('todoitem')), (await a.table('todoitem').get('1')).complete, a.status.online];`,
			`[2,"1 bread",true,true]`},
	} {
		t.Run(c.name, func(t *testing.T) {
			page.t = t
			var got json.RawMessage
			page.read(&got, `
				const { open } = await import('/larder.js');
				const { notes, tables, texts } = await import('/source.js');
				`+c.body)
			if string(got) != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
	want := []string{"PUT 1", "PUT 2", "PUT 1", "DELETE 2", "PUT 3", "PUT 3", "PUT 1", "PUT 1", "PUT 5", "PUT 6"}
	if e.mu.Lock(); !slices.Equal(e.writes, want) {
		t.Errorf("the endpoint was written to by %v, want %v", e.writes, want)
	}
	e.mu.Unlock()
}

// TestSourcesThatLie syncs two tables: the source of one does what it should not. That is an error which says so, and the other
// table is as it should be.
func TestSourcesThatLie(t *testing.T) {
	_, url := sourceSite(t)
	page := &user{Page: browser.New(t, browser.Options{}).Open(t, url+"/test.html"), t: t, ctx: t.Context()}
	const page0 = "changed: [], next: 'x'"
	for name, c := range map[string]struct{ source, want string }{
		"gives rows that are no array":        {`getChanges: () => ({ changed: { 1: {} } })`, `server: the source of note gave a page that is not { changed: [record], removed: [id], ids: [id], next: text, more: true or false }`},
		"gives an array and no page":          {`getChanges: () => []`, `server: the source of note gave a page that is not an object`},
		"gives nothing":                       {`getChanges: () => {}`, `server: the source of note gave a page that is not an object`},
		"gives rows without ids":              {`getChanges: () => ({ changed: [{ text: 'x' }] })`, `server: the source of note gave a record that cannot be stored: table note: the record has no id, or one that is not text`},
		"gives what the schema does not take": {`getChanges: () => ({ changed: [{ id: '1', text: 5 }] })`, `server: the source of note gave a record that cannot be stored: table note: record 1: column text of type string cannot hold 5`},
		"removes what cannot be":              {`getChanges: () => ({ removed: [7] })`, `server: the source of note gave a page that is not { changed: [record], removed: [id], ids: [id], next: text, more: true or false }`},
		"has more, and does not move":         {`getChanges: () => ({ changed: [{ id: '1' }], more: true })`, `server: the source of note gave a page after which there is more, without a position that it ends at`},
		"throws":                              {`getChanges: () => { throw new Error('boom') }`, `server: the source of note failed: Error: boom, because of boom`},
		"is rejected with what is no error":   {`getChanges: () => Promise.reject('boom')`, `server: the source of note failed: thrown: boom, because of undefined`},
		"gives what cannot be told":           {`getChanges: () => ({ changed: [{ id: '1', text: 1n }] })`, `invalid: the source gave what JSON cannot hold`},
		"never answers":                       {`timeout: 50, getChanges: ({ signal }) => new Promise(() => { signal.onabort = () => { window.told = true; } })`, `server: the source of note did not answer getChanges within 50 ms, told`},
		"has a position that is no text":      {`getLastSync: () => 7, getChanges: () => ({ ` + page0 + ` })`, `server: the source of note gave a position that is not text`},
		"gives no verdicts":                   {`getChanges: () => ({ ` + page0 + ` }), applyChanges: () => []`, `server: the source of note gave no verdict on some operations`},
		"gives verdicts on something else":    {`getChanges: () => ({ ` + page0 + ` }), applyChanges: () => [{ id: 'x' }]`, `server: the source of note gave a verdict on no operation that it was given`},
		"gives verdicts of another form":      {`getChanges: () => ({ ` + page0 + ` }), applyChanges: () => [true]`, `server: the source of note gave verdicts that are not [{ id }, with a record, or conflict: record or null, or refused: text]`},
		"gives another record":                {`getChanges: () => ({ ` + page0 + ` }), applyChanges: (ops) => ops.map(({ id }) => ({ id, record: { id: 'y' } }))`, `server: the source of note gave a verdict with another record than the operation's`},
	} {
		t.Run(name, func(t *testing.T) {
			page.t = t
			var got string
			page.read(&got, `
				const { open } = await import('/larder.js');
				const { tables: { note }, texts } = await import('/source.js');
				window.told = undefined;
				const good = { getChanges: () => ({ changed: [{ id: '1', text: 'good' }] }) };
				const db = await open(arguments[0], { version: 1, tables: { note, other: note }, sync: { tables: { note: { `+c.source+` }, other: good } } });
				await db.table('note').insert({ id: 'mine', text: 'mine' });
				const said = await db.sync({ timeout: 0 }).then(() => 'nothing', ({ code, message, cause }) =>
					code + ': ' + message + (cause ? ', because of ' + cause.message : '') + (window.told ? ', told' : ''));
				const rest = [await texts(db.table('other')), await texts(db.table('note'))].join('; ');
				await db.close();
				return said + ' | ' + rest;`, name)
			if want := c.want + " | 1 good; mine mine"; got != want {
				t.Errorf("got  %s\nwant %s", got, want)
			}
		})
	}
}
