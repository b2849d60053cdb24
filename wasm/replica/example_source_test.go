//go:build !js

package replica_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"

	"github.com/larder-sync/larder/table"
	"github.com/larder-sync/larder/wasm/replica"
	"github.com/larder-sync/larder/wasm/store"
)

// staff is a source of the classic kind: GET ?modifiedSince= answers with the rows that were changed after a stamp, deleted ones
// among them, and PUT takes a row.
type staff struct{ url string }

func (s staff) GetLastSync(_ context.Context, _ replica.Pull, stored string) (string, error) {
	return stored, nil
}

func (s staff) GetChanges(ctx context.Context, w replica.Want) (*replica.Changes, error) {
	rows, err := s.ask(ctx, "GET", "?modifiedSince="+w.Since, nil)
	changes := &replica.Changes{Changed: rows}
	if len(rows) > 0 {
		changes.Next, _ = rows[len(rows)-1]["lastModified"].(string)
	}
	return changes, err
}

func (s staff) ApplyChanges(ctx context.Context, ops []*table.Operation) (verdicts []replica.Verdict, err error) {
	for _, op := range ops {
		if op.Action == table.ActionDelete {
			verdicts = append(verdicts, replica.Verdict{ID: op.ID, Refused: "nobody leaves"})
			continue
		}
		rows, err := s.ask(ctx, "PUT", "/"+op.RecordID, op.Record)
		if err != nil {
			return verdicts, err
		}
		verdicts = append(verdicts, replica.Verdict{ID: op.ID, Record: rows[0]})
	}
	return verdicts, nil
}

// ask sends a request. In a browser a source would use fetch.
func (s staff) ask(ctx context.Context, method, path string, body table.Record) (rows []table.Record, err error) {
	request, err := http.NewRequestWithContext(ctx, method, s.url+path, bytes.NewReader(table.AppendJSON(nil, body)))
	if err != nil {
		return nil, err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, table.Errorf(table.CodeNetwork, "the staff cannot be reached").Because(err) // it is asked again
	}
	defer response.Body.Close()
	return rows, json.NewDecoder(response.Body).Decode(&rows)
}

// Any backend that can tell what has changed since can be synced with.
func ExampleSource() {
	ctx := context.Background()
	backend := httptest.NewServer(classic(
		table.Record{"id": "1", "name": "Ada", "lastModified": "1"},
		table.Record{"id": "2", "name": "Bob", "lastModified": "2"},
		table.Record{"id": "3", "deleted": true, "lastModified": "3"}))
	defer backend.Close()

	outbox := replica.NewOutbox(replica.OutboxOptions{
		NewID: func() string { return "operation" },
		Now:   func() string { return "2026-11-21T09:00:00.000Z" },
	})
	schema := &table.Database{Version: 1, Tables: []*table.Schema{{
		Name: "employee", Columns: []table.Column{{Name: "name", Type: table.TypeString}},
	}}}
	db, err := store.Open(ctx, store.Options{Name: "app", Schema: schema, Open: store.Memory(), Journal: outbox})
	if err != nil {
		log.Fatal(err)
	}
	defer db.Close()
	employees := replica.New(db, replica.Options{Outbox: outbox,
		Sources: map[string]replica.Source{"employee": staff{backend.URL}}})

	for _, name := range []string{"", "Robert"} {
		if name != "" {
			if _, err := db.Write(ctx, table.ActionUpdate, "employee", table.Record{"id": "2", "name": name}); err != nil {
				log.Fatal(err)
			}
		}
		result, err := employees.Sync(ctx, 0)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(result.Pushed, "pushed,", result.Pulled, "pulled")
	}
	err = db.View(ctx, []string{"employee"}, func(tx *store.Tx) error {
		rows, err := tx.Table("employee").Query(ctx, table.NewQuery())
		for _, row := range rows {
			fmt.Println(row.ID(), row["name"])
		}
		return err
	})
	if err != nil {
		log.Fatal(err)
	}
	// Output:
	// 0 pushed, 2 pulled
	// 1 pushed, 0 pulled
	// 1 Ada
	// 2 Robert
}

// classic is a backend that knows nothing of Larder.
func classic(rows ...table.Record) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) {
		since := r.FormValue("modifiedSince")
		changed := slices.DeleteFunc(slices.Clone(rows), func(row table.Record) bool { return row["lastModified"].(string) <= since })
		_, _ = w.Write(table.AppendJSON(nil, changed))
	})
	mux.HandleFunc("PUT /{id}", func(w http.ResponseWriter, r *http.Request) {
		row := table.Record{}
		if err := json.NewDecoder(r.Body).Decode(&row); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		row["lastModified"] = strconv.Itoa(len(rows) + 1)
		rows = append(rows, row)
		_, _ = w.Write(table.AppendJSON(nil, []table.Record{row}))
	})
	return mux
}
