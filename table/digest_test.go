package table_test

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/larder-sync/larder/table"
)

// TestDigestVectors holds digests to vectors that a few lines of JavaScript have made, from nothing but what Digest promises.
func TestDigestVectors(t *testing.T) {
	var v struct {
		Digests []struct {
			Name    string
			Records []table.Record
			Digest  string
		}
	}
	vectors(t, "digest.json", &v)
	for _, c := range v.Digests {
		t.Run(c.Name, func(t *testing.T) {
			if got := table.DigestOf(c.Records...).String(); got != c.Digest {
				t.Errorf("the digest is %s, want %s", got, c.Digest)
			}
			half := len(c.Records) / 2
			if sum := table.DigestOf(c.Records[half:]...).Plus(table.DigestOf(c.Records[:half]...)); sum.String() != c.Digest {
				t.Errorf("the digests of two halves are together %s, want %s", sum, c.Digest)
			}
		})
	}
}

func TestDigestTellsApart(t *testing.T) {
	base := record(t, `{"id":"1","text":"milk","rank":1,"version":"a-1","more":{"x":[1,2]}}`)
	for _, other := range []string{
		`{"id":"2","text":"milk","rank":1,"version":"a-1","more":{"x":[1,2]}}`,
		`{"id":"1","text":"milk","rank":1,"version":"a-2","more":{"x":[1,2]}}`,
		`{"id":"1","text":"milk","rank":"1","version":"a-1","more":{"x":[1,2]}}`,
		`{"id":"1","text":"milk","rank":1,"version":"a-1","more":{"x":[2,1]}}`,
		`{"id":"1","text":"milk","rank":1,"version":"a-1"}`,
	} {
		if table.DigestOf(record(t, other)) == table.DigestOf(base) {
			t.Errorf("%s has the digest of another record", other)
		}
	}
	if table.DigestOf(base, base) == table.DigestOf() {
		t.Error("two of the same are as none")
	}
}

func TestParts(t *testing.T) {
	want := &table.Parts{Changed: []string{"é"}, Parts: []table.Part{
		{To: "b", Count: 2, Digest: table.DigestOf(table.Record{"id": "a"}, table.Record{"id": "b"})},
		{Count: 1, Digest: table.DigestOf(table.Record{"id": "c"}), Records: []table.Record{{"id": "c", "text": "x"}}},
	}}
	text := table.AppendParts(nil, want)
	if got, err := table.ParseParts(text); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%s was read as %+v, %v", text, got, err)
	}
	for _, bad := range []string{`<html>`, `{}`, `{"parts":[]}`, `{"parts":[1]}`, `{"parts":[{"to":"","count":-1,"digest":"` + strings.Repeat("0", 32) + `"}]}`,
		`{"parts":[{"to":"","count":1,"digest":"00"}]}`, `{"parts":[{"to":"😀","count":1,"digest":"` + strings.Repeat("0", 32) + `"}]}`,
		`{"parts":[{"to":"","count":1,"digest":"` + strings.Repeat("0", 32) + `","value":[{}]}]}`} {
		if _, err := table.ParseParts([]byte(bad)); table.CodeOf(err) != table.CodeServer {
			t.Errorf("%s is read with %v, want code server", bad, err)
		}
	}
	ids := []string{"", "a", "\ud7ff", "\ue000", "é😀"}
	if bounds := slices.DeleteFunc(slices.Clone(ids), func(id string) bool { return !table.IsBound(id) }); !slices.Equal(bounds, ids[:3]) {
		t.Errorf("%q can be bounds", bounds)
	}
}
