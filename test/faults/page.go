package main

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// found is what the simulator and the browsers under faults have found, and what a test of its own now holds.
var found = []string{
	"A write on top of one that waits kept the operation's id: in a copy of the profile the server's answer to the other copy " +
		"passed for its own (F34, `TestCopiesDiffer`).",
	"A profile that was copied before its first push was not known for a copy (F34, `TestCopiesDiffer`).",
	"The stored answer to an operation that a copy had sent hid a newer record that had been pulled meanwhile (F34, " +
		"`TestCopiesDiffer`).",
	"A record that was pushed before its table was first pulled, or whose table was empty then, stayed for ever when the " +
		"server had forgotten that it was deleted (F22, `TestForgottenTombstone`).",
	"A pull from the start that broke off in one tab, and that another tab finished, later removed records that the server has " +
		"(F22, `TestSweepOfAnotherTab`).",
	"A delete that was given up in favour of a record that had been pulled already left no record (F21, `TestCancelledDelete`).",
	"A call that was cancelled during a request said that the network had failed (F33, `TestCancelAtEachCall`).",
	"After a restore, a record that the last page removes was brought back by two operations (F17, `TestRestoredAndDeleted`).",
	"A delete that waited brought back a record that the server had lost or forgotten (F17, `TestDeleteOfWhatIsNoMore`).",
	"A server that took a request and never answered was waited for without end (F24, `TestFetch`).",
	"A record stayed whose delete the server had forgotten, where the answer that says so was cut off, or an insert here was in conflict " +
		"with it (F22, `TestForgottenSinceTheLastPull`).",
	"An operation that was done, but whose answer was lost, was refused for its size by somebody on the way and quarantined: sent again " +
		"after another edit it was done twice (F24, `TestTooLargeAfterLostAnswer`).",
	"Of three copies of a profile, two that found out by the third sent what waited in both twice (F34, `TestThreeCopies`).",
	"The stored answer to an insert that a copy had sent brought back a record that had been deleted since, or kept one while it was " +
		"being found out what the server has (F34, F22, `TestCopiesDiffer`, `TestSweepAfterOldVerdict`).",
	"Something on the way that answered twice with an empty list passed for a plain Azure server (F24, `TestEmptyLists`).",
}

// open is what was found and is not mended yet.
var open = []string{
	"A record that was made and deleted after the backup that a server is restored from comes back, if a device that has it still syncs " +
		"with the restored server before it has heard of the delete, and after the one that deleted it.",
}

// page writes the matrix.
func page(r *results) []byte {
	var b bytes.Buffer
	all := 0
	for _, n := range r.met {
		all += n
	}
	tests := map[string]bool{}
	violations := 0
	for _, f := range faults {
		for _, p := range f.proofs {
			tests[p.key()] = true
		}
	}
	violations = r.wrong()
	fmt.Fprintf(&b, `# What sync stands

This page is written by `+"`make faults`"+`, from the tests that it names. %d faults, %d tests; %s worlds of the simulator, in
which %s things went wrong; %d violations. Each world is drawn from a seed: `+"`make sim SEED=N`"+` runs one again and prints what
happened; of one that fails, the shortest run that fails in the same way. %d deliberate defects, from a cursor that is stored
before its page to tombstones that are dropped, are each found by it (`+"`TestDefects`"+`). Browser: %s.

| | fault | where | shown by | provoked | violations |
|---|---|---|---|---|---|
`, len(faults), len(tests), thousands(r.worlds), thousands(all), violations, r.defects, r.browser)
	for _, f := range faults {
		places, proofs, runs, violations := []string{}, []string{}, 0, 0
		for _, p := range f.proofs {
			if !slices.Contains(places, string(p.place)) {
				places = append(places, string(p.place))
			}
			proofs = append(proofs, label(p))
			n, wrong := r.runs(p)
			runs, violations = runs+n, violations+wrong
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s | %d |\n", f.name, f.what, strings.Join(places, ", "),
			strings.Join(proofs, ", "), thousands(runs), violations)
	}
	b.WriteString("\nProvoked is how often the simulator's worlds met the fault, and each run of another test once.\n")
	if len(r.lines) > 0 {
		b.WriteString("\nTwo devices in Chromium under random faults:\n\n")
		for _, line := range r.lines {
			fmt.Fprintf(&b, "- %s\n", line)
		}
	}
	b.WriteString("\n## What was found, and is mended\n\n")
	for _, text := range found {
		fmt.Fprintf(&b, "- %s\n", text)
	}
	b.WriteString("\n## What is known and open\n\n")
	for _, text := range open {
		fmt.Fprintf(&b, "- %s\n", text)
	}
	return b.Bytes()
}

// label is how the page names a proof.
func label(p proof) string {
	if p.met != "" {
		return "“" + p.met + "”"
	}
	return "`" + p.pkg + " " + p.test + "`"
}

// thousands writes a number as people do.
func thousands(n int) string {
	text := strconv.Itoa(n)
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}
