// Package table holds the words that both sides of Larder speak: records and their JSON, schemas, queries, the changes
// that wait to be sent, what crosses the wire, and how two changes of one record merge. It does no I/O and keeps no state.
//
// # Basics
//
// A [Record] is one row. [ParseRecord] reads one and [AppendJSON] writes one. A [Schema], most often a part of a
// [Database] that [ParseDatabase] read, says what a table's records look like: [Schema.Normalize] checks a record and
// gives it the form in which it is stored. A [Query] asks for records: it is read from an object ([ParseQuery]) or a URL
// ([ParseParameters]), its Filter from OData text ([ParseFilter]); [Query.Check] holds it against a schema, and
// [Query.Apply] answers it from a slice. Stores that know better ways to an answer walk the filter's tree ([Expr]).
//
// An [Operation] is a change on its way to the server; many of them are a batch ([AppendBatch], [ParseBatch]). What comes
// back is a delta ([ParsePage]). [Merge] brings together what both sides did to one record.
//
// # Guarantees
//
// No text from outside makes a function of this package panic, recurse without bound or read on for ever. Every error is
// an [Error] with the code that its function names.
//
// What [ParseJSON] accepts, [AppendJSON] writes so that JavaScript, and ParseJSON, read the same value back, and equal
// values become equal bytes. No number is silently rounded.
//
// A filter that was parsed prints as text that parses to the same tree. Queries find the same wherever they are answered,
// by [Query.Apply], a store's indexes, SQLite or PostgreSQL: the vectors in testdata/query, which other languages can run
// too, and package tabletest hold all of them to it.
//
// Functions do not change their arguments, and results share parts of them only where that is said.
//
// # Caveats
//
// The strings of a parsed record share one copy of the whole input. To keep one string of a large page for long, clone it.
//
// The zero [Query] takes no records: start with [NewQuery].
//
// [AppendJSON] trusts its caller: a value that contains itself never ends. [Schema.Check] refuses such a record.
//
// In filters, lengths and positions count code points, and text compares by UTF-16 code unit, case-sensitively.
// Whether div cuts is decided by its values, not by the types of columns: 5 div 2 is 2 even in a column of numbers, and
// 5.5 div 2 is 2.75. Calculations that have no finite result, such as a division by zero, are null.
//
// [Equal] and [Merge] take null columns for absent ones, but a null inside a json column's value is part of that value.
//
// Whole numbers from 2^53 to 1e21 are refused even in columns of numbers: JavaScript writes them as digits that may be
// those of a neighbour. Larger ones, which it writes with an exponent, are taken.
package table
