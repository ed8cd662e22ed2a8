// Opens the pages of the service in Chromium as a user does, and prints what the browser shows and stores as JSON.
import { chromium } from "playwright-core";

const [executablePath, url, email, password, apiToken, screenshots] = process.argv.slice(2);
const browser = await chromium.launch({ executablePath, args: ["--no-sandbox"] });
const context = await browser.newContext({ viewport: { width: 1280, height: 1000 } });
const result = { console: [] };

// The console repeats responses with an error status, and those of the API are expected.
const isProblem = (message) => ["error", "warning"].includes(message.type()) && !message.location().url.includes("/api/");

async function open(path) {
  const page = await context.newPage();
  page.on("console", (message) => isProblem(message) && result.console.push(`${path}: ${message.text()}`));
  page.on("pageerror", (error) => result.console.push(`${path}: ${error.message}`));
  await page.addInitScript(() =>
    document.addEventListener("securitypolicyviolation", (event) => console.error(`violates ${event.violatedDirective}: ${event.blockedURI}`)),
  );
  await page.goto(url + path);
  return page;
}

const stored = (page) => page.evaluate(() => JSON.stringify({ ...localStorage, ...sessionStorage }));
const screenshot = async (page, name) => screenshots && (await page.screenshot({ path: `${screenshots}/${name}.png` }));

async function visitHome() {
  const page = await open("/");
  await screenshot(page, "home");
  result.home = { title: await page.title(), links: await page.locator("a").evaluateAll((all) => all.map((a) => a.getAttribute("href"))) };
}

async function execute(page) {
  const operation = page.locator("#operations-Tasks-listTasks");
  if (!(await operation.getAttribute("class")).includes("is-open")) await operation.locator(".opblock-summary-control").click();
  await operation.locator(".execute").click();
  await operation.locator(".live-responses-table .response-col_status").last().waitFor();
  await page.waitForLoadState("networkidle");
  return (await operation.locator(".live-responses-table tbody .response-col_status").first().innerText()).split("\n")[0].trim();
}

async function openDialog(page) {
  await page.locator(".auth-wrapper > .authorize, .btn.authorize").first().click();
  return page.locator(".modal-ux");
}

async function visitDocs() {
  const page = await open("/docs");
  await page.evaluate(() => localStorage.setItem("authorized", "left by an earlier version"));
  await page.reload();
  await page.locator(".opblock").first().waitFor();
  const docs = { tags: await page.locator("h3.opblock-tag").evaluateAll((all) => all.map((tag) => tag.dataset.tag)) };
  await screenshot(page, "docs");

  let dialog = await openDialog(page);
  docs.inputs = await dialog.locator("input, select").evaluateAll((all) => all.map((input) => input.type));
  await dialog.locator("#login-email").fill(email);
  await dialog.locator("#login-password").fill("wrong " + password);
  await dialog.getByRole("button", { name: "Log in" }).click();
  docs.error = await dialog.getByRole("alert").innerText();
  await dialog.locator("#login-password").fill(password);
  await screenshot(page, "dialog");
  await dialog.getByRole("button", { name: "Log in" }).click();
  await dialog.getByRole("button", { name: "Log out" }).first().waitFor();
  await dialog.locator(".btn-done").first().click();
  docs.statusAfterLogin = await execute(page);
  await screenshot(page, "executed");
  docs.stored = await stored(page);

  await page.reload();
  docs.statusAfterReload = await execute(page);
  dialog = await openDialog(page);
  await dialog.locator("#auth-bearer-value").fill(apiToken);
  await dialog.getByRole("button", { name: "Apply credentials" }).click();
  await dialog.locator(".btn-done").first().click();
  docs.statusWithApiToken = await execute(page);
  docs.storedWithApiToken = await stored(page);
  result.docs = docs;
}

async function visitGraphiQL() {
  const page = await open("/graphql");
  await page.evaluate(() => localStorage.setItem("graphiql:query", "left by an earlier version"));
  await page.reload();
  await page.locator(".graphiql-query-editor .CodeMirror").click();
  await page.keyboard.press("Control+a");
  await page.keyboard.insertText(`mutation { logIn(input: {email: "${email}", password: "${password}"}) { refreshToken } }`);
  await page.waitForTimeout(1000); // GraphiQL parses and stores the contents of its editors half a second after a change.
  await page.locator(".graphiql-execute-button").click();
  await page.locator(".result-window .CodeMirror-line").nth(2).waitFor();
  await screenshot(page, "graphiql");
  result.graphiql = { response: await page.locator(".result-window .CodeMirror-code").innerText(), stored: await stored(page) };
}

await visitHome();
await visitDocs();
await visitGraphiQL();
await browser.close();
process.stdout.write(JSON.stringify(result));
