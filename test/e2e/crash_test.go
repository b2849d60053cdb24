package e2e

import (
	"context"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/larder-sync/larder/test/browser"
)

// crashing is the script of a page whose frames are ended at one step into IndexedDB after another. run(last) opens a frame,
// and gives what it came to: the name of the step at which it was ended, or ” when it went through.
const crashing = `
	const { open } = await import('/larder.js');
	const tables = { item: { columns: { text: 'string', run: 'string' }, indexes: ['run'] } };
	const sync = { url: location.origin };
	const frame = (name, run, last) => new Promise((resolve, reject) => {
		const element = document.createElement('iframe');
		const leave = (settle, value) => { element.remove(); settle(value); };
		window.end = (step) => leave(resolve, step);
		window.finished = () => leave(resolve, '');
		window.failed = (error) => leave(reject, new Error(error + ' before step ' + last));
		document.body.append(element);
		element.contentWindow.task = { name, run, last };
		for (const file of ['crash.js', 'crash-run.js']) {
			const script = element.contentDocument.createElement('script');
			Object.assign(script, { src: '/' + file, async: false, type: file === 'crash.js' ? 'text/javascript' : 'module' });
			script.onerror = () => leave(reject, new Error(file + ' was not loaded'));
			element.contentDocument.body.append(script);
		}
	});
	const answer = (request) => new Promise((resolve, reject) => {
		request.onsuccess = () => resolve(request.result);
		request.onerror = () => reject(request.error);
	});
	const stored = async (name) => {
		const db = await answer(indexedDB.open(name));
		try {
			const tx = db.transaction(['item', '$outbox']);
			const [rows, operations] = await Promise.all([answer(tx.objectStore('item').getAll()), answer(tx.objectStore('$outbox').getAll())]);
			return { version: db.version, stores: [...db.objectStoreNames].length, rows, operations };
		} finally { db.close(); }
	};
	// What is wrong after a write, which has the name of its run, was ended or finished; '' if it is all or nothing.
	const afterWrite = async (run, finished) => {
		const { rows, operations } = await stored('write');
		const mine = rows.filter((row) => row.run === run).map((row) => row.id + ' ' + (row.text ?? '')).join();
		const ops = operations.filter((op) => op.record.run === run).map((op) => op.recordId + ' ' + (op.record.text ?? '')).join();
		const all = ['r-1 first,r-2 two', 'r-1 first,r-2 two,r-3 ,r-4 '].map((text) => text.replaceAll('r-', run + '-'));
		return mine === ops && (finished ? [all[1]] : ['', ...all]).includes(mine) ? '' : run + ': rows ' + mine + '; operations ' + ops;
	};
	// The same of an upgrade of the database of a name, which beforeUpgrade has made.
	const beforeUpgrade = async (name) => {
		const old = await open(name, { version: 1, tables, sync });
		await old.table('item').bulkPut(['1', '2', '3'].map((id) => ({ id, text: 't' + id })));
		await old.close();
	};
	const afterUpgrade = async (name, finished) => {
		const { version, stores, rows, operations } = await stored(name);
		const form = (record) => (record.text !== undefined && record.title === undefined ? 'old' : record.title !== undefined && record.text === undefined ? 'new' : 'both');
		const forms = new Set([...rows, ...operations.map((op) => op.record)].map(form));
		const want = version < 20 && !finished ? 'old' : 'new';
		const fine = rows.length === 3 && operations.length === 3 && forms.size === 1 && forms.has(want)
			&& operations.every((op) => op.schema === (want === 'old' ? 1 : 2)) && stores === (want === 'old' ? 3 : 4);
		return fine ? '' : name + ': version ' + version + ', ' + rows.length + ' rows, ' + operations.length + ' operations, ' + [...forms] + ', ' + stores + ' stores';
	};
	const wrong = [], ended = [];`

// steps says at which steps a test of crashes ends what it crashes: one of so many, from one at random on; where the
// environment says CRASH=all, one of fewer.
func steps(t *testing.T, all, oneOf int) (first, stride int) {
	t.Helper()
	if os.Getenv("CRASH") == "all" {
		oneOf = all
	}
	first = 1 + rand.IntN(oneOf)
	if oneOf > all {
		t.Logf("one of %d steps, from step %d on: CRASH=all is for one of %d", oneOf, first, all)
	}
	return first, oneOf
}

// crashFiles copies what is served, with the scripts of the crash tests, into a folder.
func crashFiles(t *testing.T, s *stack) string {
	t.Helper()
	web := t.TempDir()
	if err := os.CopyFS(web, os.DirFS(s.web)); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"crash.js", "crash-run.js"} {
		data, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(web, name), data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return web
}

// TestCrash ends a page at steps that it makes into IndexedDB, in writes and in an upgrade, and finds all or nothing.
func TestCrash(t *testing.T) {
	browser.Each(t, func(t *testing.T, engine browser.Engine) {
		s := newStack(t)
		s.web = crashFiles(t, s)
		s.start(t)
		page := browser.New(t, browser.Options{Engine: engine}).Open(t, s.url+"/")
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
		defer cancel()
		crash := func(t *testing.T, body string) {
			var got struct{ Wrong, Ended []string }
			first, stride := steps(t, 1, 5)
			if err := page.Read(ctx, &got, crashing+"const [first, stride] = arguments;"+body+`
				return { wrong, ended };`, first, stride); err != nil {
				t.Fatal(err)
			}
			for _, text := range got.Wrong {
				t.Error(text)
			}
			if len(got.Ended) < 10/stride {
				t.Errorf("the page was ended at %q only: are all steps seen?", got.Ended)
			}
			t.Logf("ended at %d steps", len(got.Ended))
		}
		t.Run("a write, with its operations", func(t *testing.T) {
			crash(t, `
				await (await open('write', { version: 1, tables, sync })).close();
				for (let last = first; ; last += stride) {
					const step = await frame('write', 'r' + last, last);
					const problem = await afterWrite('r' + last, step === '');
					if (problem) wrong.push(step + ', ' + problem);
					if (step === '') break;
					ended.push(step);
				}`)
		})
		t.Run("an upgrade with its migration", func(t *testing.T) {
			crash(t, `
				for (let last = first; ; last += stride) {
					const name = 'upgrade' + last;
					await beforeUpgrade(name);
					const step = await frame(name, 'upgrade', last);
					const problem = await afterUpgrade(name, step === '');
					if (problem) wrong.push(step + ', ' + problem);
					indexedDB.deleteDatabase(name);
					if (step === '') break;
					ended.push(step);
				}`)
		})
	})
}

// TestKill kills the whole browser at steps that a page makes into IndexedDB, and starts it again with what is left.
func TestKill(t *testing.T) {
	k := &killer{files: crashFiles(t, newStack(t)), reached: make(chan string)}
	k.start(t)
	browser.Each(t, func(t *testing.T, engine browser.Engine) {
		for _, kind := range []struct{ name, before, after string }{
			{"write", "await (await open('write', { version: 1, tables, sync })).close(); return 'write';", "return afterWrite(run, finished);"},
			{"upgrade", "await beforeUpgrade(run); return run;", "return afterUpgrade(run, finished);"},
		} {
			t.Run(kind.name, func(t *testing.T) { k.kill(t, engine, kind.name, kind.before, kind.after) })
		}
	})
}

// killer serves the pages that are killed, and hears at which step they are.
type killer struct {
	files, url string
	reached    chan string
}

func (k *killer) start(t *testing.T) {
	t.Helper()
	files := http.FileServer(http.Dir(k.files))
	site := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/reached" {
			files.ServeHTTP(w, r)
			return
		}
		k.reached <- r.URL.Query().Get("step")
		<-r.Context().Done() // the page gets no further
	}))
	t.Cleanup(site.Close)
	k.url = site.URL
}

// kill kills browsers at one step after another of what a page does, until one comes to its end. before makes the database
// that is worked on and gives its name, and after gives what is wrong with it, in the same browser or in the next one.
func (k *killer) kill(t *testing.T, engine browser.Engine, kind, before, after string) {
	ctx, cancel := context.WithTimeout(t.Context(), 15*time.Minute)
	defer cancel()
	profile, run, killed := t.TempDir(), "", 0
	last, stride := steps(t, 4, 20) // a browser takes seconds to start
	for finished := false; !finished; last += stride {
		b, err := browser.Start(ctx, browser.Options{Engine: engine, Profile: profile})
		if err != nil {
			t.Fatal(err)
		}
		page := (&browser.Test{Browser: b}).Open(t, k.url+"/larder.d.ts")
		check := func(finished bool) {
			var problem string
			if err := page.Read(ctx, &problem, crashing+"const [run, finished] = arguments;"+after, run, finished); err != nil {
				t.Error(err)
			} else if problem != "" {
				t.Error(problem)
			}
		}
		if run != "" {
			check(false)
		}
		run = kind + strconv.Itoa(last)
		var name string
		if err := page.Read(ctx, &name, crashing+"const [run] = arguments;"+before, run); err != nil {
			t.Fatal(err)
		}
		over := make(chan error, 1)
		go func() { over <- runUntil(ctx, page, kind, name, run, last) }()
		select {
		case step := <-k.reached:
			killed++
			t.Logf("killed at step %d, %s", last, step)
		case err := <-over:
			if err != nil {
				t.Error(err)
			}
			finished = true
			check(true)
		}
		if err := b.Kill(); err != nil {
			t.Error(err)
		}
	}
	if killed == 0 {
		t.Error("the browser was never killed")
	}
}

// runUntil has a page write, or upgrade its database, until a step, at which it tells the killer and is held where it is.
// It returns when the page is gone, or through with it.
func runUntil(ctx context.Context, page *browser.Page, kind, name, run string, last int) error {
	counter, err := os.ReadFile("testdata/crash.js")
	if err != nil {
		return err
	}
	if kind == "upgrade" {
		run = kind
	}
	_, err = page.Eval(ctx, `
		const [name, run, last, counter] = arguments;
		window.task = { name, run, last };
		window.end = (step) => {
			const request = new XMLHttpRequest();
			request.open('GET', '/reached?step=' + step, false); // which holds the page where it is
			request.send();
		};
		(0, eval)(counter);
		const outcome = new Promise((resolve, reject) => {
			Object.assign(window, { finished: () => { window.end = () => {}; resolve(); }, failed: reject });
		});
		import('/crash-run.js');
		return outcome;`, name, run, last, string(counter))
	return err
}
