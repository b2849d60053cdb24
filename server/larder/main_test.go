package main

import (
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"larder": main})
}

// TestScript runs the stories in testdata/script. Besides testscript's own commands, a story may use
//
//	serve [FLAG…]                  starts the server on a free port, and waits until it serves
//	end                            asks the server to end, which must go well, and leaves its log in server.log
//	http STATUS METHOD PATH [NAME:VALUE|NAME:@FILE…] [BODY|@FILE]
//	                               must be answered so; stdout is the answer's body, stderr its headers
//	refuses CODE TEXT [ARG…]       runs larder, which must end with this code, print nothing, and say only TEXT
//	is stdout|stderr|FILE TEXT     must hold just that, but for white space at the ends
//	occupy                         listens on a free port, and sets $TAKEN to its address
func TestScript(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(env *testscript.Env) error {
			env.Values[storyKey{}] = &story{}
			return nil
		},
		Condition: func(name string) (bool, error) {
			if name == "root" { // whom no file's mode stops
				return os.Geteuid() == 0, nil
			}
			return false, fmt.Errorf("unknown condition %q", name)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"serve":   serve,
			"end":     end,
			"http":    ask,
			"refuses": refuses,
			"is":      is,
			"occupy":  occupy,
		},
		RequireUniqueNames: true,
	})
}

type storyKey struct{}

// story is what lasts from one line of a story to the next.
type story struct {
	server *process // nil when none runs
}

func serve(ts *testscript.TestScript, neg bool, args []string) {
	s := ts.Value(storyKey{}).(*story)
	if neg || s.server != nil {
		ts.Fatalf("usage: serve [FLAG…], and one server at a time")
	}
	server, err := startProcess(ts.MkAbs("."), ts.Getenv, args...)
	ts.Check(err)
	s.server = server
	ts.Defer(func() {
		if s.server == server { // the story failed
			server.kill()
			ts.Logf("[server]\n%s", server.text())
		}
	})
}

func end(ts *testscript.TestScript, neg bool, args []string) {
	s := ts.Value(storyKey{}).(*story)
	if neg || len(args) != 0 || s.server == nil {
		ts.Fatalf("usage, when a server runs: end")
	}
	ts.Check(s.server.terminate())
	err := s.server.wait()
	log := s.server.text()
	s.server = nil
	ts.Check(os.WriteFile(ts.MkAbs("server.log"), []byte(log), 0o600))
	if err != nil || strings.Contains(log, "goroutine ") {
		ts.Fatalf("the server ended with %v and this log:\n%s", err, log)
	}
}

func ask(ts *testscript.TestScript, neg bool, args []string) {
	s := ts.Value(storyKey{}).(*story)
	if neg || len(args) < 3 || s.server == nil {
		ts.Fatalf("usage, when a server runs: http STATUS METHOD PATH [NAME:VALUE…] [BODY|@FILE]")
	}
	status, err := strconv.Atoi(args[0])
	ts.Check(err)
	header, rest := http.Header{}, args[3:]
	for len(rest) > 0 {
		name, value, ok := strings.Cut(rest[0], ":")
		if !ok || strings.ContainsAny(name, `@{["`) {
			break
		}
		if file, from := strings.CutPrefix(value, "@"); from {
			value = strings.TrimSpace(ts.ReadFile(file))
		}
		header.Add(name, value)
		rest = rest[1:]
	}
	var body io.Reader
	if len(rest) > 0 {
		text := rest[0]
		if name, ok := strings.CutPrefix(text, "@"); ok {
			text = ts.ReadFile(name)
		}
		body = strings.NewReader(text)
	}
	request, err := http.NewRequest(args[1], s.server.url+args[2], body)
	ts.Check(err)
	request.Header, request.Host = header, header.Get("Host")
	if header.Get("Transfer-Encoding") == "chunked" {
		request.ContentLength = -1 // not told
	}
	if header.Get("Accept-Encoding") == "" { // else what comes would be unpacked unseen
		header.Set("Accept-Encoding", "identity")
	}
	// No redirects: where an answer sends its reader is part of the answer.
	answer, err := http.DefaultTransport.RoundTrip(request)
	ts.Check(err)
	defer answer.Body.Close()
	_, err = io.Copy(ts.Stdout(), answer.Body)
	ts.Check(err)
	ts.Check(answer.Header.Write(ts.Stderr()))
	if answer.StatusCode != status {
		ts.Fatalf("%s, not %d", answer.Status, status)
	}
}

func refuses(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: refuses CODE TEXT [ARG…]")
	}
	code := 0
	if err := ts.Exec("larder", args[2:]...); err != nil {
		ended, ok := err.(*exec.ExitError)
		if !ok {
			ts.Fatalf("%v", err)
		}
		code = ended.ExitCode()
	}
	if strconv.Itoa(code) != args[0] {
		ts.Fatalf("exit code %d, not %s", code, args[0])
	}
	if out := ts.ReadFile("stdout"); out != "" {
		ts.Fatalf("it printed %q", out)
	}
	is(ts, false, []string{"stderr", "larder: " + args[1]})
}

func is(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: is stdout|stderr|FILE TEXT")
	}
	if got := strings.TrimSpace(ts.ReadFile(args[0])); got != strings.TrimSpace(args[1]) {
		ts.Fatalf("%s is\n\t%s\nnot\n\t%s", args[0], got, args[1])
	}
}

func occupy(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 0 {
		ts.Fatalf("usage: occupy")
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	ts.Check(err)
	ts.Defer(func() { l.Close() })
	ts.Setenv("TAKEN", l.Addr().String())
}

// flagVariables are the names that the environment has for the flags of all commands.
func flagVariables() []string {
	var names []string
	for _, c := range commands() {
		f := newFlags(c)
		c.flags(f)
		f.VisitAll(func(fl *flag.Flag) { names = append(names, variable(fl.Name)) })
	}
	return names
}
