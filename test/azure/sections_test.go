package azure_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// sections lists what the Node SDK gave its users, section by section of the protocol, and how each is shown to be here: by a case
// of the contract ("file: case"), or a test ("file.go Test"). What is left out begins with "no:", and says why.
var sections = map[string]string{
	"1.1 GET of a table":                       "1.01-urls: a list is an array",
	"1.1 GET of a record":                      "1.01-urls: a lookup is 200 with the record",
	"1.1 POST inserts":                         "1.01-urls: an insert is 201 with the record",
	"1.1 POST on an id undeletes":              "1.01-urls: an undelete is 201 with the record",
	"1.1 PATCH, id in the path":                "1.01-urls: an update by id in the path",
	"1.1 PATCH, id in the body":                "1.01-urls: an update by id in the body",
	"1.1 DELETE answers the record":            "1.01-urls: a delete is 200 with the record",
	"1.1 bulk delete":                          "1.01-urls: a bulk delete by filter is 200 with what was deleted",
	"1.1 HEAD":                                 "1.01-urls: HEAD of a record has what GET has, but the body",
	"1.1 names in any case":                    "1.01-urls: a table's name in another case of letters",
	"1.1 custom APIs":                          "1.12-apis: by GET",
	"1.1 /swagger":                             "../../server/swagger_test.go TestSwagger",
	"1.1 /swagger/ui":                          "no: it was there only where swagger-ui was installed; such tools read /swagger by its address",
	"1.1 home page":                            "../../server/larder/testdata/script/serve.txt: larder serves the folders web and tables",
	"1.1 /status":                              "../../server/swagger_test.go TestStatus",
	"1.1 push registration":                    "1.01-urls: push registrations are taken",
	"1.1 login off Azure":                      "client_test.go TestLogin",
	"1.1 /.auth/me":                            "1.13-auth: who am I",
	"1.2 version gate, header":                 "1.02-version: no version",
	"1.2 version gate, parameter":              "1.02-version: in a parameter in small letters",
	"1.2 OPTIONS is exempt":                    "1.02-version: OPTIONS needs none",
	"1.2 skipVersionCheck":                     "../../server/larder/testdata/script/token.txt: --skip-version-check",
	"1.2 a refused request has no effect":      "1.02-version: a refused write has no effect",
	"1.2 x-zumo-server-version":                "1.02-version: the server tells its own",
	"1.2 MS_DisableVersionHeader":              "no: the header says larder and no number: there is nothing to hide",
	"1.3 headers that clients send":            "1.04-headers: all that clients send is taken",
	"1.3 X-ZUMO-FEATURES grows":                "1.04-headers: the list of features grows without bound in the client",
	"1.4 strong ETags":                         "1.04-headers: a record's version is a strong tag",
	"1.4 no 304":                               "1.04-headers: If-None-Match never gives 304",
	"1.4 no caching":                           "1.04-headers: what was read is not kept by caches",
	"1.5 If-Match":                             "1.05-match: an old version is 412 with the server's record and its tag",
	"1.6 $orderby":                             "1.06-query: an order by two columns",
	"1.6 $select":                              "1.06-query: $select of some columns",
	"1.6 $top, pageSize, maxTop":               "1.06-query: a $top above maxTop",
	"1.6 $inlinecount":                         "1.06-query: the count is of all that match",
	"1.6 __includeDeleted":                     "1.06-query: any word asks for them",
	"1.6 Link":                                 "1.06-query: the link keeps the other options",
	"1.6 parameters for hooks":                 "1.06-query: unknown parameters are ignored",
	"1.7 filters":                              "1.07-filter: comparisons chain",
	"1.7 functions":                            "1.07-filter: round half goes away from zero",
	"1.7 syntax errors":                        "1.07-filter: a text without its end",
	"1.8 ids":                                  "1.08-bodies: an id is made where none is sent: a GUID in small letters",
	"1.8 reserved columns":                     "1.08-bodies: createdAt is the server's",
	"1.8 nulls of known columns":               "1.08-bodies: null where they have none",
	"1.8 limits of bodies":                     "6-limits: a body above --max-body",
	"1.8 types":                                "1.08-bodies: a text in a number column",
	"1.9 400, 404, 405, 409, 412":              "1.09-status: a stale version in the body is 409 with the server's record",
	"1.9 401 for bad tokens everywhere":        "1.13-auth: expired, on a table that needs none",
	"1.9 500":                                  "1.09-status: a hook that panics",
	"1.9 the stack in debug mode":              "no: a client is never told where the server's code failed; its log is, under the X-Request-Id",
	"1.10 soft delete":                         "1.10-delete: a second delete",
	"1.10 undelete":                            "1.10-delete: an undelete of what is not deleted succeeds, and moves the version",
	"1.11 columns, static schema":              "1.08-bodies: an unknown column of a static table",
	"1.11 dynamic schema":                      "1.08-bodies: an unknown column of a dynamic table appears",
	"1.11 a missing table on write":            "no: anybody could make tables; one is a file of two bytes: {}",
	"1.11 schema (dbo)":                        "no: a database of one's own, or PostgreSQL's search_path in --db, does the same",
	"1.11 databaseTableName":                   "1.11-tables: a table by another name in the database",
	"1.11 indexes":                             "../../server/db/dbtest/query.go Fill",
	"1.11 autoIncrement":                       "1.08-bodies: numbers for ids, where the server gives them",
	"1.11 seed":                                "1.11-tables: records that expire are there at first",
	"1.11 userIdColumn, perUser":               "1.11-tables: the owner's column may have another name",
	"1.11 recordsExpire":                       "../../server/api/expiry_test.go TestExpiry",
	"1.11 webhook":                             "../../server/api/hook_test.go TestWebhook",
	"1.11 filters":                             "1.11-tables: a filter hides records from reads",
	"1.11 transforms":                          "1.11-tables: a transform changes what is written",
	"1.11 hooks":                               "1.11-tables: a hook changes an item",
	"1.11 access, authorize, disable":          "1.11-tables: authorize says the same as access",
	"1.11 table.read(fn) and the like":         "1.11-tables: a hook answers itself",
	"1.11 table.use, Express middleware":       "../../server/example_test.go Example",
	"1.11 context.tables":                      "../../server/api/hook_test.go s.api.Data(",
	"1.11 context.push":                        "no: notification hubs are Azure's; a webhook or a hook can call one",
	"1.11 tables.import of JavaScript":         "no: the server runs no JavaScript; a table's .json is taken as it is, and hooks are Go",
	"1.11 tables.initialize":                   "../../server/larder/testdata/script/serve.txt: A table has its seeds",
	"1.12 access by method":                    "1.12-apis: a method's own access wins",
	"1.12 a folder of APIs":                    "no: as with tables: they were JavaScript, and are Go",
	"1.13 X-ZUMO-AUTH, Bearer":                 "1.13-auth: X-ZUMO-AUTH wins",
	"1.13 azureSigningKey":                     "../../server/access/access_test.go hex:",
	"1.13 audience, issuer, expiry":            "1.13-auth: for another audience",
	"1.13 validateTokens: false":               "no: it believes whatever a token says; give --jwt-key the signing key of App Service",
	"1.13 getIdentity":                         "../../server/access/identity_test.go TestIdentity",
	"1.13 auth.sign":                           "../../server/larder/testdata/script/token.txt: A token is printed, and the server accepts it",
	"1.13 POST of a provider's token":          "no: OpenID Connect takes the provider's token itself: --oidc-issuer",
	"1.14 CORS":                                "1.14-cors: any name below a host, by its name alone",
	"1.14 on errors":                           "1.14-cors: an error has the headers too",
	"1.15 environment":                         "../../server/larder/testdata/script/flags.txt: Each flag can be given in the environment",
	"1.15 MS_… names":                          "no: they name Azure's connection strings and SQL Server; larder help serve lists our flags",
	"1.15 sqlite":                              "azure_test.go sqlite",
	"1.15 mssql":                               "no: SQL Server; PostgreSQL is the database for several servers",
	"1.15 providers of one's own":              "no: a database must promise an order of commits (package db); an API or a hook reaches any other",
	"1.15 log levels":                          "../../server/larder/testdata/script/flags.txt: it is one of debug, info, warn, error",
	"1b requests without a version":            "../../server/larder/testdata/script/token.txt: --api-version 3.0.0",
	"1b lists, lookups and writes of 3.0.0":    "1b-datasync: a list is always an object",
	"1b conditions of HTTP":                    "1b-datasync: If-None-Match of a read gives 304",
	"1b geo.distance, enums":                   "no: there are no columns of these types",
	"3 getLastSync, getChanges, applyChanges":  "3-classic: everything, with lastModified, and without a version",
	"3 WebSqlSync's and persistence.js's POST": "no: each had a format of its own; a source of one's own reads such a server (package replica)",
}

func TestSections(t *testing.T) {
	cases := map[string]bool{}
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		list, err := parse(string(text))
		if err != nil {
			t.Fatal(err)
		}
		for _, x := range list {
			cases[strings.TrimSuffix(filepath.Base(file), ".txt")+": "+x.name] = true
		}
	}
	elsewhere := regexp.MustCompile(`^(\S+\.(?:go|txt)):? (.+)$`)
	for what, shown := range sections {
		why, left := strings.CutPrefix(shown, "no: ")
		place := elsewhere.FindStringSubmatch(shown)
		switch {
		case left && len(why) > 20, cases[shown]:
		case place != nil:
			if text, err := os.ReadFile(place[1]); err != nil || !strings.Contains(string(text), place[2]) {
				t.Errorf("%s: %s says nothing of %q any more (%v)", what, place[1], place[2], err)
			}
		default:
			t.Errorf("%s: there is no case %q", what, shown)
		}
	}
}
