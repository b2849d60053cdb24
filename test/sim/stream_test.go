package sim_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"

	"github.com/larder-sync/larder/server/live"
	"github.com/larder-sync/larder/table"
)

// listen has a device listen to the server's stream until it breaks, which it does when all that happened since the last time is
// told. What is told must be all there was: a device that hears of nothing pulls nothing.
func (d *device) listen() {
	if d.chance(4) {
		d.meet("a stream says nothing")
		d.note("%s: the stream is silent", d.name)
		return
	}
	hub := live.New(d.db, live.Options{}) // one of its own: what the server's has read already depends on the moment
	defer hub.Close()
	inner, cancel := context.WithCancel(ctx)
	out := &once{httptest.NewRecorder(), cancel}
	err := hub.Serve(out, httptest.NewRequest(http.MethodGet, "/tables/$live?tables=item", nil).WithContext(inner),
		live.Stream{Tables: []live.Table{{Name: "item", Stored: "item"}}, Named: true, Last: d.heard})
	cancel()
	if err != nil {
		d.fail("%s: the stream was refused: %v", d.name, err)
		return
	}
	d.meet("a stream breaks and goes on")
	resumed, since := d.heard != "", d.heardAt
	told, all := d.events(out.Body.String())
	if d.defect.deaf && len(told) > 0 {
		told = told[1:]
	}
	d.heardAt = len(d.history.log)
	d.note("%s: the stream tells of %v, or of all: %v", d.name, told, all)
	for _, id := range d.history.log[min(since, len(d.history.log)):] {
		if resumed && !all && !slices.Contains(told, id) {
			d.fail("%s: the stream, which went on, did not tell of %s", d.name, id)
		}
	}
	if all || len(told) > 0 || !resumed {
		d.tabs[0].sync()
	}
}

// events reads what a stream has told: the ids of records, or that all has to be pulled.
func (d *device) events(text string) (told []string, all bool) {
	for line := range strings.SplitSeq(text, "\n") {
		name, value, _ := strings.Cut(line, ": ")
		switch name {
		case "id":
			d.heard = value
		case "data":
			r, err := table.ParseRecord([]byte(value))
			if err != nil {
				d.fail("the stream's event cannot be read: %s", value)
			}
			if r["resync"] == true {
				all = true
			}
			told = append(told, r.ID())
		}
	}
	return told, all
}

// once is a connection that breaks after what it was told first.
type once struct {
	*httptest.ResponseRecorder
	cancel context.CancelFunc
}

func (o *once) Flush() { o.cancel() }
