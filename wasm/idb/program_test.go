//go:build js && wasm

package idb_test

import (
	"errors"
	"strconv"
	"strings"
	"syscall/js"
	"testing"

	"github.com/larder-sync/larder/table"
	"github.com/larder-sync/larder/wasm/idb"
)

// shelf has the rows a to f; done is true, false, null, absent, true, false in this order, rank counts down from 6.
const shelf = `[{"op":"put","store":"todo","encode":["done","rank"],"values":[
	{"id":"a","done":true,"rank":6,"tags":["x","y"]},{"id":"b","done":false,"rank":5,"tags":["x"]},{"id":"c","done":null,"rank":4},
	{"id":"d","rank":3},{"id":"e","done":true,"rank":2},{"id":"f","done":false,"rank":1}]}]`

func TestProgramOperations(t *testing.T) {
	db := open(t)
	wantRun(t, db, shelf, `[null]`)
	for _, tt := range []struct{ name, program, want string }{
		{"get keeps length and order, with null for what is missing",
			`[{"op":"get","store":"todo","keys":["f","zz","c"]}]`,
			`[[{"id":"f","done":false,"rank":1},null,{"id":"c","done":null,"rank":4}]]`},
		{"get of no keys is empty", `[{"op":"get","store":"todo","keys":[]}]`, `[[]]`},
		{"an empty program has no results", `[]`, `[]`},
		{"null and absent are one key, the least", `[{"op":"getAllKeys","store":"todo","index":"done"}]`,
			`[["c","d","b","f","a","e"]]`},
		{"lookup by null, false, true and what is not there",
			`[{"op":"lookup","store":"todo","index":"done","keys":[null,false,true,"no"]}]`,
			`[[[{"id":"c","done":null,"rank":4},{"id":"d","rank":3}],` +
				`[{"id":"b","done":false,"rank":5,"tags":["x"]},{"id":"f","done":false,"rank":1}],` +
				`[{"id":"a","done":true,"rank":6,"tags":["x","y"]},{"id":"e","done":true,"rank":2}],[]]]`},
		{"lookup in a multi-entry index", `[{"op":"lookup","store":"todo","index":"tags","keys":["y"]}]`,
			`[[[{"id":"a","done":true,"rank":6,"tags":["x","y"]}]]]`},
		{"a range of a store, both ends out", `[{"op":"getAllKeys","store":"todo","range":{"lower":"b","upper":"e","lowerOpen":true,"upperOpen":true}}]`,
			`[["c","d"]]`},
		{"a range with a lower end only", `[{"op":"getAllKeys","store":"todo","range":{"lower":"e"}}]`, `[["e","f"]]`},
		{"a range with an upper end only", `[{"op":"getAllKeys","store":"todo","range":{"upper":"b","upperOpen":true}}]`, `[["a"]]`},
		{"a bound of null is a bound", `[{"op":"getAllKeys","store":"todo","index":"done","range":{"lower":null,"lowerOpen":true}}]`,
			`[["b","f","a","e"]]`},
		{"a compound range within true", `[{"op":"getAllKeys","store":"todo","index":"done,rank","range":{"lower":[true],"upper":[true,5]}}]`,
			`[["e"]]`},
		{"a compound range within null", `[{"op":"getAllKeys","store":"todo","index":"done,rank","range":{"lower":[null],"upper":[false]}}]`,
			`[["d","c"]]`},
		{"a range of one key", `[{"op":"getAllKeys","store":"todo","range":{"lower":"c","upper":"c"}}]`, `[["c"]]`},
		{"an empty range is no error", `[{"op":"getAll","store":"todo","range":{"lower":"c","upper":"a"}}]`, `[[]]`},
		{"an open range of one key is empty", `[{"op":"count","store":"todo","range":{"lower":"c","upper":"c","upperOpen":true}}]`, `[0]`},
		{"take", `[{"op":"getAllKeys","store":"todo","take":2}]`, `[["a","b"]]`},
		{"take none", `[{"op":"getAll","store":"todo","take":0}]`, `[[]]`},
		{"skip", `[{"op":"getAllKeys","store":"todo","skip":4}]`, `[["e","f"]]`},
		{"skip rows", `[{"op":"getAll","store":"todo","skip":5}]`, `[[{"id":"f","done":false,"rank":1}]]`},
		{"skip more than there is", `[{"op":"getAll","store":"todo","skip":9,"take":2}]`, `[[]]`},
		{"skip and take rows of an index whose keys are equal",
			`[{"op":"getAll","store":"todo","index":"done","skip":1,"take":2}]`,
			`[[{"id":"d","rank":3},{"id":"b","done":false,"rank":5,"tags":["x"]}]]`},
		{"skip and take within a range", `[{"op":"getAllKeys","store":"todo","range":{"lower":"b"},"skip":1,"take":2}]`, `[["c","d"]]`},
		{"a take beyond what IndexedDB counts", `[{"op":"getAllKeys","store":"todo","skip":5,"take":9007199254740991}]`, `[["f"]]`},
		{"prev", `[{"op":"getAllKeys","store":"todo","direction":"prev"}]`, `[["f","e","d","c","b","a"]]`},
		{"prev of an index, equal keys too", `[{"op":"getAllKeys","store":"todo","index":"done","direction":"prev"}]`,
			`[["e","a","f","b","d","c"]]`},
		{"prev rows with take", `[{"op":"getAll","store":"todo","direction":"prev","take":1}]`, `[[{"id":"f","done":false,"rank":1}]]`},
		{"prev with skip and take", `[{"op":"getAllKeys","store":"todo","direction":"prev","skip":1,"take":3}]`, `[["e","d","c"]]`},
		{"prev rows with skip and take in a range of an index",
			`[{"op":"getAll","store":"todo","index":"done","range":{"lower":false},"direction":"prev","skip":2,"take":1}]`,
			`[[{"id":"f","done":false,"rank":1}]]`},
		{"count", `[{"op":"count","store":"todo"},{"op":"count","store":"todo","index":"tags"},{"op":"count","store":"todo","skip":2,"take":3},` +
			`{"op":"count","store":"todo","skip":9}]`, `[6,3,3,0]`},
		{"steps see what earlier ones did",
			`[{"op":"put","store":"todo","values":[{"id":"g"}]},{"op":"count","store":"todo"},{"op":"delete","store":"todo","keys":["g","nobody"]},` +
				`{"op":"get","store":"todo","keys":["g"]}]`, `[null,7,null,[null]]`},
		{"and not what later ones did", `[{"op":"put","store":"todo","values":[{"id":"g"}]},{"op":"getAll","store":"todo","skip":6,"take":9},` +
			`{"op":"getAll","store":"todo","direction":"prev","take":1},{"op":"delete","store":"todo","keys":["g"]}]`,
			`[null,[{"id":"g"}],[{"id":"g"}],null]`},
		{"a put replaces the row and its keys",
			`[{"op":"put","store":"todo","encode":["done"],"values":[{"id":"c","done":true}]},{"op":"getAllKeys","store":"todo","index":"done","range":{"lower":true}},` +
				`{"op":"put","store":"todo","encode":["done","rank"],"values":[{"id":"c","done":null,"rank":4}]}]`, `[null,["a","c","e"],null]`},
		{"the reserved property of a row that comes in is made anew",
			`[{"op":"put","store":"todo","encode":["done"],"values":[{"id":"g","$":{"done":7},"done":false}]},` +
				`{"op":"lookup","store":"todo","index":"done","keys":[7]},{"op":"delete","store":"todo","keys":["g"]}]`, `[null,[[]],null]`},
		{"values that cannot be keys leave the row out of the index",
			`[{"op":"put","store":"todo","encode":["done"],"values":[{"id":"g","done":{"a":1}}]},{"op":"count","store":"todo","index":"done"},` +
				`{"op":"delete","store":"todo","keys":["g"]}]`, `[null,6,null]`},
		{"text of every kind comes back as it was",
			`[{"op":"put","store":"todo","values":[{"id":"ü𝄞","s":"\"\\\n\u2028é漢😀"}]},{"op":"get","store":"todo","keys":["ü𝄞"]},{"op":"delete","store":"todo","keys":["ü𝄞"]}]`,
			"[null,[{\"id\":\"ü𝄞\",\"s\":\"\\\"\\\\\\n\u2028é漢😀\"}],null]"},
		{"numbers come back as they were",
			`[{"op":"put","store":"todo","values":[{"id":"n","n":[9007199254740991,-0.1,1e21,5e-324]}]},{"op":"get","store":"todo","keys":["n"]},{"op":"delete","store":"todo","keys":["n"]}]`,
			`[null,[{"id":"n","n":[9007199254740991,-0.1,1e+21,5e-324]}],null]`},
		{"delete of a range", `[{"op":"delete","store":"todo","range":{"lower":"e"}},{"op":"getAllKeys","store":"todo"}]`, `[null,["a","b","c","d"]]`},
		{"delete of an empty range deletes nothing", `[{"op":"delete","store":"todo","range":{"lower":"b","upper":"a"}},{"op":"count","store":"todo"}]`, `[null,4]`},
		{"keys count up where the store makes them",
			`[{"op":"add","store":"log","values":[{"t":1},{"t":2}]},{"op":"getAll","store":"log"}]`, `[null,[{"t":1,"seq":1},{"t":2,"seq":2}]]`},
		{"clear", `[{"op":"clear","store":"todo"},{"op":"count","store":"todo"}]`, `[null,0]`},
	} {
		t.Run(tt.name, func(t *testing.T) { wantRun(t, db, tt.program, tt.want) })
	}
}

func TestProgramInEnginesWithoutGetAllRecords(t *testing.T) {
	db := open(t)
	run(t, db, shelf)
	object := js.Global().Get("Object")
	for _, class := range []string{"IDBObjectStore", "IDBIndex"} {
		prototype := js.Global().Get(class).Get("prototype")
		property := object.Call("getOwnPropertyDescriptor", prototype, "getAllRecords")
		prototype.Delete("getAllRecords")
		defer func() {
			if !property.IsUndefined() {
				object.Call("defineProperty", prototype, "getAllRecords", property)
			}
		}()
	}
	wantRun(t, db, `[{"op":"getAllKeys","store":"todo","direction":"prev"},{"op":"getAllKeys","store":"todo","direction":"prev","take":2},
		{"op":"getAllKeys","store":"todo","direction":"prev","skip":1,"take":3},{"op":"getAllKeys","store":"todo","direction":"prev","skip":8,"take":3},
		{"op":"getAllKeys","store":"todo","index":"done","direction":"prev","skip":1,"take":1},
		{"op":"getAll","store":"todo","direction":"prev","take":1},{"op":"getAll","store":"todo","direction":"prev","skip":5,"take":4}]`,
		`[["f","e","d","c","b","a"],["f","e"],["e","d","c"],[],["a"],[{"id":"f","done":false,"rank":1}],[{"id":"a","done":true,"rank":6,"tags":["x","y"]}]]`)

	err := db.View(background(t), []string{"todo"}, func(tx *idb.Tx) error {
		s, err := tx.Store("todo")
		if err != nil {
			return err
		}
		records, err := s.GetAllRecords(background(t), idb.Range{Lower: "b"}, 2, idb.Prev)
		if err == nil && (len(records) != 2 || records[1].PrimaryKey.String() != "e" || records[1].Value.Get("rank").Int() != 2) {
			t.Errorf("GetAllRecords by cursor gave %d records", len(records))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestProgramLargePut(t *testing.T) {
	db := open(t)
	const n = 3000
	var b strings.Builder
	b.WriteString(`[{"op":"put","store":"todo","encode":["rank"],"values":[`)
	for i := range n {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(`{"id":"` + strconv.Itoa(10000+i) + `","rank":` + strconv.Itoa(i) + `}`)
	}
	b.WriteString(`]},{"op":"count","store":"todo"},{"op":"get","store":"todo","keys":["12999"]},{"op":"add","store":"todo","values":[{"id":"z"}]},{"op":"count","store":"todo"}]`)
	wantRun(t, db, b.String(), `[null,3000,[{"id":"12999","rank":2999}],null,3001]`)

	t.Run("a failure in a later slice takes all of it back", func(t *testing.T) {
		program := strings.NewReplacer(`"op":"put"`, `"op":"add"`, `"id":"1`, `"id":"2`, `"id":"22500"`, `"id":"z"`).Replace(b.String())
		err := db.Update(background(t), []string{"todo"}, func(tx *idb.Tx) error {
			_, err := tx.Run(background(t), []byte(program))
			return err
		})
		var e *idb.Error
		if !errors.Is(err, idb.ErrConstraint) || !errors.As(err, &e) || e.Op != "add" || e.Store != "todo" {
			t.Errorf("got %v, want a ConstraintError of add in todo", err)
		}
		wantRun(t, db, `[{"op":"count","store":"todo"}]`, `[3001]`)
	})
	t.Run("a large answer comes whole", func(t *testing.T) {
		got := run(t, db, `[{"op":"getAll","store":"todo"}]`)
		if rows := strings.Count(got, `"id"`); rows != n+1 || !strings.HasSuffix(got, `{"id":"z"}]]`) {
			t.Errorf("got %d rows", rows)
		}
	})
}

func TestProgramErrors(t *testing.T) {
	db := open(t)
	run(t, db, `[{"op":"put","store":"todo","values":[{"id":"a","slug":"one"}]}]`)
	for _, tt := range []struct {
		name, program, op, store string
		want                     error
		code                     table.Code
	}{
		{"an existing key", `[{"op":"add","store":"todo","values":[{"id":"a"}]}]`, "add", "todo", idb.ErrConstraint, table.CodeConstraint},
		{"a unique index", `[{"op":"put","store":"todo","values":[{"id":"b","slug":"one"}]}]`, "put", "todo", idb.ErrConstraint, table.CodeConstraint},
		{"a row without its key", `[{"op":"put","store":"todo","values":[{"x":1}]}]`, "put", "todo", idb.ErrData, table.CodeInvalid},
		{"a key that is no key", `[{"op":"get","store":"todo","keys":[{}]}]`, "get", "todo", idb.ErrData, table.CodeInvalid},
		{"a store that is not there", `[{"op":"get","store":"nope","keys":["a"]}]`, "get", "nope", idb.ErrNotFound, table.CodeNotFound},
		{"an index that is not there", `[{"op":"count","store":"todo","index":"nope"}]`, "count", "todo", idb.ErrNotFound, table.CodeNotFound},
		{"an operation that is not there", `[{"op":"constructor","store":"todo"}]`, "constructor", "todo", idb.ErrData, table.CodeInvalid},
		{"a delete of nothing in particular", `[{"op":"delete","store":"todo"}]`, "delete", "todo", idb.ErrData, table.CodeInvalid},
		{"text that is no JSON", `[{`, "run", "", &idb.Error{Name: "SyntaxError"}, table.CodeInvalid},
		{"the first failure in the program's order decides",
			`[{"op":"add","store":"log","values":[{"seq":1}]},{"op":"add","store":"todo","values":[{"id":"a"}]},{"op":"get","store":"nope","keys":[]}]`,
			"add", "todo", idb.ErrConstraint, table.CodeConstraint},
	} {
		t.Run(tt.name, func(t *testing.T) {
			err := db.Update(background(t), []string{"todo", "log"}, func(tx *idb.Tx) error {
				_, err := tx.Run(background(t), []byte(tt.program))
				return err
			})
			var e *idb.Error
			if !errors.Is(err, tt.want) || !errors.As(err, &e) || e.Op != tt.op || e.Store != tt.store {
				t.Errorf("got %v, want %v of %s in %q", err, tt.want, tt.op, tt.store)
			}
			if code := idb.Code(err); code != tt.code {
				t.Errorf("its code is %q, want %q", code, tt.code)
			}
		})
	}
	wantRun(t, db, `[{"op":"count","store":"log"},{"op":"count","store":"todo"}]`, `[0,1]`)

	t.Run("a failed request does not end the transaction of a function that goes on", func(t *testing.T) {
		err := db.Update(background(t), []string{"todo"}, func(tx *idb.Tx) error {
			if _, err := tx.Run(background(t), []byte(`[{"op":"add","store":"todo","values":[{"id":"a"}]}]`)); !errors.Is(err, idb.ErrConstraint) {
				t.Errorf("got %v, want a ConstraintError", err)
			}
			_, err := tx.Run(background(t), []byte(`[{"op":"put","store":"todo","values":[{"id":"c"}]}]`))
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		if got := keys(t, db); got != `[["a","c"]]` {
			t.Errorf("rows are %s", got)
		}
	})
	t.Run("writing while reading", func(t *testing.T) {
		err := db.View(background(t), []string{"todo"}, func(tx *idb.Tx) error {
			_, err := tx.Run(background(t), []byte(`[{"op":"clear","store":"todo"}]`))
			return err
		})
		if !errors.Is(err, idb.ErrReadOnly) || idb.Code(err) != table.CodeTransaction {
			t.Errorf("got %v, want a ReadOnlyError", err)
		}
	})
}
