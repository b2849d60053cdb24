package store_test

import (
	"bytes"
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"testing"

	"github.com/larder-sync/larder/table"
	"github.com/larder-sync/larder/wasm/store"
)

// failing is a writer and reader that fails after some bytes.
type failing struct {
	left int
	err  error
}

func (f *failing) Write(p []byte) (int, error) {
	if f.left -= len(p); f.left < 0 {
		return 0, f.err
	}
	return len(p), nil
}

func TestExport(t *testing.T) {
	t.Run("an import of an export gives the same rows", func(t *testing.T) {
		eachPlace(t, func(t *testing.T, p *place) {
			s := p.must(p.options(people1, nil))
			defer s.Close()
			var rows []table.Record
			for i := range 501 {
				rows = append(rows, table.Record{"id": fmt.Sprintf("%04d", i), "name": "line\nbreak 😀", "age": float64(i), "fax": nil})
			}
			keep(t, s, "person", rows...)
			keep(t, s, "old", table.Record{"id": "x", "text": "y"})
			var file bytes.Buffer
			var steps []string
			n, err := s.Export(ctx, &file, func(name string, done int) { steps = append(steps, name+strconv.Itoa(done)) })
			if err != nil || n != 502 || !reflect.DeepEqual(steps, []string{"old1", "person251", "person501", "person502"}) {
				t.Fatalf("exported %d, %v, by %v", n, err, steps)
			}
			if lines := bytes.Count(file.Bytes(), []byte("\n")); lines != 503 {
				t.Errorf("%d lines, want 503", lines)
			}
			copied := *p
			copied.name += " copy"
			c := copied.must(copied.options(people1, nil))
			defer c.Close()
			for range 2 { // the same again changes nothing
				if n, err := c.Import(ctx, bytes.NewReader(file.Bytes()), nil); n != 502 || err != nil {
					t.Fatalf("imported %d, %v", n, err)
				}
			}
			if got := query(t, c, "person", `{"orderBy":["id"]}`); !reflect.DeepEqual(got, rows) {
				t.Errorf("%d rows came out, and are others", len(got))
			}
		})
	})
	t.Run("an older export is migrated, a newer one is refused", func(t *testing.T) {
		p := &place{t: t, open: store.Memory(), name: "app"}
		s := p.must(p.options(people2, store.Migrations{2: {"person": store.Each(split)}}))
		defer s.Close()
		n, err := s.Import(ctx, strings.NewReader(`{"larder":1,"version":1}
{"table":"person","row":{"id":"1","name":"Ada Lovelace","fax":"1","version":"v1"}}

{"row":{"id":"2","name":""},"table":"person"}`), nil)
		want := []table.Record{{"id": "1", "first": "Ada", "last": "Lovelace"}}
		if got := query(t, s, "person", `{}`); n != 2 || err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("imported %d, %v: %v", n, err, got)
		}
		if _, err := s.Import(ctx, strings.NewReader(`{"larder":1,"version":3}`), nil); table.CodeOf(err) != table.CodeVersion {
			t.Errorf("got %v, want code version", err)
		}
	})
	t.Run("what is wrong is told with its line, and what was before it stays", func(t *testing.T) {
		for text, want := range map[string]struct {
			code table.Code
			part string
		}{
			"":                                  {table.CodeInvalid, "nothing"},
			"x":                                 {table.CodeInvalid, "line 1"},
			`{"table":"old","row":{}}`:          {table.CodeInvalid, "line 1"},
			`{"larder":1,"version":1}` + "\n[]": {table.CodeInvalid, "line 2"},
			`{"larder":1,"version":1}` + "\n\n" + `{"table":"old"}`:                             {table.CodeInvalid, "line 3"},
			`{"larder":1,"version":1}` + "\n" + `{"table":"gone","row":{"id":"1"}}`:             {table.CodeNotFound, "gone"},
			`{"larder":1,"version":1}` + "\n" + `{"table":"person","row":{"id":"1","age":"x"}}`: {table.CodeInvalid, "age"},
		} {
			p := &place{t: t, open: store.Memory(), name: "app"}
			s := p.must(p.options(people1, nil))
			n, err := s.Import(ctx, strings.NewReader(text), nil)
			if n != 0 || table.CodeOf(err) != want.code || !strings.Contains(err.Error(), want.part) {
				t.Errorf("%q: %d, %v, want code %s and %q", text, n, err, want.code, want.part)
			}
			s.Close()
		}
		p := &place{t: t, open: store.Memory(), name: "app"}
		s := p.must(p.options(people1, nil))
		defer s.Close()
		n, err := s.Import(ctx, strings.NewReader(`{"larder":1,"version":1}
{"table":"old","row":{"id":"1","text":"kept"}}
{"table":"person","row":{"id":"1","age":0.5}}`), nil)
		if n != 1 || table.CodeOf(err) != table.CodeInvalid || len(query(t, s, "old", `{}`)) != 1 {
			t.Errorf("imported %d, %v", n, err)
		}
	})
	t.Run("a writer that fails ends it", func(t *testing.T) {
		p := &place{t: t, open: store.Memory(), name: "app"}
		s := p.must(p.options(people1, nil))
		defer s.Close()
		keep(t, s, "old", table.Record{"id": "1"})
		full := errors.New("the disk is full")
		for _, room := range []int{0, 50} {
			if _, err := s.Export(ctx, &failing{room, full}, nil); !errors.Is(err, full) {
				t.Errorf("got %v, want %v", err, full)
			}
		}
	})
}
