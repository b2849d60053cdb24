package sqlite

import (
	"database/sql/driver"
	"strings"
	"sync"

	lib "modernc.org/sqlite"

	"github.com/larder-sync/larder/table"
)

// functions are what the dialect [db.SQLite] asks for, by name and number of arguments: filters' own functions, as the
// evaluator of filters has them, for those that SQLite has not or has otherwise.
var functions = map[string]int32{
	"tolower": 1, "toupper": 1, "round": 1, "endswith": 2, "substring": -1, "div": 2, "mod": 2, "date": 1,
}

// register gives the driver the functions and the collation, once, before the first connection is made.
var register = sync.OnceValue(func() error {
	for name, args := range functions {
		call := func(_ *lib.FunctionContext, args []driver.Value) (driver.Value, error) {
			return evaluate(name, args), nil
		}
		if err := lib.RegisterDeterministicScalarFunction("larder_"+name, args, call); err != nil {
			return err
		}
	}
	return lib.RegisterCollationUtf8("utf16", table.CompareText)
})

func evaluate(name string, args []driver.Value) driver.Value {
	list := make([]table.Expr, len(args))
	for i, v := range args {
		if n, ok := v.(int64); ok {
			v = float64(n)
		}
		list[i] = table.Literal{Value: v}
	}
	var e table.Expr = table.Call{Func: name, Args: list}
	switch name {
	case "div", "mod":
		e = table.Arithmetic{Op: table.Op(name), Left: list[0], Right: list[1]}
	case "date":
		text, ok := args[0].(string)
		iso, err := table.ParseDate(text)
		if !ok || err != nil {
			return nil
		}
		return iso
	}
	v := table.Eval(e, nil)
	if b, ok := v.(bool); ok {
		return int64(map[bool]int{true: 1}[b])
	}
	if s, ok := v.(string); ok {
		return strings.Clone(s) // the driver's text may be gone when the result is read
	}
	return v
}
