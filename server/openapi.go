package server

import (
	"net/http"
	"strings"

	"github.com/larder-sync/larder/server/access"
	"github.com/larder-sync/larder/server/api"
	"github.com/larder-sync/larder/server/db"
	"github.com/larder-sync/larder/table"
)

// PathOpenAPI is where the description of the server's routes is, if [Options.OpenAPI] asks for it.
const PathOpenAPI = "/openapi.json"

type object = map[string]any

// described answers a description of all that the server can be asked.
func described(document object) http.Handler {
	text := table.AppendJSON(nil, document)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Cache-Control", "no-cache")
		_, _ = w.Write(text) // a failure is the client's connection
	})
}

// describe is the server's routes as OpenAPI 3.1 has it. Operations that are disabled are left out.
func describe(tables []*db.Table, apis []API) object {
	paths, schemas := object{}, object{"error": errorSchema}
	for _, t := range tables {
		describeTable(paths, t)
		schemas[t.Name()] = schemaOf(t)
	}
	for _, a := range apis {
		methods := object{}
		for name, m := range a.Methods {
			rule := m.Access
			if rule == "" {
				rule = a.Access
			}
			if rule != db.Disabled {
				methods[strings.ToLower(name)] = operation("The program's own API "+a.Name+".", rule, nil, nil,
					answers{"200": "As the program says."})
			}
		}
		paths[api.PathAPI+a.Name] = methods
	}
	describeOwn(paths)
	return object{
		"openapi": "3.1.0",
		"info": object{"title": "Larder", "version": table.ZUMOVersion,
			"description": "Tables, as Azure Mobile Apps' clients use them, and their sync."},
		"paths": paths,
		"components": object{
			"schemas": schemas,
			"securitySchemes": object{
				"bearer": object{"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
				"zumo":   object{"type": "apiKey", "in": "header", "name": access.HeaderToken},
			},
		},
	}
}

// answers are descriptions by status.
type answers map[string]string

var errorSchema = object{"type": "object", "properties": object{"code": kind("string"), "error": kind("string")}}

func kind(name string) object { return object{"type": name} }

func reference(t *db.Table) object { return object{"$ref": "#/components/schemas/" + t.Name()} }

func content(schema any) object { return object{"application/json": object{"schema": schema}} }

// operation describes one method of a path. Answers of statuses from 400 on are errors.
func operation(summary string, rule Access, parameters []any, body any, all answers) object {
	responses := object{}
	for status, text := range all {
		answer := object{"description": text}
		if status >= "400" {
			answer["content"] = content(object{"$ref": "#/components/schemas/error"})
		}
		responses[status] = answer
	}
	o := object{"summary": summary, "responses": responses}
	if len(parameters) > 0 {
		o["parameters"] = parameters
	}
	if body != nil {
		o["requestBody"] = object{"required": true, "content": content(body)}
	}
	if rule == db.Authenticated {
		o["security"] = []any{object{"bearer": []any{}}, object{"zumo": []any{}}}
		responses["401"] = object{"description": "Nobody is signed in, or the token is no good."}
	}
	return o
}

func parameter(in, name, of, text string) object {
	return object{"in": in, "name": name, "required": in == "path", "schema": kind(of), "description": text}
}

var (
	inID      = parameter("path", "id", "string", "The record's id.")
	inVersion = parameter("header", table.HeaderZUMOVersion, "string", "2.0.0 or 3.0.0.")
	inMatch   = parameter("header", "If-Match", "string", "The version that the record must have, in quotes.")
	inFilter  = parameter("query", "$filter", "string", "A condition in OData's words: complete eq false and n gt 3.")
	inTop     = parameter("query", "$top", "integer", "How many records at most.")
	inSkip    = parameter("query", "$skip", "integer", "How many records to leave out in front.")
	inOrder   = parameter("query", "$orderby", "string", "Columns, each with or without desc.")
	inSelect  = parameter("query", "$select", "string", "The columns that are wanted.")
	inCount   = parameter("query", "$inlinecount", "string", "allpages, for the number of all that match.")
	inDeleted = parameter("query", "__includeDeleted", "string", "Any text, for deleted records too.")
	inDelta   = parameter("query", table.ParamDeltaToken, "string", "Asks for what changed since; empty for all.")
	inSince   = parameter("query", "modifiedSince", "string", "Asks for what was written after a time; null for all.")
	inSeen    = parameter("query", table.ParamSeen, "string", "The last version that the client has seen of the table.")
	inTables  = parameter("query", "tables", "string", "Names of tables, separated by commas.")
	inLast    = parameter("header", "Last-Event-ID", "string", "Where to go on.")
)

// repeatable are the headers of a write that may be sent again.
var repeatable = []any{
	parameter("header", table.HeaderRequestID, "string", "The operation's id: sent again, it has the same answer and no effect."),
	parameter("header", table.HeaderClientID, "string", "The client's id, a point, and the operation's number."),
	parameter("header", table.HeaderLost, "string", "The version of a record that the server has lost, and gets back."),
}

const (
	noRecord = "There is no such record."
	oldMatch = "The version in If-Match is old."
)

// changed are the answers to an update.
func changed() answers {
	return answers{"200": "The record.", "404": noRecord, "409": "The version in the body is old.", "412": oldMatch}
}

// describeTable describes a table's paths.
func describeTable(paths object, t *db.Table) {
	list, single := object{}, object{}
	add := func(to object, method string, op db.Operation, summary string, parameters []any, body any, all answers) {
		if rule := t.Rules.For(op); rule != db.Disabled {
			all["400"] = "What was asked cannot be understood."
			given := append([]any{inVersion}, parameters...)
			if op != db.Read {
				given = append(given, repeatable...)
			}
			to[method] = operation(summary, rule, given, body, all)
		}
	}
	record := reference(t)
	add(list, "get", db.Read, "Lists records, or what changed.",
		[]any{inFilter, inOrder, inSkip, inTop, inSelect, inCount, inDeleted, inDelta, inSeen, inSince}, nil,
		answers{"200": "The records.", "410": "The delta token leads nowhere any more."})
	add(list, "post", db.Insert, "Inserts a record.", nil, record,
		answers{"201": "The record.", "409": "The id is taken.", "413": "The body is too large.", "415": "The body is not JSON."})
	add(list, "patch", db.Update, "Changes columns of the record whose id is in the body.", []any{inMatch}, record,
		changed())
	add(list, "delete", db.Delete, "Deletes the records that a filter finds.", []any{inFilter}, nil,
		answers{"200": "The deleted records."})

	add(single, "get", db.Read, "Reads a record.", []any{inID}, nil, answers{"200": "The record.", "404": noRecord})
	add(single, "post", db.Undelete, "Brings a deleted record back.", []any{inID, inMatch}, nil,
		answers{"201": "The record.", "404": noRecord, "412": oldMatch})
	add(single, "patch", db.Update, "Changes columns.", []any{inID, inMatch}, record, changed())
	add(single, "put", db.Update, "Replaces the record (version 3.0.0).", []any{inID, inMatch}, record, changed())
	add(single, "delete", db.Delete, "Deletes a record.", []any{inID, inMatch}, nil,
		answers{"200": "The deleted record.", "204": "It is deleted (version 3.0.0).", "404": noRecord, "412": oldMatch})
	base := table.PathTables + t.Name()
	paths[base], paths[base+"/{id}"] = list, single
	if rule := t.Rules.For(db.Read); rule != db.Disabled {
		paths[base+"/live"] = object{"get": operation("Streams changes as server-sent events.", rule, []any{inLast}, nil,
			answers{"200": "Events, each with a record or {\"resync\":true}.", "429": "There are too many connections."})}
		paths[base+table.PathDigest] = object{"get": describeDigest(rule)}
	}
}

// describeDigest describes how a client compares what it has with what the table holds.
func describeDigest(rule Access) object {
	part := object{"type": "object", "properties": object{
		"to": kind("string"), "count": kind("integer"), "digest": kind("string"),
		"records": object{"type": "array", "items": kind("object")},
	}}
	names := object{"type": "array", "items": kind("string")}
	o := operation("Tells what the table held at a delta token, as digests by ranges of ids.", rule, []any{
		inDelta, inSeen, inFilter,
		parameter("query", table.ParamAfter, "string", "The range begins after this id."),
		parameter("query", table.ParamTo, "string", "The last id of the range."),
		parameter("query", table.ParamSize, "integer", "How many records a part has."),
		parameter("query", table.ParamParts, "integer", "How many parts at most."),
		parameter("query", table.ParamRecords, "boolean", "Whether the records are wanted too."),
	}, nil, answers{"200": "The parts of the range, and the ids of what has changed since.",
		"400": "It is no range, or without a token.",
		"404": noRecord, "409": "Too much has changed since: pull.", "410": "The delta token leads nowhere any more."})
	o["responses"].(object)["200"].(object)["content"] = content(object{"type": "object", "properties": object{
		"parts": object{"type": "array", "items": part}, "changed": names,
	}})
	return o
}

// describeOwn describes what every server has.
func describeOwn(paths object) {
	write := object{"type": "object", "required": []string{"id", "method", "url"}, "properties": object{
		"id": kind("string"), "atomicityGroup": kind("string"), "method": kind("string"), "url": kind("string"),
		"headers": kind("object"), "body": kind("object"),
	}}
	batch := object{"type": "object", "required": []string{"requests"}, "properties": object{
		"requests": object{"type": "array", "items": write},
	}}
	paths[table.PathBatch] = object{"post": operation("Carries out many writes.", db.Anonymous, nil, batch,
		answers{"200": "An answer for each.", "400": "It is no batch.", "413": "There are too many."})}
	paths[table.PathTables+"$live"] = object{"get": operation("Streams the changes of several tables.", db.Anonymous,
		[]any{inTables, inLast}, nil, answers{"200": "Events, named by their tables.", "400": "Which tables?"})}
	paths[access.PathMe] = object{"get": operation("Tells who the caller is.", db.Authenticated, nil, nil,
		answers{"200": "The claims."})}
	installation := func(text string) object {
		return operation(text+" for push notifications, of which there are none.", db.Anonymous, []any{inID}, nil,
			answers{"204": "It is so."})
	}
	paths[api.PathPush+"{id}"] = object{"put": installation("Registers"), "delete": installation("Gives up a registration")}
	for path, text := range map[string]string{
		table.PathProbe: "Answers that the server is there, with the parameter n in the header " + table.HeaderProbe + ".",
		"/healthz":      "Tells that the server lives.", "/readyz": "Tells that it can serve.",
		"/metrics": "Measures, for Prometheus.", PathOpenAPI: "This description.", PathSwagger: "This description in Swagger 2.0.",
	} {
		status := "200"
		if path == table.PathProbe {
			status = "204"
		}
		paths[path] = object{"get": operation(text, db.Anonymous, nil, nil, answers{status: "It does."})}
	}
}

// schemaOf describes a table's records.
func schemaOf(t *db.Table) object {
	id := kind("string")
	if t.AutoIncrement {
		id = kind("integer")
	}
	stamp := func() object { return object{"type": "string", "format": "date-time", "readOnly": true} }
	properties := object{
		table.ColumnID: id, table.ColumnCreatedAt: stamp(), table.ColumnUpdatedAt: stamp(), table.ColumnVersion: kind("string"),
	}
	if t.SoftDelete {
		properties[table.ColumnDeleted] = object{"type": "boolean", "readOnly": true}
	}
	for _, c := range t.Schema.Columns {
		column := object{"type": []string{string(c.Type), "null"}}
		switch c.Type {
		case table.TypeDate:
			column = object{"type": []string{"string", "null"}, "format": "date-time"}
		case table.TypeJSON:
			column = object{}
		}
		properties[c.Name] = column
	}
	return object{"type": "object", "properties": properties, "additionalProperties": t.Schema.Dynamic}
}
