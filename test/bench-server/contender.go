//go:build linux

package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/larder-sync/larder/test/process"
)

// contender is a server with a table of notes that everybody may read and write.
type contender interface {
	name() string
	server() *process.Server
	// create is the path and the body by which a row with a text is inserted.
	create(text string) (path, body string)
	// changed reads a page of 1,000 changed rows that follow a cursor, "" for the first, and returns how many it had.
	changed(cursor string) (rows int, next string, err error)
	// listen lets one more of an audience hear of the changes.
	listen(*audience) error
}

// transport keeps enough connections open for all clients of a test.
var client = &http.Client{Transport: &http.Transport{MaxIdleConns: 256, MaxIdleConnsPerHost: 256, DisableCompression: true}}

// ask sends JSON and reads it into answer, if there is one.
func ask(method, url, token string, body, answer any) error {
	text, err := json.Marshal(body)
	if err != nil {
		return err
	}
	r, err := http.NewRequest(method, url, bytes.NewReader(text))
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("ZUMO-API-VERSION", "2.0.0")
	if token != "" {
		r.Header.Set("Authorization", token)
	}
	return do(r, answer)
}

func do(r *http.Request, answer any) error {
	response, err := client.Do(r)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode >= 300 {
		err = fmt.Errorf("%s %s: %s %s", r.Method, r.URL, response.Status, text)
	}
	if err == nil && answer != nil {
		err = json.Unmarshal(text, answer)
	}
	return err
}

// read returns what is at a URL. The text is only looked into: the load is to cost less than the servers.
func read(url string) ([]byte, error) {
	response, err := client.Get(url)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	var text bytes.Buffer
	text.Grow(int(max(response.ContentLength, 512<<10)) + bytes.MinRead)
	_, err = text.ReadFrom(response.Body)
	if err == nil && response.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s %s", url, response.Status, text.Bytes())
	}
	return text.Bytes(), err
}

type larder struct {
	p     *process.Server
	title string
}

func startLarder(program, dir, synchronous string) (contender, error) {
	if err := declare(dir); err != nil {
		return nil, err
	}
	address, err := process.FreeAddress()
	if err != nil {
		return nil, err
	}
	args := []string{"serve", "--addr", address, "--web", "", "--max-live", "20000"}
	if synchronous == "NORMAL" {
		args = append(args, "--relaxed")
	}
	p, err := process.Start(dir, address, "/readyz", program, args...)
	return &larder{p, "Larder, " + synchronous}, err
}

// declare writes the file of the table.
func declare(dir string) error {
	if err := os.MkdirAll(filepath.Join(dir, "tables"), 0o700); err != nil {
		return err
	}
	table := `{"columns": {"text": "string", "owner": "string", "done": "boolean"}, "indexes": ["owner"]}`
	return os.WriteFile(filepath.Join(dir, "tables/note.json"), []byte(table), 0o600)
}

func (l *larder) name() string            { return l.title }
func (l *larder) server() *process.Server { return l.p }

func (l *larder) create(text string) (path, body string) { return "/tables/note", row(text) }

// row is a row as JSON. The text has nothing that JSON escapes.
func row(text string) string { return `{"text":"` + text + `","owner":"somebody","done":false}` }

func (l *larder) changed(cursor string) (int, string, error) {
	if cursor == "" {
		cursor = "/tables/note?$top=1000&$deltatoken="
	}
	page, err := read(l.p.URL + cursor)
	if err != nil {
		return 0, "", err
	}
	_, link, _ := bytes.Cut(page[max(0, len(page)-200):], []byte(`"@odata.nextLink":"`)) // last of all, and not there at the end
	next, _, _ := bytes.Cut(link, []byte(`"`))
	return bytes.Count(page, []byte(`"version":`)), string(next), nil
}

func (l *larder) listen(a *audience) error {
	_, err := a.join(l.p, "/tables/note/live", "id:")
	return err
}

type pocketbase struct {
	p     *process.Server
	title string
}

func startPocketBase(program, dir, synchronous string) (contender, error) {
	const user, password = "bench@example.com", "not-a-secret-1234"
	if out, err := exec.Command(program, "superuser", "upsert", user, password, "--dir", dir).CombinedOutput(); err != nil {
		return nil, fmt.Errorf("superuser: %w\n%s", err, out)
	}
	address, err := process.FreeAddress()
	if err != nil {
		return nil, err
	}
	if err := os.Setenv("SYNCHRONOUS", synchronous); err != nil { // PocketBase opens its database before it reads flags
		return nil, err
	}
	p, err := process.Start(dir, address, "/api/health", program, "serve", "--http", address, "--dir", dir)
	if err != nil {
		return nil, err
	}
	var session struct{ Token string }
	err = ask("POST", p.URL+"/api/collections/_superusers/auth-with-password", "",
		map[string]any{"identity": user, "password": password}, &session)
	everybody := ""
	if err == nil {
		err = ask("POST", p.URL+"/api/collections", session.Token, map[string]any{
			"name": "note", "type": "base",
			"listRule": &everybody, "viewRule": &everybody, "createRule": &everybody, "updateRule": &everybody,
			"fields": []map[string]any{
				{"name": "text", "type": "text"}, {"name": "owner", "type": "text"}, {"name": "done", "type": "bool"},
				{"name": "created", "type": "autodate", "onCreate": true},
				{"name": "updated", "type": "autodate", "onCreate": true, "onUpdate": true},
			},
			"indexes": []string{
				"CREATE INDEX note_owner ON note (owner)", "CREATE INDEX note_updated ON note (updated, id)",
			},
		}, nil)
	}
	if err != nil {
		p.Stop()
	}
	return &pocketbase{p, "PocketBase, " + synchronous}, err
}

func (b *pocketbase) name() string            { return b.title }
func (b *pocketbase) server() *process.Server { return b.p }

func (b *pocketbase) create(text string) (path, body string) {
	return "/api/collections/note/records", row(text)
}

// changed pages by the time of the last row, as an app must that wants what changed; no row is counted that came before.
func (b *pocketbase) changed(cursor string) (int, string, error) {
	filter := ""
	if cursor != "" {
		filter = "&filter=" + strings.ReplaceAll("(updated>'"+cursor+"')", " ", "%20")
	}
	page, err := read(b.p.URL + "/api/collections/note/records?perPage=1000&skipTotal=1&sort=updated,id" + filter)
	if err != nil {
		return 0, "", err
	}
	n, at := bytes.Count(page, []byte(`"collectionId":`)), bytes.LastIndex(page, []byte(`"updated":"`))
	if n < 1000 || at < 0 {
		return n, "", nil
	}
	next, _, _ := bytes.Cut(page[at+len(`"updated":"`):], []byte(`"`))
	return n, string(next), nil
}

func (b *pocketbase) listen(a *audience) error {
	text, err := a.join(b.p, "/api/realtime", "data:")
	if err != nil {
		return err
	}
	var hello struct{ ClientID string }
	_, data, _ := bytes.Cut(text, []byte("data:"))
	if err := json.NewDecoder(bytes.NewReader(data)).Decode(&hello); err != nil {
		return fmt.Errorf("PocketBase greets with %q: %w", text, err)
	}
	return ask("POST", b.p.URL+"/api/realtime", "", map[string]any{"clientId": hello.ClientID, "subscriptions": []string{"note/*"}},
		nil)
}
