// Holds larder.d.ts against the JavaScript it describes: the same exports, the same members, the same error codes.
// It prints each difference and exits with 1 if there is one.
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

const path = (name) => fileURLToPath(new URL(`../../${name}`, import.meta.url));
const differences = [];

function compare(what, javaScript, types) {
  for (const name of javaScript) if (!types.includes(name)) differences.push(`${what}: larder.d.ts does not declare ${name}`);
  for (const name of types) if (!javaScript.includes(name)) differences.push(`${what}: larder.d.ts declares ${name}, which is not there`);
}

// What the classes have for each other's use, and apps shall not know.
const internal = {
  Database: ['start', 'ask', 'watch', 'dates', 'sample', 'owner'],
  Table: ['dates'],
  Query: [],
  Pending: [],
  Transaction: ['finish'],
};

const program = ts.createProgram([path('web/larder.d.ts')], { target: ts.ScriptTarget.ES2022, lib: ['lib.es2022.d.ts', 'lib.dom.d.ts'] });
const checker = program.getTypeChecker();
const declared = checker.getExportsOfModule(checker.getSymbolAtLocation(program.getSourceFile(path('web/larder.d.ts'))));
const typeOf = (name) => checker.getDeclaredTypeOfSymbol(declared.find((symbol) => symbol.name === name));
const membersOf = (name) => typeOf(name).getProperties().map((p) => (p.name.startsWith('__@asyncIterator') ? '[Symbol.asyncIterator]' : p.name));
const literals = (type) => (type.isUnion() ? type.types : [type]).map((t) => t.value);

/** The syntax tree of a JavaScript file. */
const parse = (name) => ts.createSourceFile(name, readFileSync(path(name), 'utf8'), ts.ScriptTarget.ESNext, true);

/** A class's public members: methods, accessors, fields, and what its constructor assigns to this. */
function publicMembers(name) {
  const found = new Set();
  for (const file of ['database', 'query', 'reader', 'table', 'transaction', 'pending']) {
    for (const node of parse(`web/larder/${file}.js`).statements) {
      if (!ts.isClassDeclaration(node) || node.name.text !== name) continue;
      for (const clause of node.heritageClauses ?? []) {
        for (const base of clause.types) for (const member of publicMembers(base.expression.text)) found.add(member);
      }
      for (const member of node.members) {
        if (!ts.isConstructorDeclaration(member)) {
          if (!ts.isPrivateIdentifier(member.name)) found.add(member.name.getText());
          continue;
        }
        for (const [, assigned] of member.body.getText().matchAll(/\bthis\.(\w+) = /g)) found.add(assigned);
      }
    }
  }
  return [...found].filter((member) => !internal[name]?.includes(member));
}

const exported = parse('web/larder.js').statements.flatMap((node) => node.exportClause?.elements.map((e) => e.name.text) ?? []);
const isValue = (symbol) => symbol.flags & (ts.SymbolFlags.Function | ts.SymbolFlags.Class | ts.SymbolFlags.Variable);
compare('exports', exported, declared.filter(isValue).map((symbol) => symbol.name));

/** What an array of texts in a JavaScript file holds, by the name of its constant. */
const texts = (file, name) => parse(file).statements.filter(ts.isVariableStatement).flatMap((node) => node.declarationList.declarations)
  .find((d) => d.name.getText() === name).initializer.elements.map((e) => e.text);

compare('events', texts('web/larder/argument.js', 'events'), [...membersOf('DatabaseEvents'), 'conflict']);

for (const name of Object.keys(internal)) compare(name, publicMembers(name), membersOf(name));

// Each code with its class, as error.js has them, and all codes, as Go has them.
const [, table] = readFileSync(path('web/larder/error.js'), 'utf8').match(/const classes = \{([^}]*)\}/);
const codes = {};
for (const [, code, name] of table.matchAll(/'?([\w-]+)'?: (\w+)/g)) (codes[name] ??= []).push(code);
for (const [name, own] of Object.entries(codes)) {
  if (!declared.some((symbol) => symbol.name === name)) continue; // told above
  const code = checker.getTypeOfSymbol(typeOf(name).getProperty('code'));
  compare(`${name}.code`, own, literals(code));
}
const inGo = [...readFileSync(path('table/error.go'), 'utf8').matchAll(/^\tCode\w+\s+Code\s+= "([\w-]+)"/gm)].map((m) => m[1]);
compare('ErrorCode', inGo, literals(typeOf('ErrorCode')));

for (const difference of differences) console.error(difference);
process.exit(differences.length ? 1 : 0);
