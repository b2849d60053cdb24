package api_test

import (
	"sync/atomic"
	"testing"
	"time"

	"github.com/larder-sync/larder/server/api"
	"github.com/larder-sync/larder/server/db"
)

func TestExpiry(t *testing.T) {
	begin := time.Date(2026, 11, 21, 8, 0, 0, 0, time.UTC)
	var passed atomic.Int64 // the feed's upkeep looks at the clock too
	s := start(t, func(o *api.Options) {
		parsed, err := db.ParseTable("fleeting", []byte(`{"recordsExpire":{"days":1}}`))
		if err != nil {
			t.Fatal(err)
		}
		o.Tables = append(o.Tables, parsed)
		o.Feed.Now = func() time.Time { return begin.Add(time.Duration(passed.Load())) }
	})
	s.expect(s.do("POST", "/tables/fleeting", `{"id":"old"}`), 201)
	passed.Add(int64(23 * time.Hour))
	s.expect(s.do("POST", "/tables/fleeting", `{"id":"young"}`), 201)
	s.expect(s.do("PATCH", "/tables/fleeting/old", `{"text":"as long as it is there"}`), 200)
	if got := ids(s.records(s.do("GET", "/tables/fleeting", ``))); got != "old young" {
		t.Errorf("there are %s", got)
	}
	got, link := s.pulled(s.do("GET", "/tables/fleeting?$deltatoken=", ``))
	if got != "young old" {
		t.Errorf("pulled: %s", got)
	}

	passed.Add(int64(2 * time.Hour))
	if got := ids(s.records(s.do("GET", "/tables/fleeting", ``))); got != "young" {
		t.Errorf("a day later there are %s", got)
	}
	for _, method := range []string{"GET", "DELETE"} {
		s.expect(s.do(method, "/tables/fleeting/old", ``), 404)
	}
	s.expect(s.do("PATCH", "/tables/fleeting/old", `{"text":"too late"}`), 404)
	s.expect(s.do("POST", "/tables/fleeting", `{"id":"old"}`), 409, "old") // its id is not free again
	s.expect(s.do("POST", "/tables/fleeting", `{"id":"new"}`), 201)
	if got, _ := s.pulled(s.do("GET", link, ``)); got != "new" {
		t.Errorf("pulled then: %s", got)
	}
	if got, _ := s.pulled(s.do("GET", "/tables/fleeting?$deltatoken=", ``)); got != "young new" {
		t.Errorf("pulled anew: %s", got)
	}
}
