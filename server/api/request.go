package api

import (
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/larder-sync/larder/server/access"
	"github.com/larder-sync/larder/table"
)

// identify returns the request with its user known. A token that is no good is refused everywhere, where none is needed too:
// the app is to notice.
func (a *API) identify(r *http.Request) (*http.Request, error) {
	if err := checkSize(r); err != nil {
		return r, err
	}
	token := access.Token(r, strings.HasSuffix(r.URL.Path, "/live") || strings.HasSuffix(r.URL.Path, "/$live"))
	if token == "" {
		return r, nil
	}
	u, err := a.access.Verify(r.Context(), token)
	if err != nil || u == nil {
		return r, err
	}
	return r.WithContext(access.NewContext(r.Context(), u)), nil
}

func parseQuery(u *url.URL) (url.Values, error) {
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return nil, table.Errorf(table.CodeQuery, "the URL's query cannot be read").Because(err)
	}
	return query, nil
}

// readBody returns the body of a request that must be JSON. No Content-Type counts as JSON.
func (a *API) readBody(r *http.Request) ([]byte, error) {
	if header := r.Header.Get("Content-Type"); header != "" {
		kind, _, err := mime.ParseMediaType(header)
		if err != nil || kind != "application/json" && kind != "text/json" && !strings.HasSuffix(kind, "+json") {
			return nil, status(http.StatusUnsupportedMediaType, table.Errorf(table.CodeInvalid,
				"the Content-Type is ", strconv.QuoteToGraphic(header), ": send application/json"))
		}
	}
	data, err := io.ReadAll(r.Body)
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) {
		return nil, table.Errorf(table.CodeLimit, "the request's body is larger than the server's --max-body of ",
			strconv.FormatInt(a.maxBody, 10), " bytes: send less at once")
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return nil, status(http.StatusRequestTimeout, table.Errorf(table.CodeLimit, "the request's body took longer than ",
			strconv.Itoa(int(BodyTime/time.Second)), " seconds to come: send less at once"))
	}
	if err != nil {
		return nil, table.Errorf(table.CodeInvalid, "the request's body cannot be read").Because(err)
	}
	return data, nil
}

// probe answers what no cache and no captive portal can: it repeats a text that the caller has just made up. Every page
// may ask, because the answer says nothing but that the server is there.
func probe(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Access-Control-Allow-Origin", "*")
	h.Set("Access-Control-Expose-Headers", table.HeaderProbe)
	h.Set("Cache-Control", "no-store")
	if r.Method == http.MethodOptions {
		h.Set("Access-Control-Allow-Methods", "GET, HEAD")
		h.Set("Access-Control-Allow-Headers", "*")
		w.WriteHeader(http.StatusNoContent)
		return
	}
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		h.Set("Allow", "GET, HEAD, OPTIONS")
		http.Error(w, "the probe is asked by GET", http.StatusMethodNotAllowed)
		return
	}
	nonce := r.URL.Query().Get("n")
	if len(nonce) > 128 || strings.ContainsFunc(nonce, func(c rune) bool { return c <= ' ' || c > '~' }) {
		http.Error(w, "n is not a text of at most 128 visible ASCII characters", http.StatusBadRequest)
		return
	}
	h.Set(table.HeaderProbe, nonce)
	w.WriteHeader(http.StatusNoContent)
}
