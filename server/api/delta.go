package api

import (
	"net/http"
	"net/url"
	"strconv"

	"github.com/larder-sync/larder/server/db"
	"github.com/larder-sync/larder/table"
)

// maxDelta is the greatest $top of a delta page.
const maxDelta = 10_000

// delta answers what changed after a token; an empty token asks for the live records. Records go out as they are stored: the
// page is one value of the database.
func (a *API) delta(r *http.Request, t *db.Table, query url.Values) (reply, error) {
	if _, err := a.context(r, t, db.Read); err != nil {
		return reply{}, err
	}
	since := db.Since{Limit: table.DefaultDeltaPage}
	for name := range query {
		switch name {
		case "$filter", "$orderby", "$skip", "$select", "$inlinecount":
			// Leaving it out would bring rows that were not asked for.
			return reply{}, table.Errorf(table.CodeQuery, name, " cannot be combined with ", table.ParamDeltaToken)
		}
	}
	if text := query.Get("$top"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 || n > maxDelta {
			return reply{}, table.Errorf(table.CodeQuery, "$top is not a number from 1 to ", strconv.Itoa(maxDelta))
		}
		since.Limit = n
	}
	count := query.Get("$count")
	if count != "" && count != "true" && count != "false" {
		return reply{}, table.Errorf(table.CodeQuery, "$count is neither true nor false")
	}
	if token := query.Get(table.ParamDeltaToken); token == "" {
		since.First = true
	} else {
		cursor, err := db.ParseCursor(token)
		if err != nil {
			return reply{}, err
		}
		since.Cursor = cursor
	}
	page, err := a.db.Changes(r.Context(), t.StoredName(), since)
	if err != nil {
		return reply{}, err
	}

	link := table.PathTables + t.Name() + "?"
	if query.Has("$top") {
		link += "$top=" + strconv.Itoa(since.Limit) + "&"
	}
	if count == "true" {
		link += "$count=true&"
	}
	link += table.ParamDeltaToken + "=" + table.EscapeID(page.Next.String())
	body := make([]byte, 0, len(page.JSON)+len(link)+128)
	body = append(body, `{"value":[`...)
	body = append(body, page.JSON...)
	body = append(body, ']')
	if count == "true" {
		body = append(body, `,"`+table.FieldCount+`":`...)
		body = strconv.AppendInt(body, page.Live, 10)
	}
	field := table.FieldDeltaLink
	if page.More {
		field = table.FieldNextLink
	}
	body = append(body, `,"`+field+`":`...)
	body = table.AppendJSON(body, link)
	body = append(body, '}')
	return reply{status: http.StatusOK, body: body}, nil
}
