package e2e

import (
	"context"
	"os"
	"path/filepath"
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
	const wrong = [], ended = [];`

// TestCrash ends a page at each step that it makes into IndexedDB, in writes and in an upgrade, and finds all or nothing.
func TestCrash(t *testing.T) {
	browser.Each(t, func(t *testing.T, engine browser.Engine) {
		s := newStack(t)
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
		s.web = web
		s.start(t)
		page := browser.New(t, browser.Options{Engine: engine}).Open(t, s.url+"/")
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
		defer cancel()
		crash := func(t *testing.T, body string) {
			var got struct{ Wrong, Ended []string }
			if err := page.Read(ctx, &got, crashing+body+`
				return { wrong, ended };`); err != nil {
				t.Fatal(err)
			}
			for _, text := range got.Wrong {
				t.Error(text)
			}
			if len(got.Ended) < 10 {
				t.Errorf("the page was ended at %q only: are all steps seen?", got.Ended)
			}
			t.Logf("ended at %d steps", len(got.Ended))
		}
		t.Run("a write, with its operations", func(t *testing.T) {
			crash(t, `
				await (await open('write', { version: 1, tables, sync })).close();
				for (let last = 1; ; last++) {
					const step = await frame('write', 'r' + last, last);
					const { rows, operations } = await stored('write');
					const mine = rows.filter((row) => row.run === 'r' + last).map((row) => row.id + ' ' + (row.text ?? '')).join();
					const ops = operations.filter((op) => op.record.run === 'r' + last).map((op) => op.recordId + ' ' + (op.record.text ?? '')).join();
					const all = ['r-1 first,r-2 two', 'r-1 first,r-2 two,r-3 ,r-4 '].map((text) => text.replaceAll('r-', 'r' + last + '-'));
					if (mine !== ops || !['', ...all].includes(mine)) wrong.push(last + ' ' + step + ': rows ' + mine + '; operations ' + ops);
					if (step === '') {
						if (mine !== all[1]) wrong.push('not ended, and not all there: ' + mine);
						break;
					}
					ended.push(step);
				}`)
		})
		t.Run("an upgrade with its migration", func(t *testing.T) {
			crash(t, `
				for (let last = 1; ; last++) {
					const name = 'upgrade' + last;
					const old = await open(name, { version: 1, tables, sync });
					await old.table('item').bulkPut(['1', '2', '3'].map((id) => ({ id, text: 't' + id })));
					await old.close();
					const step = await frame(name, 'upgrade', last);
					const { version, stores, rows, operations } = await stored(name);
					const form = (record, seen) => (record.text !== undefined && record.title === undefined ? 'old' : record.title !== undefined && record.text === undefined ? 'new' : 'both');
					const forms = new Set([...rows, ...operations.map((op) => op.record)].map(form));
					const want = version < 20 ? 'old' : 'new';
					if (rows.length !== 3 || operations.length !== 3 || forms.size !== 1 || !forms.has(want) || operations.some((op) => op.schema !== (want === 'old' ? 1 : 2))
						|| stores !== (want === 'old' ? 3 : 4)) {
						wrong.push(last + ' ' + step + ': version ' + version + ', ' + rows.length + ' rows, ' + operations.length + ' operations, ' + [...forms] + ', ' + stores + ' stores');
					}
					indexedDB.deleteDatabase(name);
					if (step === '') {
						if (want !== 'new') wrong.push('not ended, and not upgraded');
						break;
					}
					ended.push(step);
				}`)
		})
	})
}
