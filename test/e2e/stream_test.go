package e2e

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/larder-sync/larder/test/browser"
)

// streamPrelude opens a device of its own in a page that polls only when it is told to (poll), that counts its streams, and that
// can break them. body runs in it with `db`, `t` (its table todoitem, pulled once), `see(fn)`, which waits until the page's rows
// agree, `streams`, of which each has `last` (the id it began after), `open` and `cut()`, and `fake`, which answers in the
// server's place if set. What an earlier body left is in `globalThis.device`.
const streamPrelude = `
	const { open } = await import('/larder.js');
	if (!globalThis.device) {
		const device = globalThis.device = { streams: [], fake: undefined, hurry: false };
		const { fetch, setTimeout } = globalThis;
		globalThis.setInterval = (fn) => { device.poll = fn; return 0; };
		globalThis.setTimeout = (fn, ms, ...rest) => setTimeout(fn, device.hurry && ms > 40_000 ? 200 : ms, ...rest);
		globalThis.fetch = async (url, init) => {
			if (!String(url).includes('/$live')) return fetch(url, init);
			init.signal.throwIfAborted();
			const controller = new AbortController(), stream = { last: init.headers['last-event-id'], open: true, cut: () => { stream.open = false; controller.abort(); } };
			init.signal.addEventListener('abort', () => { stream.open = false; controller.abort(); });
			device.streams.push(stream);
			return device.fake?.() ?? fetch(url, { ...init, signal: controller.signal });
		};
		device.start = () => open('device', { version: 1, sync: { url: '', live: true },
			tables: { todoitem: { columns: { text: 'string', complete: 'boolean' } } } });
		if (arguments[0]) device.fake = () => new Response('no such table', { status: 404 });
		device.db = await device.start();
		await device.db.pull('todoitem');
	}
	const { device } = globalThis, { db, streams } = device, t = db.table('todoitem');
	const until = async (fn) => { while (!(await fn())) await new Promise((r) => setTimeout(r, 5)); };
	const see = (id) => until(() => t.get(id));
	%BODY%`

func TestStream(t *testing.T) {
	s := newStack(t)
	s.start(t)
	one := browser.New(t, browser.Options{}).Open(t, s.url+"/")
	other := browser.New(t, browser.Options{}).Open(t, s.url+"/")
	do := func(t *testing.T, page *browser.Page, body string, args ...any) string {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), 40*time.Second)
		defer cancel()
		got, err := page.Eval(ctx, strings.Replace(streamPrelude, "%BODY%", body, 1), args...)
		if err != nil {
			t.Fatal(err)
		}
		return string(got)
	}
	write := func(t *testing.T, id string) {
		t.Helper()
		do(t, other, `await t.insert({ id: '`+id+`', text: 'x' }); await db.push();`)
	}

	do(t, one, `await until(() => streams.length > 0);`)
	t.Run("what another device writes is told", func(t *testing.T) {
		write(t, "a")
		do(t, one, `await see('a');`)
	})
	t.Run("a broken stream goes on where it was", func(t *testing.T) {
		do(t, one, `streams.at(-1).cut(); device.count = streams.length;`)
		write(t, "b")
		if got := do(t, one, `await see('b'); await until(() => streams.length > device.count); return streams.at(-1).last !== undefined;`); got != "true" {
			t.Error("the new stream did not tell where the old one ended")
		}
	})
	t.Run("a stream that is silent for too long is left", func(t *testing.T) {
		do(t, one, `
			const before = streams.length;
			device.fake = () => new Response(new ReadableStream({ start: (c) => c.enqueue(new TextEncoder().encode('retry: 5\n\n')) }),
				{ headers: { 'content-type': 'text/event-stream' } });
			device.hurry = true;
			streams.at(-1).cut();
			await until(() => streams.length > before + 1);
			device.fake = undefined;`)
		do(t, one, `const before = streams.length; await until(() => streams.length > before); device.hurry = false;`)
		write(t, "c")
		do(t, one, `await see('c');`)
	})
	t.Run("one of two tabs listens, and the other goes on when it closes", func(t *testing.T) {
		got := do(t, one, `
			const before = streams.length, second = await device.start();
			const one = () => streams.filter((s) => s.open).length === 1;
			await until(() => streams.length > before && one());
			const waits = (await navigator.locks.query()).pending.filter(({ name }) => name === 'larder:device:live').length;
			await second.close();
			await until(() => streams.length > before + 1 && one());
			return waits;`)
		if got != "1" {
			t.Errorf("%s tabs wait for the stream", got)
		}
		write(t, "d")
		do(t, one, `await see('d');`)
	})
	t.Run("a server that was started again is found", func(t *testing.T) {
		s.stop(t)
		s.start(t)
		do(t, other, `await until(async () => (await db.checkConnection()));`)
		write(t, "e")
		do(t, one, `await see('e');`)
	})
	t.Run("a server without streams is asked now and then", func(t *testing.T) {
		third := browser.New(t, browser.Options{}).Open(t, s.url+"/")
		do(t, third, `await until(() => streams.length > 0); await see('e');`, true)
		write(t, "f")
		if got := do(t, third, `device.poll(); await see('f'); return streams.length;`, true); got != "1" {
			t.Errorf("the stream was asked for %s times", got)
		}
	})
}
