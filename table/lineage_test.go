package table_test

import (
	"testing"

	"github.com/larder-sync/larder/table"
)

func TestMark(t *testing.T) {
	for text, want := range map[string]table.Mark{
		"b2-11": {Boot: "b2", Seq: 11}, "b5-14~b2-11+": {Boot: "b5", Seq: 14}, "b4-40.12~5a9": {Boot: "b4", Seq: 40},
		"": {}, "-0": {}, "b2": {}, "b2-": {}, "b2-x": {}, "-3": {}, "b2-99999999999999999999": {},
	} {
		if got := table.MarkOf(text); got != want {
			t.Errorf("the mark of %q is %v, want %v", text, got, want)
		}
	}
}

func TestLost(t *testing.T) {
	lost := table.LostOf("b5-14~b2-11")
	if lost != "b2-11" || lost.Changed() || lost.Mark() != (table.Mark{Boot: "b2", Seq: 11}) {
		t.Errorf("lost is %s, changed %v, %v", lost, lost.Changed(), lost.Mark())
	}
	changed := lost.AndChanged()
	if changed != "b2-11+" || changed.AndChanged() != changed || !changed.Changed() || changed.Mark() != lost.Mark() {
		t.Errorf("changed since: %s", changed)
	}
	if plain := table.LostOf("b5-14"); plain != "" || plain.AndChanged() != "" {
		t.Errorf("a version that was never lost: %s", plain)
	}
	for text, want := range map[table.Lost]bool{"": true, "b2-11": true, "b2-11+": true, "b2-11++": false, "b2-011": false, "x": false,
		"b2-0": false, "b\"-1": false, "b2-11~c": false, "+": false} {
		if text.Valid() != want {
			t.Errorf("%q is valid: %v", text, text.Valid())
		}
	}
}

func TestPast(t *testing.T) {
	past := table.Past("b1-5,b2-9,b4-12")
	for mark, want := range map[table.Mark]bool{{}: true, {Boot: "b2", Seq: 9}: true, {Boot: "b2", Seq: 6}: true,
		{Boot: "b2", Seq: 10}: false, {Boot: "b3", Seq: 1}: false, {Boot: "b", Seq: 1}: false} {
		if past.Has(mark) != want {
			t.Errorf("%s has %v: %v", past, mark, !want)
		}
	}
	for other, want := range map[table.Past]bool{"b2-7,b9-8": true, "b1-1": true, "b9-12": false, "": false} {
		if past.Meets(other) != want || other.Meets(past) != want {
			t.Errorf("%s meets %s: %v", past, other, !want)
		}
	}
	if got := table.Past("").With(table.Mark{}).With(table.Mark{Boot: "a", Seq: 1}).With(table.Mark{Boot: "b", Seq: 2}); got != "a-1,b-2" {
		t.Errorf("joined: %s", got)
	}
}
