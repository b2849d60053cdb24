package main

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
)

// record is a todo of about 250 bytes of JSON as an app stores it; the server's columns make it a good 400 on the wire.
type record struct {
	ID       string `json:"id"`
	Text     string `json:"text"`
	Notes    string `json:"notes"`
	Complete bool   `json:"complete"`
	List     string `json:"list"`
	Rank     int    `json:"rank"`
}

// wireRecord is a record as the server sends it.
type wireRecord struct {
	record
	CreatedAt string `json:"createdAt"`
	UpdatedAt string `json:"updatedAt"`
	Version   string `json:"version"`
	Deleted   bool   `json:"deleted"`
}

type removed struct {
	ID      string            `json:"id"`
	Removed map[string]string `json:"@removed"`
}

// work is all data of a run, the same in every run.
type work struct {
	rows    []record
	singles []record // what is put one by one
	asked   []record // what is asked for one by one
	pages   []changes
}

// changes are one page: half of it updates, three tenths new rows, two tenths removals, mixed.
type changes struct {
	value []any
	want  wanted
}

// wanted is what a database must hold after a page.
type wanted struct {
	Rows    int    `json:"rows"`
	Changed record `json:"changed"`
	Added   record `json:"added"`
	Removed string `json:"removed"`
}

func newWork(p plan) *work {
	random := rand.New(rand.NewPCG(1, 2))
	w := &work{}
	for range p.rows {
		w.rows = append(w.rows, newRecord(random))
	}
	for range p.gets {
		w.asked = append(w.asked, w.rows[random.IntN(p.rows)])
	}
	for range p.gets {
		w.singles = append(w.singles, newRecord(random))
	}
	live := append([]record(nil), w.rows...)
	for n := range p.rounds {
		w.pages = append(w.pages, newChanges(random, &live, p.page, n))
	}
	return w
}

func newRecord(random *rand.Rand) record {
	var id [16]byte
	for i := range id {
		id[i] = byte(random.Uint32())
	}
	words := []string{"bread", "milk", "a letter to the town hall", "new tyres", "tickets", "the leaking tap", "flour and yeast", "Größe 42"}
	return record{
		ID:       fmt.Sprintf("%x-%x-%x-%x-%x", id[:4], id[4:6], id[6:8], id[8:10], id[10:]),
		Text:     fmt.Sprintf("%s, number %d", words[random.IntN(len(words))], random.IntN(1_000_000)),
		Notes:    "ask in the shop at the corner first; the other one is closed on Mondays, and dearer too. Ask what is new.",
		Complete: random.IntN(2) == 0,
		List:     fmt.Sprintf("list %d", random.IntN(20)),
		Rank:     random.IntN(1_000_000),
	}
}

// newChanges makes page n and brings live up to date with it. No row is in a page twice.
func newChanges(random *rand.Rand, live *[]record, size, n int) changes {
	rows := *live
	random.Shuffle(len(rows), func(i, j int) { rows[i], rows[j] = rows[j], rows[i] })
	var c changes
	updates, removals := size/2, size/5
	for i := range updates {
		rows[i].Text = fmt.Sprintf("changed by page %d, number %d", n, i)
		rows[i].Rank = random.IntN(1_000_000)
		c.value = append(c.value, onWire(rows[i], n))
	}
	c.want.Changed = rows[updates/2]
	for _, row := range rows[len(rows)-removals:] {
		c.value = append(c.value, removed{row.ID, map[string]string{"reason": "deleted"}})
		c.want.Removed = row.ID
	}
	rows = rows[:len(rows)-removals]
	for len(c.value) < size {
		row := newRecord(random)
		rows = append(rows, row)
		c.value = append(c.value, onWire(row, n))
		c.want.Added = row
	}
	random.Shuffle(len(c.value), func(i, j int) { c.value[i], c.value[j] = c.value[j], c.value[i] })
	c.want.Rows = len(rows)
	*live = rows
	return c
}

func onWire(r record, n int) wireRecord {
	return wireRecord{
		record: r, CreatedAt: "2026-01-02T03:04:05.678Z",
		UpdatedAt: fmt.Sprintf("2026-01-%02dT03:04:05.678Z", 3+n%28), Version: fmt.Sprintf("AAAAAAAAAAA-%d", 100_000+n),
	}
}

// script is the JSON that the page loads: what to put and what to ask for.
func (w *work) script() ([]byte, error) {
	return json.Marshal(map[string]any{"records": w.rows, "singles": w.singles, "ids": w.asked})
}

// bytes returns the size of a record's JSON, on average.
func (w *work) bytes() int {
	all, err := json.Marshal(w.rows)
	if err != nil {
		return 0 // they hold nothing that has no JSON
	}
	return len(all) / len(w.rows)
}
