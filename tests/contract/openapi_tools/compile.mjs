// Generates TypeScript types from an OpenAPI document, compiles client.ts with them in strict mode, and prints the errors as JSON.
import openapiTS, { astToString } from "openapi-typescript";
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import ts from "typescript";

const [file] = process.argv.slice(2);
const folder = dirname(fileURLToPath(import.meta.url));
const types = join(folder, "schema.d.ts");
const source = astToString(await openapiTS(JSON.parse(readFileSync(file, "utf8"))));

const options = {
  strict: true,
  noUncheckedIndexedAccess: true,
  exactOptionalPropertyTypes: true,
  noEmit: true,
  target: ts.ScriptTarget.ES2022,
  module: ts.ModuleKind.ES2022,
  moduleResolution: ts.ModuleResolutionKind.Bundler,
  lib: ["lib.es2022.d.ts", "lib.dom.d.ts", "lib.dom.iterable.d.ts"],
  types: [],
};
// The generated file exists only in memory.
const host = ts.createCompilerHost(options);
const { fileExists, readFile, getSourceFile } = host;
host.fileExists = (name) => name === types || fileExists(name);
host.readFile = (name) => (name === types ? source : readFile(name));
host.getSourceFile = (name, target) => (name === types ? ts.createSourceFile(name, source, target) : getSourceFile(name, target));

const program = ts.createProgram([join(folder, "client.ts")], options, host);
const errors = ts.getPreEmitDiagnostics(program).map(({ file, start, messageText }) => {
  const line = file ? `${file.fileName}:${file.getLineAndCharacterOfPosition(start).line + 1}: ` : "";
  return line + ts.flattenDiagnosticMessageText(messageText, "\n");
});
process.stdout.write(JSON.stringify(errors));
