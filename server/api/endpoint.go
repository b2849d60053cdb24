package api

import (
	"fmt"
	"maps"
	"net/http"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/larder-sync/larder/server/access"
	"github.com/larder-sync/larder/server/db"
	"github.com/larder-sync/larder/table"
)

// PathAPI is where custom APIs are, followed by their names.
const PathAPI = "/api/"

// Endpoint is an API of the program's own, at PathAPI and its name. Its handlers find the user by [access.FromContext].
type Endpoint struct {
	Name    string
	Access  db.Access         // of methods that have none of their own
	Methods map[string]Method // by HTTP's names: "GET". A HEAD is answered by GET's
}

// Method is what an [Endpoint] does for one method.
type Method struct {
	Access  db.Access
	Handler http.Handler
}

// endpoints are the custom APIs by their names in lower case.
type endpoints map[string]Endpoint

func newEndpoints(list []Endpoint) (endpoints, error) {
	all := endpoints{}
	for _, e := range list {
		key := strings.ToLower(e.Name)
		if err := table.CheckName("api", e.Name); err != nil {
			return nil, err
		}
		if _, ok := all[key]; ok {
			return nil, table.Errorf(table.CodeInvalid, "the api ", e.Name, " is defined twice")
		}
		if err := db.CheckAccess(e.Access); err != nil {
			return nil, table.Errorf(table.CodeInvalid, "the api ", e.Name).Because(err)
		}
		own := map[string]Method{}
		for name, m := range e.Methods {
			if err := db.CheckAccess(m.Access); err != nil || m.Handler == nil {
				return nil, table.Errorf(table.CodeInvalid, "the api ", e.Name, ", ", name, ": it needs a handler").Because(err)
			}
			own[strings.ToUpper(name)] = m
		}
		e.Methods = own
		all[key] = e
	}
	return all, nil
}

// find returns what answers a request, or why nothing does.
func (all endpoints) find(r *http.Request) (http.Handler, error) {
	name := strings.TrimPrefix(r.URL.Path, PathAPI)
	e, ok := all[strings.ToLower(name)]
	if !ok {
		return nil, status(http.StatusNotFound, table.Errorf(table.CodeNotFound, "there is no such api"))
	}
	m, ok := e.Methods[r.Method]
	if r.Method == http.MethodHead && !ok {
		m, ok = e.Methods[http.MethodGet]
	}
	if !ok {
		return nil, notAllowed(r.Method, strings.Join(slices.Sorted(maps.Keys(e.Methods)), ", "))
	}
	rule := m.Access
	if rule == "" {
		rule = e.Access
	}
	return m.Handler, allow(rule, access.FromContext(r.Context()), strings.ToLower(r.Method))
}

// custom answers requests below PathAPI. A handler that panics is answered 500, if it has not begun to answer.
func (a *API) custom(w http.ResponseWriter, r *http.Request) {
	begun := &beginning{ResponseWriter: w}
	defer func() {
		p := recover()
		if p == nil {
			return
		}
		if p == http.ErrAbortHandler || begun.begun {
			panic(p) // cuts the connection: what was sent is not the whole
		}
		a.send(w, a.refuse(r, fmt.Errorf("panic: %v\n%s", p, debug.Stack())))
	}()
	r, err := a.identify(r)
	if err != nil {
		a.send(w, a.refuse(r, err))
		return
	}
	h, err := a.endpoints.find(r)
	if err != nil {
		a.send(w, a.refuse(r, err))
		return
	}
	r.Body = http.MaxBytesReader(w, r.Body, a.maxBody)
	w.Header().Set("X-Content-Type-Options", "nosniff")
	h.ServeHTTP(begun, r)
}

// beginning remembers whether an answer has begun.
type beginning struct {
	http.ResponseWriter
	begun bool
}

func (b *beginning) WriteHeader(code int) {
	b.begun = true
	b.ResponseWriter.WriteHeader(code)
}

func (b *beginning) Write(p []byte) (int, error) {
	b.begun = true
	return b.ResponseWriter.Write(p)
}

// Unwrap lets http.ResponseController reach the connection.
func (b *beginning) Unwrap() http.ResponseWriter { return b.ResponseWriter }
