// What matters most, in a browser without scripts.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, test } from "node:test";
import { code, open, press, said } from "./look.mjs";
import { Office, PASSWORD } from "./office.mjs";

const CATALOGUE = readFileSync(new URL("../catalogues/pureconnect-4.toml", import.meta.url), "utf8");
let office;

before(async () => {
  office = await Office.open();
  office.run("portal", "account", "add", "ACME", "Acme Contact Centres");
  office.run("portal", "site", "add", "ACME", "Berlin");
});
after(() => office?.close());

const plain = (of = office) => of.window({ javaScriptEnabled: false });

/** What a link or a button downloads. */
async function downloaded(page, get) {
  const [download] = await Promise.all([page.waitForEvent("download"), get()]);
  return readFileSync(await download.path(), "utf8");
}

test("somebody turns codes on and signs in with one, without scripts", async () => {
  const page = await plain();
  await office.person(page, "cody@example.com", "Cody Codes", "--role", "analyst");
  await page.goto("/me/codes");
  const key = (await page.locator("main code").first().textContent()).trim();
  await page.getByLabel("The code that the app shows now").fill(code(key));
  await press(page, "Turn codes on");
  await said(page, "you show a code");
  await press(page, "Sign out");
  await page.getByLabel("Mail address").fill("cody@example.com");
  await page.getByLabel("Password").fill(PASSWORD);
  await press(page, "Sign in");
  await page.getByLabel("Code of six digits").fill(code(key, 1));
  await press(page, "Go on");
  await page.getByRole("heading", { name: "Accounts" }).waitFor();
});

test("a stranger files a request and attaches a file, without scripts", async () => {
  const page = await plain();
  await page.goto("/request");
  await open(page, "Question about licenses");
  await page.getByLabel("First name (needed)").fill("Rita");
  await page.getByLabel("Last name (needed)").fill("Requester");
  await page.getByLabel("Corporate email (needed)", { exact: true }).fill("rita@acme.example.com");
  await page.getByLabel("Confirm corporate email (needed)").fill("rita@acme.example.com");
  await page.getByLabel("Employer (needed)").fill("Acme");
  await page.getByLabel("Subject (needed)").fill("The host broke");
  await page.getByLabel("Description (needed)").fill("A new mainboard.");
  await press(page, "Submit and continue");
  await said(page, "Filed");
  const text = "SERVER cic1 0050569a1b2c\n";
  await page.getByLabel("File", { exact: true }).setInputFiles({ name: "old.lic", mimeType: "text/plain", buffer: Buffer.from(text) });
  await press(page, "Upload attachment");
  await said(page, "Attached");
  assert.equal(await downloaded(page, () => open(page, "old.lic")), text);
  await page.getByLabel("Add something").fill("It is urgent.");
  await press(page, "Send");
  await page.getByText("It is urgent.").waitFor();
});

test("what is owned is upgraded, becomes a file, is updated and deactivated, without scripts", async () => {
  const staff = await plain();
  await office.person(staff, "ada@example.com", "Ada Lovelace", "--role", "administrator");
  const load = async (text) => {
    await staff.goto("/catalogues");
    await staff.getByLabel("Name").fill("pureconnect-4");
    await staff.getByLabel("TOML file").setInputFiles({ name: "pureconnect-4.toml", mimeType: "text/plain", buffer: Buffer.from(text) });
    await press(staff, "Load");
    await said(staff, "Loaded");
  };
  // While 3.0 was sold.
  await load(CATALOGUE.replaceAll("retired = true\n", ""));
  office.write("orders.csv", "order,account,site,catalogue,part,quantity\nN-1,ACME,Berlin,pureconnect-4,SW-001-3.0-AL02,35\nN-1,ACME,Berlin,pureconnect-4,SW-001-4.0-SL03,1\n");
  office.run("portal", "order", "import", "orders.csv", "--book");
  await load(CATALOGUE);
  const page = await plain();
  await office.person(page, "carl@acme.example.com", "Carl Customer", "--role", "customer", "--account", "ACME");
  office.run("portal", "person", "certify", "carl@acme.example.com", "pureconnect-4", "2999-12-31");
  await page.goto("/accounts/ACME/upgrade");
  await page.getByLabel("Upgrade so many of SW-001-3.0-AL02").fill("20");
  await press(page, "Upgrade these");
  await said(page, "Upgraded");

  await open(page, "New Activation File");
  await page.getByLabel("Product and version").selectOption("pureconnect-4");
  await press(page, "Go");
  await page.getByLabel("License Type").selectOption("production");
  await press(page, "Go");
  await page.getByLabel("Host Id (needed)", { exact: true }).fill("0050569a1b2c");
  await page.getByLabel("Machine Name (needed)", { exact: true }).fill("cic1");
  await page.getByLabel("Use so many of SW-001-4.0-AL02").fill("5");
  await press(page, "Preview");
  await press(page, "Generate Activation File");
  await said(page, "generated");
  assert.match(await downloaded(page, () => open(page, "Download License")), /I3_ACCESS_CLIENT[^\n]* 5 /);
  await open(page, "Update");
  await page.getByLabel("Use so many of SW-001-4.0-AL02").fill("20");
  await press(page, "Preview");
  await page.getByText("changed").first().waitFor();
  await press(page, "Generate Activation File");
  await said(page, "generated");
  assert.match(await downloaded(page, () => open(page, "Download License")), /I3_ACCESS_CLIENT[^\n]* 20 /);
  await page.getByLabel("Why", { exact: true }).fill("the machine is gone");
  await press(page, "Deactivate");
  await said(page, "deactivated");
  await page.getByRole("link", { name: /Load the deactivation file/ }).click();
  assert.match(await downloaded(page, () => open(page, "Download License")), /STATE=deactivated/);
});

test("an order is activated, without an account and without scripts", async () => {
  const office = await Office.open("wfo");
  after(() => office.close());
  const page = await plain(office);
  office.run("portal", "account", "add", "REC", "Recorders");
  office.run("portal", "site", "add", "REC", "Oslo");
  office.write("wfo.csv", "order,account,site,catalogue,part,quantity\nW-1,REC,Oslo,wfo,Interaction Recording,5\n");
  const lrn = office.run("portal", "order", "import", "wfo.csv", "--book").match(/LRN-[0-9A-Z-]+/)[0];
  await page.goto("/activate");
  await page.getByLabel("License reference number").fill(lrn);
  await page.getByLabel("Registration key").fill("0123456789ABCDEF");
  const text = await downloaded(page, () => press(page, "Activate and download"));
  assert.match(text, /RK=0123456789ABCDEF[^]*SIGN="/);
});
