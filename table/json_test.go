package table_test

import (
	"bytes"
	"encoding/json"
	"math"
	"reflect"
	"strconv"
	"strings"
	"testing"

	"github.com/larder-sync/larder/table"
)

type jsonVectors struct {
	Good []struct{ In, Out string }
	Bad  []struct {
		In string
		At int
	}
}

func TestJSONVectors(t *testing.T) {
	var v jsonVectors
	vectors(t, "json.json", &v)
	for _, c := range v.Good {
		t.Run(c.In, func(t *testing.T) {
			value, err := table.ParseJSON([]byte(c.In))
			if err != nil {
				t.Fatal(err)
			}
			if got := string(table.AppendJSON(nil, value)); got != c.Out {
				t.Errorf("got %s, want %s", got, c.Out)
			}
		})
	}
	for _, c := range v.Bad {
		t.Run("refuses "+c.In, func(t *testing.T) {
			value, err := table.ParseJSON([]byte(c.In))
			where := "at byte " + strconv.Itoa(c.At) + ":"
			if table.CodeOf(err) != table.CodeInvalid || !strings.Contains(err.Error(), where) {
				t.Errorf("got %v and %v, want an error %s", value, err, where)
			}
		})
	}
}

func TestParseJSON(t *testing.T) {
	t.Run("bytes that are not UTF-8 are refused where they are", func(t *testing.T) {
		for text, at := range map[string]int{"\"a\xff\"": 2, "\"\xed\xa0\x80\"": 1, "\"é\xc3\"": 3, "\"\\n\xff\"": 3, "{\"\xff\":1}": 2, "\"\xc0\x80\"": 1} {
			_, err := table.ParseJSON([]byte(text))
			if table.CodeOf(err) != table.CodeInvalid || !strings.Contains(err.Error(), "at byte "+strconv.Itoa(at)+":") {
				t.Errorf("%q: got %v, want an error at byte %d", text, err, at)
			}
		}
	})
	t.Run("depth ends at the limit, for arrays and objects", func(t *testing.T) {
		for _, c := range [][2]string{{"[", "]"}, {`{"a":`, "}"}} {
			deep := func(n int) []byte { return []byte(strings.Repeat(c[0], n) + "0" + strings.Repeat(c[1], n)) }
			if _, err := table.ParseJSON(deep(table.MaxDepth)); err != nil {
				t.Error(err)
			}
			if _, err := table.ParseJSON(deep(table.MaxDepth + 1)); table.CodeOf(err) != table.CodeInvalid {
				t.Errorf("got %v, want an error", err)
			}
			if _, err := table.ParseJSON([]byte(strings.Repeat(c[0], 1<<20))); table.CodeOf(err) != table.CodeInvalid {
				t.Errorf("got %v, want an error", err)
			}
		}
		if _, err := table.ParseJSON([]byte("[" + strings.Repeat("[],{},", 100) + "[[]]]")); err != nil {
			t.Errorf("what is closed does not count: %v", err)
		}
	})
	t.Run("the input may be reused at once", func(t *testing.T) {
		data := []byte(`{"key":"value"}`)
		v := record(t, string(data))
		r, err := table.ParseRecord(data)
		if err != nil {
			t.Fatal(err)
		}
		clear(data)
		if !reflect.DeepEqual(r, v) {
			t.Errorf("got %v", r)
		}
	})
	t.Run("a record is an object and nothing else", func(t *testing.T) {
		for _, text := range []string{`[]`, `null`, `"x"`, ``, `{} {}`, `1`} {
			if r, err := table.ParseRecord([]byte(text)); table.CodeOf(err) != table.CodeInvalid || r != nil {
				t.Errorf("%s: got %v, %v", text, r, err)
			}
		}
	})
	t.Run("minus zero is zero", func(t *testing.T) {
		for _, text := range []string{"-0", "-0.0", "-1e-999"} {
			v, err := table.ParseJSON([]byte(text))
			if f, ok := v.(float64); err != nil || !ok || f != 0 || math.Signbit(f) {
				t.Errorf("%s: got %v, %v", text, v, err)
			}
		}
	})
}

func TestAppendJSON(t *testing.T) {
	t.Run("every type that is promised", func(t *testing.T) {
		v := map[string]any{
			"a": []string{"x"}, "b": []float64{1, 2.5}, "c": []table.Record{{"id": "1"}, nil}, "d": table.Record{"k": true}, "e": int(-5),
			"f": int64(math.MinInt64), "g": uint64(math.MaxUint64), "h": []any(nil), "i": math.NaN(), "j": math.Inf(-1), "k": struct{}{},
			"l": map[string]any(nil), "m": math.Copysign(0, -1), "n": "\xff\x00",
		}
		want := `{"a":["x"],"b":[1,2.5],"c":[{"id":"1"},null],"d":{"k":true},"e":-5,"f":-9223372036854775808,"g":18446744073709551615,` +
			`"h":null,"i":null,"j":null,"k":null,"l":null,"m":0,"n":"` + "\uFFFD" + `\u0000"}`
		if got := string(table.AppendJSON([]byte("x"), v)); got != "x"+want {
			t.Errorf("got  %s\nwant x%s", got, want)
		}
	})
	t.Run("many keys are sorted too", func(t *testing.T) {
		m := map[string]any{}
		for i := range 1000 {
			m["k"+strconv.Itoa(i)] = nil
		}
		want, err := json.Marshal(m) // sorts as we promise to
		if err != nil {
			t.Fatal(err)
		}
		if got := table.AppendJSON(nil, m); !bytes.Equal(got, want) {
			t.Errorf("got %s", got)
		}
	})
	t.Run("numbers read back as they were", func(t *testing.T) {
		bits := uint64(1)
		for range 200000 {
			bits = bits*6364136223846793005 + 1442695040888963407
			f := math.Float64frombits(bits)
			if math.IsNaN(f) || math.IsInf(f, 0) {
				continue
			}
			text := table.AppendJSON(nil, f)
			back, err := strconv.ParseFloat(string(text), 64)
			if err != nil || back != f {
				t.Fatalf("%v is written %s", f, text)
			}
		}
	})
}

func FuzzParseJSON(f *testing.F) {
	var v jsonVectors
	vectors(f, "json.json", &v)
	for _, c := range v.Good {
		f.Add([]byte(c.In))
	}
	for _, c := range v.Bad {
		f.Add([]byte(c.In))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		value, err := table.ParseJSON(data)
		if err != nil {
			if table.CodeOf(err) != table.CodeInvalid {
				t.Fatalf("%q: %v has another code than invalid", data, err)
			}
			return
		}
		var want any
		if err := json.Unmarshal(data, &want); err != nil {
			t.Fatalf("%q is no JSON, but was read as %v: %v", data, value, err)
		}
		if !reflect.DeepEqual(value, want) {
			t.Fatalf("%q is read as %#v, want %#v", data, value, want)
		}
		text := table.AppendJSON(nil, value)
		again, err := table.ParseJSON(text)
		if err != nil || !reflect.DeepEqual(again, value) {
			t.Fatalf("%q is written as %q, which is read as %#v (%v)", data, text, again, err)
		}
	})
}

const row = `{"id":"01939e0a-5c11-7a3e-8f00-2f1d9b0c7e55","text":"Buy 2 l of milk, \"fresh\"","complete":false,"due":"2026-11-21T08:00:00.000Z",` +
	`"priority":3,"cost":12.75,"note":null,"version":"k3x9-1234","createdAt":"2026-11-20T08:00:00.000Z","updatedAt":"2026-11-20T09:00:00.000Z","deleted":false}`

var sink any

func BenchmarkParseRecord(b *testing.B) {
	data := []byte(row)
	b.Run("table", func(b *testing.B) {
		b.SetBytes(int64(len(data)))
		b.ReportAllocs()
		for b.Loop() {
			sink, _ = table.ParseRecord(data)
		}
	})
	b.Run("encoding-json", func(b *testing.B) {
		b.SetBytes(int64(len(data)))
		b.ReportAllocs()
		for b.Loop() {
			var r map[string]any
			_ = json.Unmarshal(data, &r)
			sink = r
		}
	})
}

func BenchmarkParseJSON1000Records(b *testing.B) {
	data := []byte("[" + strings.Repeat(row+",", 999) + row + "]")
	b.Run("table", func(b *testing.B) {
		b.SetBytes(int64(len(data)))
		b.ReportAllocs()
		for b.Loop() {
			sink, _ = table.ParseJSON(data)
		}
	})
	b.Run("encoding-json", func(b *testing.B) {
		b.SetBytes(int64(len(data)))
		b.ReportAllocs()
		for b.Loop() {
			var r any
			_ = json.Unmarshal(data, &r)
			sink = r
		}
	})
}

func BenchmarkAppendJSON(b *testing.B) {
	r := record(b, row)
	b.Run("table", func(b *testing.B) {
		b.ReportAllocs()
		var dst []byte
		for b.Loop() {
			dst = table.AppendJSON(dst[:0], r)
		}
		b.SetBytes(int64(len(dst)))
	})
	b.Run("encoding-json", func(b *testing.B) {
		b.ReportAllocs()
		var dst []byte
		for b.Loop() {
			dst, _ = json.Marshal(r)
		}
		b.SetBytes(int64(len(dst)))
	})
}
