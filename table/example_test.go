package table_test

import (
	"fmt"

	"github.com/larder-sync/larder/table"
)

func Example() {
	declared, err := table.ParseJSON([]byte(`{"columns": {"text": "string", "due": "date", "cost": "number"}, "indexes": ["due"]}`))
	if err != nil {
		fmt.Println(err)
		return
	}
	todo, err := table.ParseSchema("todoitem", declared)
	if err != nil {
		fmt.Println(err)
		return
	}
	var stored []table.Record
	for _, text := range []string{
		`{"id": "1", "text": "bread", "due": "2026-11-21T09:00:00+01:00", "cost": 2.50}`,
		`{"id": "2", "text": "milk", "due": "2026-11-20"}`,
		`{"id": "3", "text": "salt", "cost": "much"}`,
	} {
		r, err := table.ParseRecord([]byte(text))
		if err == nil {
			r, err = todo.Normalize(r)
		}
		if err != nil {
			fmt.Println(table.CodeOf(err), "-", err)
			continue
		}
		stored = append(stored, r)
	}
	q, err := table.ParseParameters("$filter=due lt datetime'2026-12-01T00:00:00Z'&$orderby=due desc")
	if err == nil {
		err = q.Check(todo)
	}
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, r := range q.Apply(stored) {
		fmt.Println(string(table.AppendJSON(nil, r)))
	}
	// Output:
	// invalid - table todoitem: record 3: column cost of type number cannot hold the text "much"
	// {"cost":2.5,"due":"2026-11-21T08:00:00.000Z","id":"1","text":"bread"}
	// {"due":"2026-11-20T00:00:00.000Z","id":"2","text":"milk"}
}

func ExampleMerge() {
	base := table.Record{"id": "1", "text": "bread", "count": 1.0}
	local := table.Record{"id": "1", "text": "bread", "count": 2.0}
	server := table.Record{"id": "1", "text": "rye bread", "count": 1.0, "version": "k3-8"}

	merged, conflicts := table.Merge(base, local, server)
	fmt.Println(string(table.AppendJSON(nil, merged)), conflicts)

	local["text"] = "toast"
	_, conflicts = table.Merge(base, local, server)
	fmt.Println(conflicts)
	// Output:
	// {"count":2,"id":"1","text":"rye bread","version":"k3-8"} []
	// [text]
}

func ExampleParseFilter() {
	filter, err := table.ParseFilter("(complete eq false) and contains(tolower(text),'milk')")
	fmt.Println(table.FilterText(filter), err)
	fmt.Println(table.Matches(filter, table.Record{"id": "1", "text": "Milk and honey", "complete": false}))

	_, err = table.ParseFilter("complete = false")
	fmt.Println(err)
	// Output:
	// complete eq false and substringof('milk',tolower(text)) <nil>
	// true
	// filter, at position 9: there is no meaning in "="
}
