// Package azure_test holds the server to Azure Mobile Apps' contract: case by case over each database (testdata, one file for
// each section of the protocol), and by driving Microsoft's own JavaScript client, unmodified.
package azure_test

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/larder-sync/larder/server/servertest"
	"github.com/larder-sync/larder/test/postgres"
)

// databases are what the contract is kept over: each gives the URL of a new one.
var databases = map[string]func(*testing.T) string{
	"sqlite":   func(t *testing.T) string { return "sqlite:" + filepath.Join(t.TempDir(), "larder.db") },
	"postgres": func(t *testing.T) string { return postgres.New(t) },
}

// least is how many cases there must be: a file that is lost, or not read to its end, is noticed.
const least = 250

func TestContract(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil {
		t.Fatal(err)
	}
	sections := map[string][]exchange{}
	cases := 0
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		list, err := parse(string(text))
		if err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		sections[strings.TrimSuffix(filepath.Base(file), ".txt")] = list
		cases += len(list)
	}
	if cases < least {
		t.Errorf("there are %d cases; there were %d", cases, least)
	}
	for name, open := range databases {
		t.Run(name, func(t *testing.T) {
			for section, list := range sections {
				t.Run(section, func(t *testing.T) { play(t, open(t), list) })
			}
		})
	}
}

// play runs the cases of one section in their order, on one server.
func play(t *testing.T, database string, list []exchange) {
	s := servertest.New(t, options(t, database))
	saved := map[string]string{"url": s.URL, "host": strings.TrimPrefix(s.URL, "http://"), "anna": s.Token("anna"), "ben": s.Token("ben")}
	for name, token := range tokens(t) {
		saved[name] = token
	}
	for _, x := range list {
		if !t.Run(x.name, func(t *testing.T) { x.run(t, s.URL, saved) }) && x.saves() {
			t.Fatalf("later cases need %q", x.name)
		}
	}
}

// exchange is a request and what must be answered. Its text is
//
//	== what it shows
//	GET /tables/todoitem?$top=1
//	Header: value
//	body
//	--
//	200
//	Header: a part of its value     (or "Header!" for none)
//	a part of the body, "!" and what is not in it, "=" and all of it, "~" and a pattern
//	>name Header                    (keeps the value for {{name}} in what follows; "body" keeps the body)
//
// Requests speak version 2.0.0, or what stands in the file's "version:" line, unless they have the header.
type exchange struct {
	name, method, target string
	header               []string
	body                 string
	status               int
	want                 []string
}

var headerLine = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9-]*[:!]( |$)`)

func parse(text string) ([]exchange, error) {
	var list []exchange
	head, rest, _ := strings.Cut(text, "== ")
	version := "2.0.0"
	for line := range strings.Lines(head) {
		if v, ok := strings.CutPrefix(line, "version:"); ok {
			version = strings.TrimSpace(v)
		}
	}
	for part := range strings.SplitSeq(rest, "\n== ") {
		request, answer, ok := strings.Cut(part, "\n--\n")
		lines := strings.Split(request, "\n")
		if !ok || len(lines) < 2 {
			return nil, fmt.Errorf("%q is not a request and an answer", lines[0])
		}
		x := exchange{name: lines[0]}
		x.method, x.target, _ = strings.Cut(lines[1], " ")
		for i, line := range lines[2:] {
			if !headerLine.MatchString(line) {
				x.body = strings.Join(lines[2+i:], "\n")
				break
			}
			x.header = append(x.header, line)
		}
		if !slices.ContainsFunc(x.header, func(h string) bool { return strings.HasPrefix(strings.ToUpper(h), "ZUMO-API-VERSION:") }) && version != "" {
			x.header = append(x.header, "ZUMO-API-VERSION: "+version)
		}
		wants := strings.Split(strings.TrimSpace(answer), "\n")
		var err error
		if x.status, err = strconv.Atoi(wants[0]); err != nil {
			return nil, fmt.Errorf("%q: the status: %w", x.name, err)
		}
		x.want = wants[1:]
		list = append(list, x)
	}
	return list, nil
}

// saves reports whether later cases may need something of this one.
func (x *exchange) saves() bool {
	return slices.ContainsFunc(x.want, func(w string) bool { return strings.HasPrefix(w, ">") })
}

var variable = regexp.MustCompile(`\{\{(\w+)\}\}`)

func fill(text string, saved map[string]string) string {
	return variable.ReplaceAllStringFunc(text, func(m string) string {
		if v, ok := saved[m[2:len(m)-2]]; ok {
			return v
		}
		return m
	})
}

// repeated stands for a long text: {{a*300}}.
var repeated = regexp.MustCompile(`\{\{(.)\*(\d+)\}\}`)

func long(text string) string {
	return repeated.ReplaceAllStringFunc(text, func(m string) string {
		n, _ := strconv.Atoi(m[4 : len(m)-2]) // the pattern has digits there
		return strings.Repeat(m[2:3], n)
	})
}

func (x *exchange) run(t *testing.T, base string, saved map[string]string) {
	target := long(fill(x.target, saved))
	// Browsers encode no more than this of what the client leaves as it is.
	target = strings.NewReplacer(" ", "%20", "'", "%27", `"`, "%22").Replace(target)
	if !strings.HasPrefix(target, "http") {
		target = base + target
	}
	r, err := http.NewRequestWithContext(t.Context(), x.method, target, strings.NewReader(long(fill(x.body, saved))))
	if err != nil {
		t.Fatal(err)
	}
	if x.body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for _, h := range x.header {
		name, value, _ := strings.Cut(h, ":")
		if value = strings.TrimSpace(long(fill(value, saved))); value == "" {
			r.Header.Del(name)
		} else {
			r.Header.Set(name, value)
		}
	}
	w, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Body.Close()
	body, err := io.ReadAll(w.Body)
	if err != nil {
		t.Fatal(err)
	}
	if w.StatusCode != x.status {
		t.Fatalf("%s %s: status %d, want %d: %s", x.method, target, w.StatusCode, x.status, body)
	}
	for _, want := range x.want {
		if why := check(w.Header, string(body), fill(want, saved), saved); why != "" {
			t.Errorf("%s %s: %s\n%v\n%s", x.method, target, why, w.Header, body)
		}
	}
}

// check returns what is wrong with an answer, "" for nothing.
func check(header http.Header, body, want string, saved map[string]string) string {
	if name, from, ok := strings.Cut(strings.TrimPrefix(want, ">"), " "); ok && want[0] == '>' {
		if saved[name] = header.Get(from); from == "body" {
			saved[name] = body
		}
		if saved[name] == "" {
			return "there is no " + from
		}
		return ""
	}
	if headerLine.MatchString(want) {
		end := strings.IndexAny(want, ":!")
		got, part := strings.Join(header.Values(want[:end]), ", "), strings.TrimSpace(want[end+1:])
		if want[end] == '!' && got != "" || want[end] == ':' && (got == "" || !strings.Contains(got, part)) {
			return fmt.Sprintf("the header is %q, not %q", got, want)
		}
		return ""
	}
	ok := strings.Contains(body, want)
	switch want[0] {
	case '!':
		ok = !strings.Contains(body, want[1:])
	case '=':
		ok = body == want[1:]
	case '~':
		ok = regexp.MustCompile(want[1:]).MatchString(body)
	}
	if !ok {
		return "the body is not " + want
	}
	return ""
}
