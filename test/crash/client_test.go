package crash_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"

	"github.com/larder-sync/larder/table"
)

// ask sends a request and returns status and body; 0 when there is no whole answer.
func ask(ctx context.Context, method, url, body string) (status int, header http.Header, text []byte) {
	r, err := http.NewRequestWithContext(ctx, method, url, bytes.NewReader([]byte(body)))
	if err != nil {
		return 0, nil, nil
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("ZUMO-API-VERSION", "2.0.0")
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0, nil, nil
	}
	defer answer.Body.Close()
	if text, err = io.ReadAll(answer.Body); err != nil {
		return 0, nil, nil
	}
	return answer.StatusCode, answer.Header, text
}

// writer is a client that pushes. It sends each batch until it has its answer, to any of the servers.
type writer struct {
	name    string
	servers []*server
	random  *rand.Rand
	seq     int
	rows    map[string]int // id to the number of its last operation, as acknowledged
	resent  int
}

// push sends a batch of n operations: new rows, and changes of its own.
func (w *writer) push(ctx context.Context, n int) error {
	type op struct {
		id  string
		seq int
	}
	var ops []op
	var batch strings.Builder
	batch.WriteString(`{"requests":[`)
	for i := range n {
		w.seq++
		o := op{fmt.Sprintf("%s-%d", w.name, w.seq), w.seq}
		method, url := "POST", "note"
		if known := w.seq - 1 - i - w.random.IntN(20); known > 0 && w.random.IntN(3) == 0 {
			if id := fmt.Sprintf("%s-%d", w.name, known); w.rows[id] > 0 {
				o.id, method, url = id, "PATCH", "note/"+id
			}
		}
		if i > 0 {
			batch.WriteByte(',')
		}
		fmt.Fprintf(&batch, `{"id":"%d","method":%q,"url":%q,"headers":{"Repeatability-Request-ID":"%s/%d",`+
			`"Repeatability-Client-ID":"%s.%d"},"body":{"id":%q,"by":%d}}`, i, method, url, w.name, w.seq, w.name, w.seq, o.id, w.seq)
		ops = append(ops, o)
	}
	batch.WriteString("]}")
	for ; ctx.Err() == nil; w.resent++ {
		s := w.servers[w.random.IntN(len(w.servers))]
		status, _, text := ask(ctx, "POST", s.url+"/tables/$batch", batch.String())
		if status == 0 || status == http.StatusServiceUnavailable {
			pause(ctx)
			continue
		}
		v, err := table.ParseJSON(text)
		if err != nil || status != http.StatusOK {
			return fmt.Errorf("status %d: %s", status, text)
		}
		for i, answer := range v.(map[string]any)["responses"].([]any) {
			if status := answer.(map[string]any)["status"].(float64); status != 200 && status != 201 {
				return fmt.Errorf("operation %d: %v", ops[i].seq, answer)
			}
			w.rows[ops[i].id] = ops[i].seq
		}
		return nil
	}
	return ctx.Err()
}

// follower is a client that pulls, from any of the servers.
type follower struct {
	servers []*server
	random  *rand.Rand
	token   string
	last    int64          // number of the last change that it saw
	rows    map[string]int // id to the number of its last operation
	moved   int            // changes
}

// pull asks for one page; more tells that there are further ones.
func (f *follower) pull(ctx context.Context) (more bool, err error) {
	s := f.servers[f.random.IntN(len(f.servers))]
	url := s.url + "/tables/note?$top=" + strconv.Itoa(1+f.random.IntN(500)) + "&$deltatoken=" + table.EscapeID(f.token)
	status, _, text := ask(ctx, "GET", url, "")
	if status == 0 || status == http.StatusServiceUnavailable {
		pause(ctx)
		return true, nil
	}
	page, err := table.ParsePage(text)
	if err != nil || status != http.StatusOK {
		return false, fmt.Errorf("status %d: %s", status, text)
	}
	for _, c := range page.Changes {
		r := c.Open()
		_, number, _ := strings.Cut(r.Version(), "-")
		seq, err := strconv.ParseInt(number, 10, 64)
		if err != nil || seq <= f.last {
			return false, fmt.Errorf("after change %d comes %s of %s", f.last, r.Version(), c.ID)
		}
		f.last = seq
		f.rows[c.ID] = int(r["by"].(float64))
		f.moved++
	}
	f.token = page.Token
	return page.More, nil
}
