package e2e

import "testing"

// TestBadInput gives the JavaScript API what it must refuse: by name, by a promise, and so that everything goes on.
func TestBadInput(t *testing.T) {
	const bad = `
		const told = async (call) => {
			let promise;
			try { promise = call(); } catch (error) { return 'threw ' + error; }
			if (!(promise instanceof Promise)) return 'no promise';
			try { await promise; return 'no error'; } catch (error) { return (error instanceof LarderError ? error.code : error.name) + ': ' + error.message; }
		};
		const all = async (calls, ...words) => {
			const wrong = [];
			for (const [name, call, ...want] of calls) {
				const got = await told(call);
				if (!want.every((word) => got.includes(word))) wrong.push(name + ' gives ' + got + ', without ' + want.join(' … '));
			}
			await t.put({ id: 'after', text: 'it goes on' });
			return [...wrong, (await t.get('after')).text];
		};`
	call(t, apiPage(t), map[string]apiCase{
		"values that cannot be stored": {bad + `
			const cyclic = { a: {} }; cyclic.a.b = cyclic;
			const own = {}; own.more = own;
			let deep = []; for (let i = 0; i < 5000; i++) deep = [deep];
			const put = (more) => () => t.put({ id: '1', more });
			return all([
				['a function', put(() => 1), 'invalid: put in table item: column more is a function'],
				['a nested function', put({ a: [0, { b() {} }] }), 'column more.a.1.b is a function'],
				['a node', put(document.body), 'column more is a HTMLBodyElement'],
				['a symbol', put(Symbol('x')), 'column more is a symbol'],
				['a bigint', put(10n), 'column more is the bigint 10'],
				['a map', put(new Map()), 'column more is a Map'],
				['a class', put(new (class Point { x = 1; })()), 'column more is an object of class Point'],
				['a hole', put([1, , 2]), 'column more.1 is undefined'],
				['NaN', put({ a: NaN }), 'column more.a is NaN'],
				['infinity', () => t.put({ id: '1', rank: -Infinity }), 'column rank is -Infinity'],
				['what holds itself', put(cyclic), 'column more.a.b holds itself'],
				['a record in itself', () => t.put({ id: '1', ...own }), 'column more.more holds itself'],
				['the record itself', () => t.put(own), 'column more holds itself'],
				['too deep', put(deep), 'nested too deep'],
				['an invalid Date', () => t.put({ id: '1', due: new Date(NaN) }), 'column due is an invalid Date'],
				['a getter that throws', () => t.put({ id: '1', get text() { throw new Error('mine'); } }), 'invalid', 'cannot be read'],
				['a lone surrogate', () => t.put({ id: '1', text: 'a\ud800' }), 'put in table item: column text holds half a surrogate pair'],
				['the character zero in a name', put({ a: { 'b\0': 1 } }), 'put in table item: column more.a has a name that holds U+0000'],
				['half a pair in a name', put([{ '\ud800': 1 }]), 'put in table item: column more.0 has a name that holds half a surrogate pair'],
				['a promise', put(Promise.resolve(1)), 'column more is a Promise'],
				['bytes', put(new Uint8Array(2)), 'column more is a Uint8Array'],
				['the character zero', () => t.put({ id: '1', text: 'a\0b' }), 'put in table item: column text holds U+0000'],
				['a wrong type', () => t.put({ id: '1', complete: 'yes' }), 'invalid', 'complete', 'boolean', 'yes'],
				['an unknown column', () => t.put({ id: '1', colour: 'red' }), 'invalid', 'item', 'colour'],
				['an unknown column to update', () => t.update({ id: '1', colour: 'red' }), 'invalid', 'item', 'record 1', 'colour'],
				['too great an integer', () => t.put({ id: '1', rank: 2 ** 53 }), 'put in table item: column rank is 9007199254740992: whole numbers beyond'],
				['too great an integer within', put({ a: [-(2 ** 60)] }), 'column more.a.0 is -1152921504606847000'],
				['one of many of a wrong type', () => t.bulkPut([{ id: 'good' }, { id: 'bad', rank: 'x' }]), 'invalid: table item: record bad: column rank', 'number', 'x'],
				['one in a transaction', () => db.transaction(['item'], 'readwrite', (tx) => tx.table('item').put({ id: '1', rank: NaN })), 'put in table item: column rank is NaN'],
				['one of many', () => t.bulkPut([{ id: '1' }, { id: '2', more: () => 1 }]), 'bulkPut in table item, record 1: column more is a function'],
			]);`, `["it goes on"]`},
		"ids, records and calls of tables": {bad + `
			return all([
				['a number for an id', () => t.get(7), 'invalid: get in table item takes an id: a string, not 7'],
				['nothing for an id', () => t.get(), 'not undefined'],
				['a record for a record', () => t.put(null), 'a record is an object, not null'],
				['an array for a record', () => t.insert([]), 'not an array'],
				['a node for a record', () => t.put(document.body), 'put in table item: a record is an object, not a HTMLBodyElement'],
				['a promise for a record', () => t.insert(t.get('1')), 'insert in table item: a record is an object, not a Promise'],
				['a map for a record', () => t.update(new Map()), 'update in table item: a record is an object, not a Map'],
				['a date for one of many', () => t.bulkPut([{}, new Date()]), 'bulkPut in table item, record 1: a record is an object, not a Date'],
				['a text for records', () => t.bulkPut('all'), 'bulkPut in table item takes an array of records, not the text "all"'],
				['a text for ids', () => t.getMany('12'), 'getMany in table item takes an array of ids'],
				['a hole in ids', () => t.getMany(['1', null]), 'not null'],
				['delete of nothing', () => t.delete({ text: 'x' }), 'delete in table item', 'not undefined'],
				['an id that the wire cannot have', () => t.put({ id: 'a/b' }), 'invalid: table item', 'the id "a/b"', '/'],
				['one of many', () => t.bulkPut([{ id: 'a' }, { id: 'a?b' }]), 'invalid: table item', 'the id "a?b"'],
				['a dot for an id', () => t.insert({ id: '.' }), 'invalid: table item', 'the id must not be . or ..'],
				['an empty id', () => t.put({ id: '' }), 'invalid: table item', 'the id is empty'],
				['an id of another type', () => t.put({ id: 7 }), 'invalid: table item', 'no id, or one that is not text'],
				['no id to update', () => t.update({ text: 'x' }), 'invalid: table item', 'no id'],
				['an id too long', () => t.put({ id: 'x'.repeat(256) }), 'invalid: table item', 'the id', '255'],
				['an id of half a pair', () => t.put({ id: 'a\ud800' }), 'put in table item: column id holds half a surrogate pair'],
				['an unknown option', () => t.get('1', { sginal: 1 }), 'invalid: get: there is no option sginal, but signal'],
				['a signal that is none', () => t.get('1', { signal: 'stop' }), 'options.signal is an AbortSignal, not the text "stop"'],
				['options that are none', () => t.get('1', 7), 'the options are an object, not 7'],
				['a signal for options', () => t.get('1', new AbortController().signal), 'the options are an object, not an AbortSignal'],
				['an unknown table of db', async () => db.table('items'), 'not-found', '"items"', 'item, note'],
				['no function for an event', async () => db.on('online', 1), 'invalid: on("online") takes a function, not 1'],
				['an unknown event', async () => db.on('confict', () => {}), 'invalid: on takes the name of an event', 'conflict', 'the text "confict"'],
				['a progress that is none', () => t.bulkPut([], { progress: 1 }), 'options.progress is a function'],
				['tables of a transaction', () => db.transaction('item', 'readonly', () => {}), 'invalid: transaction takes an array', 'first argument', 'the text "item"'],
				['no table at all', () => db.transaction([], 'readonly', () => {}), 'invalid', 'one table at least'],
				['an unknown table', () => db.transaction(['items'], 'readonly', () => {}), 'not-found', 'items', 'item, note'],
				['a mode', () => db.transaction(['item'], 'write', () => {}), 'invalid', 'second argument', 'the text "write"'],
				['a function', () => db.transaction(['item'], 'readonly'), 'invalid', 'third argument', 'undefined'],
			]);`, `["it goes on"]`},
		"queries": {bad + `
			return all([
				['a text for where', () => t.where('complete').toArray(), 'invalid: where takes an object', 'the text "complete"'],
				['undefined in where', () => t.where({ complete: undefined }).toArray(), 'where: complete is undefined', 'null'],
				['a function in where', () => t.where({ complete: () => 1 }).first(), 'where: complete is a function'],
				['NaN in where', () => t.where({ rank: [1, NaN] }).count(), 'where: rank.1 is NaN'],
				['an invalid Date in where', () => t.where({ due: new Date(NaN) }).count(), 'where: due is an invalid Date'],
				['a node in where', () => t.where({ text: document.body }).count(), 'where: text is a HTMLBodyElement'],
				['half a pair in where', () => t.where({ text: { in: ['a\ud800'] } }).count(), 'where: text.in.0 holds half a surrogate pair'],
				['what holds itself in where', () => { const w = []; w.push(w); return t.where({ more: w }).count(); }, 'where: more.0.0.0.0 is an array'],
				['a map for where', () => t.where(new Map([['complete', true]])).count(), 'where takes an object', 'not a Map'],
				['an unknown column in where', () => t.where({ colour: 1 }).count(), 'query:', 'item', 'colour'],
				['an unknown column in select', () => t.select('colour').toArray(), 'query:', 'item', 'colour'],
				['an unknown condition', () => t.where({ rank: { like: 1 } }).count(), 'query: where: column rank', 'like', 'startswith'],
				['any within any', () => t.where({ more: { any: { any: 1 } } }).count(), 'query: where: column more', 'any within any'],
				['an unknown function', () => t.filter("complete and soundslike(text,'a')").count(), 'query: filter, at position 13', 'soundslike'],
				['a date that is none', () => t.filter("due gt datetime'x'").count(), 'query: filter, at position 7'],
				['a text without its end', () => t.filter("text eq 'abc").count(), 'query: filter, at position 8', 'closing quote'],
				['a text for a date', () => t.where({ due: 'yesterday' }).count(), 'query:', 'item', 'yesterday'],
				['an object for filter', () => t.filter({}).toArray(), 'invalid: filter takes an OData expression as text, not an object'],
				['a number to order by', () => t.orderBy(1).toArray(), 'orderBy takes the names of columns, not 1'],
				['nothing to order by', () => t.orderByDescending().toArray(), 'orderByDescending takes the names of columns'],
				['a negative skip', () => t.skip(-1).toArray(), 'skip takes a whole number from 0 on, not -1'],
				['a text for take', () => t.take('5').explain(), 'take takes a whole number from 0 on, not the text "5"'],
				['nothing to select', () => t.select().first(), 'select takes the names of columns'],
				['no function for each', () => t.each(), 'each takes a function, not undefined'],
				['the first of two mistakes', () => t.take(-1).skip(-1).toArray(), 'take takes'],
				['a mistake that is refined', () => t.where(7).orderBy('rank').take(1).toArray(), 'where takes an object', 'not 7'],
				['bad OData', () => t.filter('rank gt').toArray(), 'query: filter, at its end'],
				['its place', () => t.filter("text eq 'a' and )").toArray(), 'query: filter, at position 16'],
				['an unknown column', () => t.filter('colour eq 1').toArray(), 'query:', 'item', 'colour'],
				['an unknown column to order by', () => t.orderBy('colour').toArray(), 'query:', 'colour'],
				['values of different types', () => t.where({ rank: 'x' }).toArray(), 'query:', 'rank'],
				['too deep', () => t.filter('('.repeat(2000) + 'complete' + ')'.repeat(2000)).toArray(), 'query: filter, at position 64', 'deep'],
				['too long', () => t.filter("text eq '" + 'x'.repeat(1e6) + "'").toArray(), 'query: the filter is longer than 8192 bytes'],
				['no function for a live query', async () => t.live(7), 'invalid: live takes a function, not 7'],
			]);`, `["it goes on"]`},
		"opening": {bad + `
			return all([
				['no name', () => open(), 'invalid: open takes the database\'s name', 'first argument', 'undefined'],
				['no options', () => open('x'), 'second argument'],
				['a version', () => open('x', { version: '1', tables: {} }), 'options.version is a whole number from 1 on, not the text "1"'],
				['tables', () => open('x', { version: 1, tables: [] }), 'options.tables is an object of tables, not an array'],
				['a table', () => open('x', { version: 1, tables: { a: null } }), 'options.tables.a is an object, not null'],
				['columns', () => open('x', { version: 1, tables: { a: { columns: ['text'] } } }), 'options.tables.a.columns is an object, not an array'],
				['a type', () => open('x', { version: 1, tables: { a: { columns: { b: 'varchar' } } } }), 'invalid', 'varchar', 'string'],
				['data that holds itself', () => { const tables = {}; tables.a = { columns: {}, tables }; return open('x', { version: 1, tables }); }, 'invalid', 'JSON'],
				['an index', () => open('x', { version: 1, tables: { a: { columns: {}, indexes: ['b'] } } }), 'invalid', 'b'],
				['an unknown option', () => open('x', { version: 1, tables: {}, snyc: {} }), 'no option snyc'],
				['a server', () => open('x', { version: 1, tables: { a: {} }, sync: { live: true } }), 'options.sync.url is the address of the server'],
				['a signal', () => open('x', { version: 1, tables: {}, signal: {} }), 'options.signal is an AbortSignal'],
				['a handler', () => open('x', { version: 1, tables: {}, onBlocked: 1 }), 'options.onBlocked is a function'],
				['an end before its beginning', () => open('x', { version: 1, tables: {}, signal: AbortSignal.abort() }), 'aborted'],
				['nothing to destroy', () => destroy(), 'destroy takes the database\'s name, a string, not undefined'],
			]);`, `["it goes on"]`},
		"a signal ends every call that waits": {`
			await t.put({ id: '1', text: 'a' });
			const signal = AbortSignal.abort(new Error('mine'));
			const calls = [() => t.get('1', { signal }), () => t.getMany(['1'], { signal }), () => t.insert({}, { signal }), () => t.put({ id: '2' }, { signal }),
				() => t.update({ id: '1', text: 'b' }, { signal }), () => t.delete('1', { signal }), () => t.bulkPut([{ id: '3' }], { signal }), () => t.toArray({ signal }),
				() => t.first({ signal }), () => t.count({ signal }), () => t.each(() => {}, { signal }), () => t.explain({ signal }),
				() => db.transaction(['item'], 'readwrite', () => {}, { signal }), () => db.pending.toArray({ signal }), () => db.pending.retry('1', { signal }),
				() => db.checkConnection({ signal }), () => destroy('other', { signal })];
			const codes = new Set();
			for (const call of calls) codes.add(await code(call));
			const rows = await t.toArray();
			return [[...codes], rows.length, rows[0].text];`,
			`[["aborted"],1,"a"]`},
		"a signal ends what is under way, and its reason is the cause": {`
			await t.bulkPut(Array.from({ length: 3000 }, (_, i) => ({ id: String(i).padStart(4, '0') })));
			const reading = new AbortController(), writing = new AbortController(), mine = new Error('mine');
			let seen = 0, cause;
			const each = await code(t.each(() => { if (++seen === 700) reading.abort(); }, { signal: reading.signal }));
			try {
				await t.bulkPut(Array.from({ length: 3000 }, (_, i) => ({ id: 'n' + i })), { signal: writing.signal, progress: ({ done }) => { if (done > 500) writing.abort(mine); } });
			} catch (error) { cause = error.cause; }
			return [each, seen < 3000, cause === mine || cause?.message, await t.count()];`,
			`["aborted",true,true,3000]`},
		"each code has its class": {`
			const codes = ['invalid', 'query', 'exists', 'not-found', 'constraint', 'conflict', 'transaction', 'aborted', 'blocked', 'version', 'migration', 'quota', 'storage',
				'closed', 'network', 'auth', 'server', 'epoch', 'fork', 'expired', 'limit', 'engine'];
			const name = (code) => code.split('-').map((w) => w[0].toUpperCase() + w.slice(1)).join('') + 'Error';
			return codes.filter((c) => !(larder[name(c)]?.prototype instanceof LarderError));`,
			`[]`},
	})
}
