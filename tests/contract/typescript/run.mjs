// Compiles a TypeScript module in strict mode, runs it, and prints {errors, lines} as JSON: diagnostics and console output.
import ts from "typescript";

const [source] = process.argv.slice(2);
const options = {
  strict: true,
  noUncheckedIndexedAccess: true,
  target: ts.ScriptTarget.ES2022,
  module: ts.ModuleKind.ES2022,
  moduleResolution: ts.ModuleResolutionKind.Bundler,
  lib: ["lib.es2022.d.ts", "lib.dom.d.ts", "lib.dom.iterable.d.ts"],
  types: [],
};
const program = ts.createProgram([source], options);
const errors = ts.getPreEmitDiagnostics(program).map((diagnostic) => ts.flattenDiagnosticMessageText(diagnostic.messageText, "\n"));
program.emit();

const lines = [];
if (errors.length === 0) {
  console.log = (...values) => lines.push(values.join(" "));
  await import(source.replace(/\.mts$/, ".mjs"));
}
process.stdout.write(JSON.stringify({ errors, lines }));
