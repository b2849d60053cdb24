//go:build js && wasm

package idb_test

import (
	"context"
	"strconv"
	"strings"
	"syscall/js"
	"testing"

	"github.com/larder-sync/larder/wasm/browser"
	"github.com/larder-sync/larder/wasm/idb"
)

// The contenders named raw are IndexedDB in JavaScript by hand. Compare within one run only.

const rawGets = `return (async () => {
	for (let i = 0; i < b; i++) {
		await new Promise((ok, no) => {
			const r = a.transaction('todo').objectStore('todo').get(String(10000 + i % 1000));
			r.onsuccess = () => ok(r.result); r.onerror = no;
		});
	}
})()`

const rawPuts = `return (async () => {
	for (let i = 0; i < b; i++) {
		await new Promise((ok, no) => {
			const tx = a.transaction('todo', 'readwrite');
			tx.objectStore('todo').put({ id: String(10000 + i % 1000), rank: i, $: { rank: i } });
			tx.oncomplete = ok; tx.onabort = no; tx.commit();
		});
	}
})()`

const rawBulk = `return (async () => {
	for (let i = 0; i < b; i++) {
		await new Promise((ok, no) => {
			const tx = a.transaction('todo', 'readwrite'), store = tx.objectStore('todo');
			for (let n = 0; n < 1000; n++) store.put({ id: String(10000 + n), rank: n, $: { rank: n } });
			tx.oncomplete = ok; tx.onabort = no; tx.commit();
		});
	}
})()`

func thousand() []byte {
	var b strings.Builder
	b.WriteString(`[{"op":"put","store":"todo","encode":["rank"],"values":[`)
	for i := range 1000 {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(`{"id":"` + strconv.Itoa(10000+i) + `","rank":` + strconv.Itoa(i) + `}`)
	}
	b.WriteString(`]}]`)
	return []byte(b.String())
}

func Benchmark(b *testing.B) {
	db := open(b)
	bulk := thousand()
	run(b, db, string(bulk))
	ctx := context.Background()
	check := func(b *testing.B, err error) {
		b.Helper()
		if err != nil {
			b.Fatal(err)
		}
	}
	raw := func(script string) func(b *testing.B) {
		fn := js.Global().Get("Function").New("a", "b", script)
		return func(b *testing.B) {
			_, err := browser.Await(ctx, fn.Invoke(db.Value(), b.N))
			check(b, err)
		}
	}
	get := func(i int) []byte {
		return []byte(`[{"op":"get","store":"todo","keys":["` + strconv.Itoa(10000+i%1000) + `"]}]`)
	}
	b.Run("get/raw", raw(rawGets))
	b.Run("get/view", func(b *testing.B) {
		for i := range b.N {
			check(b, db.View(ctx, []string{"todo"}, func(tx *idb.Tx) error { _, err := tx.Run(ctx, get(i)); return err }))
		}
	})
	b.Run("get/read", func(b *testing.B) {
		for i := range b.N {
			_, err := db.Read(ctx, get(i))
			check(b, err)
		}
	})
	b.Run("get/driver", func(b *testing.B) {
		for i := range b.N {
			check(b, db.View(ctx, []string{"todo"}, func(tx *idb.Tx) error {
				s, err := tx.Store("todo")
				check(b, err)
				_, err = s.Get(ctx, strconv.Itoa(10000+i%1000))
				return err
			}))
		}
	})
	b.Run("put/raw", raw(rawPuts))
	b.Run("put/update", func(b *testing.B) {
		for i := range b.N {
			program := []byte(`[{"op":"put","store":"todo","encode":["rank"],"values":[{"id":"` + strconv.Itoa(10000+i%1000) + `","rank":1}]}]`)
			check(b, db.Update(ctx, []string{"todo"}, func(tx *idb.Tx) error { _, err := tx.Run(ctx, program); return err }))
		}
	})
	b.Run("put/finish", func(b *testing.B) {
		for i := range b.N {
			program := []byte(`[{"op":"put","store":"todo","encode":["rank"],"values":[{"id":"` + strconv.Itoa(10000+i%1000) + `","rank":1}]}]`)
			check(b, db.Update(ctx, []string{"todo"}, func(tx *idb.Tx) error { _, err := tx.Finish(ctx, program); return err }))
		}
	})
	b.Run("bulk/raw", raw(rawBulk))
	b.Run("bulk/update", func(b *testing.B) {
		for range b.N {
			check(b, db.Update(ctx, []string{"todo"}, func(tx *idb.Tx) error { _, err := tx.Run(ctx, bulk); return err }))
		}
	})
}
