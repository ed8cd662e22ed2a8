// Lints an OpenAPI document with Redocly (recommended rules) and Spectral (spectral:oas), and prints the errors as JSON.
import { createConfig, lintFromString } from "@redocly/openapi-core";
import spectralCore from "@stoplight/spectral-core";
import spectralParsers from "@stoplight/spectral-parsers";
import spectralRulesets from "@stoplight/spectral-rulesets";
import { readFileSync } from "node:fs";

const [file] = process.argv.slice(2);
const source = readFileSync(file, "utf8");

async function redocly() {
  const config = await createConfig({ extends: ["recommended"] });
  const problems = await lintFromString({ source, absoluteRef: file, config });
  return problems.map(({ severity, ruleId, message, location }) => `${severity}: ${ruleId}: ${location[0]?.pointer}: ${message}`);
}

async function spectral() {
  const linter = new spectralCore.Spectral();
  linter.setRuleset(new spectralCore.Ruleset({ extends: [[spectralRulesets.oas, "recommended"]] }));
  const problems = await linter.run(new spectralCore.Document(source, spectralParsers.Json, file));
  const severities = ["error", "warn", "info", "hint"];
  return problems.map(({ severity, code, message, path }) => `${severities[severity]}: ${code}: ${path.join("/")}: ${message}`);
}

process.stdout.write(JSON.stringify({ redocly: await redocly(), spectral: await spectral() }));
