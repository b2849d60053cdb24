package table_test

import (
	"reflect"
	"strconv"
	"strings"
	"testing"

	"github.com/larder-sync/larder/table"
)

func TestBatch(t *testing.T) {
	requests := []table.Request{
		{ID: "1", Group: "g", Method: "POST", URL: "todoitem", Headers: map[string]string{"repeatability-request-id": "x", "content-type": "application/json"},
			Body: table.Record{"id": "a", "text": "é\n"}},
		{ID: "2", Method: "DELETE", URL: "todoitem/a%20b"},
	}
	t.Run("is written as OData's JSON batch", func(t *testing.T) {
		want := `{"requests":[{"id":"1","atomicityGroup":"g","method":"POST","url":"todoitem","headers":{"content-type":"application/json",` +
			`"repeatability-request-id":"x"},"body":{"id":"a","text":"é\n"}},{"id":"2","method":"DELETE","url":"todoitem/a%20b"}]}`
		if got := string(table.AppendBatch(nil, requests)); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	})
	t.Run("reads back as it was", func(t *testing.T) {
		got, err := table.ParseBatch(table.AppendBatch(nil, requests))
		if err != nil || !reflect.DeepEqual(got, requests) {
			t.Errorf("got %+v, %v", got, err)
		}
	})
	t.Run("header names become lower case, what is unknown is passed over, null is nothing", func(t *testing.T) {
		got, err := table.ParseBatch([]byte(`{"x":[{}],"requests":[{"dependsOn":["0"],"id":"1","method":"PATCH","url":"t/1","headers":{"If-Match":"\"v\""},"body":null},` +
			`{"id":"2","method":"GET","url":"t","headers":null}]}`))
		want := []table.Request{{ID: "1", Method: "PATCH", URL: "t/1", Headers: map[string]string{"if-match": `"v"`}}, {ID: "2", Method: "GET", URL: "t"}}
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("got %+v, %v", got, err)
		}
	})
	t.Run("refuses what is not a batch", func(t *testing.T) {
		for _, text := range []string{
			``, `[]`, `{}`, `{"requests":{}}`, `{"requests":[1]}`, `{"requests":[]} x`, `{"requests":[{}]}`,
			`{"requests":[{"id":"1","method":"POST"}]}`, `{"requests":[{"id":"1","url":"t"}]}`, `{"requests":[{"url":"t","method":"POST"}]}`,
			`{"requests":[{"id":1,"method":"POST","url":"t"}]}`, `{"requests":[{"id":"1","method":"POST","url":"t","body":[]}]}`,
			`{"requests":[{"id":"1","method":"POST","url":"t","headers":{"a":1}}]}`,
			`{"requests":[{"id":"1","method":"POST","url":"t"},{"id":"1","method":"POST","url":"t"}]}`,
		} {
			if got, err := table.ParseBatch([]byte(text)); table.CodeOf(err) != table.CodeInvalid {
				t.Errorf("%s: got %v, %v", text, got, err)
			}
		}
	})
	t.Run("holds so many requests and no more", func(t *testing.T) {
		many := make([]table.Request, table.MaxBatch+1)
		for i := range many {
			many[i] = table.Request{ID: strconv.Itoa(i), Method: "DELETE", URL: "t/1"}
		}
		if _, err := table.ParseBatch(table.AppendBatch(nil, many[1:])); err != nil {
			t.Error(err)
		}
		if _, err := table.ParseBatch(table.AppendBatch(nil, many)); table.CodeOf(err) != table.CodeLimit {
			t.Errorf("got %v, want an error with code limit", err)
		}
	})
	t.Run("carries the deepest record that a table takes", func(t *testing.T) {
		deep := strings.Repeat("[", table.MaxRecordDepth-1) + strings.Repeat("]", table.MaxRecordDepth-1)
		r := record(t, `{"id":"1","j":`+deep+`}`)
		schema := &table.Schema{Name: "t", Columns: []table.Column{{Name: "j", Type: table.TypeJSON}}}
		if err := schema.Check(r); err != nil {
			t.Fatal(err)
		}
		if _, err := table.ParseBatch(table.AppendBatch(nil, []table.Request{{ID: "1", Method: "POST", URL: "t", Body: r}})); err != nil {
			t.Error(err)
		}
		r["j"] = []any{r["j"]}
		if err := schema.Check(r); table.CodeOf(err) != table.CodeInvalid {
			t.Errorf("one level more: got %v, want an error", err)
		}
	})
}

func TestResponses(t *testing.T) {
	responses := []table.Response{
		{ID: "1", Status: 201, Headers: map[string]string{"etag": `"k-1"`}, Body: table.Record{"id": "a", "version": "k-1"}},
		{ID: "2", Status: 404},
	}
	text := table.AppendResponses(nil, responses)
	want := `{"responses":[{"id":"1","status":201,"headers":{"etag":"\"k-1\""},"body":{"id":"a","version":"k-1"}},{"id":"2","status":404}]}`
	if string(text) != want {
		t.Errorf("got  %s\nwant %s", text, want)
	}
	if got, err := table.ParseResponses(text); err != nil || !reflect.DeepEqual(got, responses) {
		t.Errorf("got %+v, %v", got, err)
	}
	for _, text := range []string{`<html>`, `{}`, `{"responses":[{"id":"1"}]}`, `{"responses":[{"id":"1","status":"200"}]}`,
		`{"responses":[{"id":"1","status":1e9}]}`, `{"responses":[{"status":200}]}`} {
		if got, err := table.ParseResponses([]byte(text)); table.CodeOf(err) != table.CodeServer {
			t.Errorf("%s: got %v, %v", text, got, err)
		}
	}
}

func TestPage(t *testing.T) {
	page := &table.Page{Token: "k3x9/+ =&1", More: true, Count: 7, Past: "b1-5,b2-9", Changes: []table.Change{
		{Row: table.Row{ID: "a", Text: `{"id":"a","text":"x"}`}},
		{Row: table.Row{ID: "b"}, Removed: table.ReasonDeleted, Version: "b2-9"},
		{Row: table.Row{ID: "c"}, Removed: table.ReasonChanged},
	}}
	text := table.AppendPage(nil, page, "/tables/todoitem")
	want := `{"value":[{"id":"a","text":"x"},{"id":"b","version":"b2-9","@removed":{"reason":"deleted"}},{"id":"c","@removed":{"reason":"changed"}}],` +
		`"@odata.count":7,"@larder.past":"b1-5,b2-9","@odata.nextLink":"/tables/todoitem?$deltatoken=k3x9%2F%2B%20%3D%261"}`
	if string(text) != want {
		t.Errorf("got  %s\nwant %s", text, want)
	}
	if got, err := table.ParsePage(text); err != nil || !reflect.DeepEqual(got, page) {
		t.Errorf("got %+v, %v", got, err)
	}
	t.Run("the token is found in every way to write the link", func(t *testing.T) {
		for link, want := range map[string]string{
			"/tables/t?$top=5&$deltatoken=a-1":                 "a-1",
			"https://example.com/tables/t?%24deltatoken=a%2Db": "a-b",
			"?$deltatoken=a+b#$deltatoken=c":                   "a b",
			"?$deltatoken=a=b&$deltatoken=c":                   "a=b",
			"?%zz=1&$deltatoken=a":                             "a",
		} {
			got, err := table.ParsePage([]byte(`{"@odata.deltaLink":"` + link + `","value":[]}`))
			if err != nil || got.Token != want || got.More || got.Count != -1 {
				t.Errorf("%s: got %+v, %v", link, got, err)
			}
		}
	})
	t.Run("refuses what is not a whole page", func(t *testing.T) {
		link := `"@odata.deltaLink":"?$deltatoken=a"`
		for _, text := range []string{
			``, `[]`, `{"value":[]}`, `{` + link + `}`, `{"value":[],"@odata.nextLink":"?$deltatoken=b",` + link + `}`, `{"value":{},` + link + `}`,
			`{"value":[1],` + link + `}`, `{"value":[{}],` + link + `}`, `{"value":[{"id":""}],` + link + `}`, `{"value":[{"id":"1","@removed":{}}],` + link + `}`,
			`{"value":[{"id":"1","@removed":{"reason":"x"}}],` + link + `}`, `{"value":[],"@odata.count":-1,` + link + `}`,
			`{"value":[],"@odata.deltaLink":"/tables/t"}`, `{"value":[],"@odata.deltaLink":"?$deltatoken="}`, `{"value":[],"@odata.deltaLink":"?$deltatoken=%f"}`,
			`{"value":[],"@odata.deltaLink":1}`, `{"value":[],` + link + `}x`,
		} {
			if got, err := table.ParsePage([]byte(text)); table.CodeOf(err) != table.CodeServer {
				t.Errorf("%s: got %+v, %v", text, got, err)
			}
		}
	})
}

func TestEscapeID(t *testing.T) {
	for id, want := range map[string]string{"abc-._~09": "abc-._~09", "a b": "a%20b", "50%": "50%25", "é😀": "%C3%A9%F0%9F%98%80", "a/b?c#d&e=f+g": "a%2Fb%3Fc%23d%26e%3Df%2Bg", "": ""} {
		got := table.EscapeID(id)
		back, err := table.UnescapeID(got)
		if got != want || err != nil || back != id {
			t.Errorf("%q: got %q, and back %q, %v", id, got, back, err)
		}
	}
	for _, bad := range []string{"%", "%4", "%zz", "a%f", "%ff", "\xff", "%ED%A0%80"} {
		if got, err := table.UnescapeID(bad); table.CodeOf(err) != table.CodeInvalid {
			t.Errorf("%q: got %q, %v", bad, got, err)
		}
	}
}

func TestOperation(t *testing.T) {
	op := &table.Operation{Seq: 7, ID: "u", Table: "todoitem", RecordID: "a", Action: table.ActionUpdate, Record: table.Record{"id": "a", "n": 1.0},
		Base: table.Record{"id": "a"}, Server: table.Record{"id": "a", "deleted": true}, State: table.StateQuarantined, Reason: "conflict", Attempts: 3,
		Principal: "sub", Schema: 2, CreatedAt: "2026-11-21T08:00:00.000Z", Groups: []string{"g", "h"}, Lost: "b2-11+"}
	t.Run("reads back from its row, through JSON", func(t *testing.T) {
		got, err := table.ParseOperation(record(t, string(table.AppendJSON(nil, op.Row()))))
		if err != nil || !reflect.DeepEqual(got, op) {
			t.Errorf("got %+v, %v", got, err)
		}
	})
	t.Run("every field is kept", func(t *testing.T) {
		// A field that is added to Operation and forgotten in Row would be lost by a restart.
		v := reflect.ValueOf(*op)
		for i := range v.NumField() {
			if v.Field(i).IsZero() {
				t.Errorf("this test does not set %s", v.Type().Field(i).Name)
			}
		}
		if n := len(op.Row()); n != v.NumField() {
			t.Errorf("the row has %d fields, the operation %d", n, v.NumField())
		}
	})
	t.Run("what is incomplete is refused", func(t *testing.T) {
		for field, value := range map[string]any{"seq": 0.0, "id": "", "table": nil, "recordId": 1.0, "action": "upsert", "state": "", "record": nil,
			"base": "x", "attempts": -1.0, "schema": 1.5, "reason": true} {
			row := op.Row()
			row[field] = value
			if got, err := table.ParseOperation(row); table.CodeOf(err) != table.CodeInvalid || !strings.Contains(err.Error(), field) {
				t.Errorf("%s %v: got %+v, %v", field, value, got, err)
			}
		}
	})
}

func FuzzParseBatch(f *testing.F) {
	f.Add([]byte(`{"requests":[{"id":"1","atomicityGroup":"g","method":"POST","url":"t","headers":{"A":"b"},"body":{"id":"1"}}]}`))
	f.Add([]byte(`{"responses":[{"id":"1","status":200,"headers":{"A":"b"},"body":{"id":"1"}}]}`))
	f.Add([]byte(`{"requests":[{"id":"1","id":"2","method":"POST","url":"t","headers":null,"body":null}],"requests":[]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		if requests, err := table.ParseBatch(data); err == nil {
			again, err := table.ParseBatch(table.AppendBatch(nil, requests))
			if err != nil || len(requests) != len(again) {
				t.Fatalf("%q is read as %+v, and again as %+v (%v)", data, requests, again, err)
			}
		} else if c := table.CodeOf(err); c != table.CodeInvalid && c != table.CodeLimit {
			t.Fatalf("%q: %v", data, err)
		}
		if responses, err := table.ParseResponses(data); err == nil {
			again, err := table.ParseResponses(table.AppendResponses(nil, responses))
			if err != nil || len(responses) != len(again) {
				t.Fatalf("%q is read as %+v, and again as %+v (%v)", data, responses, again, err)
			}
		} else if table.CodeOf(err) != table.CodeServer {
			t.Fatalf("%q: %v", data, err)
		}
	})
}

func FuzzParsePage(f *testing.F) {
	f.Add([]byte(`{"value":[{"id":"a","x":1},{"id":"b","@removed":{"reason":"deleted"}}],"@odata.count":1,"@odata.nextLink":"/t?$deltatoken=a%20b"}`))
	f.Add([]byte(`{"value":[],"@odata.deltaLink":"https://x/t?%24deltatoken=a+b#c"}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		page, err := table.ParsePage(data)
		if err != nil {
			if table.CodeOf(err) != table.CodeServer {
				t.Fatalf("%q: %v has another code than server", data, err)
			}
			return
		}
		again, err := table.ParsePage(table.AppendPage(nil, page, "/tables/t?$top=1"))
		if err != nil || !reflect.DeepEqual(again, page) {
			t.Fatalf("%q is read as %+v, and again as %+v (%v)", data, page, again, err)
		}
	})
}
