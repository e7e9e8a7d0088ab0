// What an estate goes through in a browser: software is upgraded, machines are replaced, partners serve, sites have no network.
import assert from "node:assert/strict";
import { mkdirSync, readFileSync } from "node:fs";
import { after, before, test } from "node:test";
import { freePort } from "./folder.mjs";
import { open, press, said, sound } from "./look.mjs";
import { Office, PASSWORD } from "./office.mjs";

const CATALOGUE = readFileSync(new URL("../catalogues/pureconnect-4.toml", import.meta.url), "utf8");
let office;
let staff;

before(async () => {
  office = await Office.open();
  staff = await office.window();
  await office.person(staff, "ada@example.com", "Ada Lovelace", "--role", "administrator");
});
after(() => office?.close());

/** Somebody who is certified for PureConnect. */
async function certified(mail, name, ...more) {
  const page = await office.window();
  await office.person(page, mail, name, ...more);
  office.run("portal", "person", "certify", mail, "pureconnect-4", "2999-12-31");
  return page;
}

/** Fills in the machine of a new file, and generates it. */
async function generate(page, hostId, machine) {
  await page.getByLabel("Host Id (needed)", { exact: true }).fill(hostId);
  await page.getByLabel("Machine Name (needed)", { exact: true }).fill(machine);
  await press(page, "Preview");
  await press(page, "Generate Activation File");
  await said(page, "generated");
}

async function load(name, text) {
  await staff.goto("/catalogues");
  await staff.getByLabel("Name").fill(name);
  await staff.getByLabel("TOML file").setInputFiles({ name: `${name}.toml`, mimeType: "text/plain", buffer: Buffer.from(text) });
  await press(staff, "Load");
}

function book(...rows) {
  office.write("orders.csv", `order,account,site,catalogue,part,quantity\n${rows.join("\n")}\n`);
  return office.run("portal", "order", "import", "orders.csv", "--book");
}

test("what is owned of 3.0 is upgraded to 4.0 in part, and the rest is mirrored, once", async () => {
  office.run("portal", "account", "add", "OLDIE", "Old Timers");
  office.run("portal", "site", "add", "OLDIE", "Vienna");
  await load("pureconnect-4", "edition = 4\n");
  await staff.getByRole("alert").filter({ hasText: "pureconnect-4.toml:1:" }).waitFor();
  await sound(staff, "catalogue-wrong");
  // While 3.0 was sold.
  await load("pureconnect-4", CATALOGUE.replaceAll("retired = true\n", ""));
  await said(staff, "Loaded");
  book("U-1,OLDIE,Vienna,pureconnect-4,SW-001-3.0-AL02,35", "U-1,OLDIE,Vienna,pureconnect-4,SW-001-4.0-SL03,1");
  await load("pureconnect-4", CATALOGUE);
  await said(staff, "Loaded");
  const olga = await certified("olga@old.example.com", "Olga Old", "--role", "customer", "--account", "OLDIE");
  await olga.goto("/accounts/OLDIE/upgrade");
  await sound(olga, "upgrade-offers");
  const wanted = olga.getByLabel("Upgrade so many of SW-001-3.0-AL02");
  await wanted.evaluate((field) => field.removeAttribute("max"));
  await wanted.fill("36");
  await press(olga, "Upgrade these");
  await olga.getByRole("alert").filter({ hasText: "36 of SW-001-3.0-AL02 are wanted, and 35 are available" }).waitFor();
  await sound(olga, "upgrade-wrong");
  await olga.getByLabel("Upgrade so many of SW-001-3.0-AL02").fill("20");
  await press(olga, "Upgrade these");
  await said(olga, "Upgraded");
  await olga.goto("/accounts/OLDIE");
  assert.match(await olga.locator("tr", { hasText: "SW-001-4.0-AL02" }).innerText(), /20\s+0\s+20/);
  await olga.goto("/accounts/OLDIE/upgrade");
  olga.once("dialog", (dialog) => dialog.accept());
  await press(olga, "Mirror all");
  await said(olga, "Upgraded");
  await olga.getByText("Nothing here has an upgrade.").waitFor();
  await olga.goto("/accounts/OLDIE");
  assert.match(await olga.locator("tr", { hasText: "SW-001-4.0-AL02" }).innerText(), /35\s+0\s+35/);
  assert.match(await olga.locator("tr", { hasText: "SW-001-3.0-AL02" }).innerText(), /15\s+0\s+15/);
  await sound(olga, "summary-mirrored");
});

test("a license goes to a new machine by a move and not by an update, and what is deactivated has a last file", async () => {
  office.run("portal", "account", "add", "MOVE", "Movers");
  office.run("portal", "site", "add", "MOVE", "Genoa");
  book("V-1,MOVE,Genoa,pureconnect-4,SW-001-4.0-SL03,1", "V-1,MOVE,Genoa,pureconnect-4,SW-001-4.0-AL02,5");
  await staff.goto("/accounts/MOVE/orders/V-1");
  await staff.getByText("nobody gets the letter").waitFor();
  await sound(staff, "order-without-people");
  const mia = await certified("mia@move.example.com", "Mia Mover", "--role", "customer", "--account", "MOVE");
  await staff.goto("/accounts/MOVE/orders/V-1");
  await press(staff, "Send it again");
  await said(staff, "on its way");
  await office.mail("mia@move.example.com", "License letter");
  await mia.goto("/accounts/MOVE/new?product=pureconnect-4&type=production");
  await generate(mia, "0050569a1b2c", "cic1");
  await open(mia, "Update");
  await mia.getByLabel("Host Id (needed)", { exact: true }).fill("0050569a1b2d");
  await press(mia, "Preview");
  await mia.getByRole("alert").filter({ hasText: "leaves it on its machine" }).waitFor();
  await mia.goto("/accounts/MOVE/files");
  await mia.locator("tbody a").first().click();
  await sound(mia, "file-bound");
  await mia.getByLabel("Host id of the new machine").fill("0050569a1b2d");
  await mia.getByLabel("Its name").fill("cic2");
  await mia.getByLabel("Why it moves").fill("the old one burnt");
  mia.once("dialog", (dialog) => dialog.accept());
  await press(mia, "Move");
  await said(mia, "Moved");
  await mia.getByText("2 left this year").waitFor();
  const [moved] = await Promise.all([mia.waitForEvent("download"), open(mia, "Download License")]);
  assert.match(readFileSync(await moved.path(), "utf8"), /SERVER cic2 0050569a1b2d/);
  await mia.getByLabel("Why", { exact: true }).fill("closed");
  mia.once("dialog", (dialog) => dialog.accept());
  await press(mia, "Deactivate");
  await said(mia, "deactivated");
  await mia.getByRole("link", { name: /Load the deactivation file/ }).click();
  await mia.getByText("A deactivation file: it grants nothing.").waitFor();
  await sound(mia, "file-deactivation");
  const [last] = await Promise.all([mia.waitForEvent("download"), open(mia, "Download License")]);
  const text = readFileSync(await last.path(), "utf8");
  assert.match(text, /STATE=deactivated[^]*GENERATION=3[^]*SIGN="/);
  office.write("last.lic", text);
  office.run("license", "verify", "last.lic", "--root", "pureconnect=keys/root.pub");
});

test("a certified partner makes a customer's site, its file, and a development license of thirty days", async () => {
  office.run("portal", "account", "add", "PARTNER", "Partner & Sons", "--kind", "partner");
  office.run("portal", "account", "add", "CLIENT", "Client", "--parent", "PARTNER");
  const paul = await certified("paul@partner.example.com", "Paul Partner", "--role", "partner", "--account", "PARTNER");
  await paul.goto("/accounts");
  await open(paul, "Client");
  await open(paul, "Install Sites");
  await open(paul, "New install site");
  await paul.getByLabel("Name (needed)").fill("Bern");
  await press(paul, "Save");
  await said(paul, "Created");
  book("X-1,CLIENT,Bern,pureconnect-4,SW-001-4.0-SL03,1");
  await open(paul, "Orders");
  await open(paul, "X-1");
  await sound(paul, "partner-order");
  await paul.goto("/accounts/CLIENT/new?product=pureconnect-4&type=production");
  await generate(paul, "0050569a1b2c", "cic1");
  await paul.goto("/accounts/CLIENT/new?product=pureconnect-4");
  const types = await paul.getByLabel("License Type").locator("option").allInnerTexts();
  const development = types.find((name) => /30 days/.test(name));
  assert.ok(development, types.join(", "));
  await paul.getByLabel("License Type").selectOption(development);
  await paul.getByRole("radio").first().check();
  await sound(paul, "new-development");
  await generate(paul, "0050569a1b2d", "dev1");
  const ends = new Date(Date.now() + 30 * 24 * 3600 * 1000).toISOString().slice(0, 10);
  await paul.getByText(ends).first().waitFor();
});

test("a site without a network runs an inactive file for thirty days and is activated by a USB stick", async () => {
  const office = await Office.open("wfo");
  after(() => office.close());
  const page = await office.window();
  office.run("portal", "account", "add", "REC", "Recorders");
  office.run("portal", "site", "add", "REC", "Oslo");
  office.write("wfo.csv", "order,account,site,catalogue,part,quantity\nW-1,REC,Oslo,wfo,Interaction Recording,5\n");
  const lrn = office.run("portal", "order", "import", "wfo.csv", "--book").match(/LRN-[0-9A-Z-]+/)[0];
  office.write("inactive.toml", 'catalogue = "wfo"\nlicense_type = "permanent"\nitems = [{ part = "Interaction Recording", quantity = 5 }]\n[machine]\nhost_id = "ANY"\nname = "this_host"\n');
  office.run("portal", "file", "new", "REC", "Oslo", "inactive.toml", "--generate");
  office.write("inactive.lic", office.run("portal", "file", "get", "REC", "AF-000001"));

  // The site: a license server that knows the publisher, and nobody else.
  mkdirSync(`${office.folder}/licenses`);
  const port = await freePort();
  const root = readFileSync(`${office.folder}/keys/root.pub`, "utf8").trim();
  office.write("server.toml", `listen = "127.0.0.1"\nport = ${port}\ndata_dir = "data"\nlicense_files = ["licenses"]\n[[publishers]]\nname = "wfo"\nroot_keys = ["${root}"]\n[console]\naddress = "https://localhost:${port}"\n`);
  await office.start(["server", "--config", "server.toml"], /license server up/);
  const console = await office.window({ baseURL: `https://localhost:${port}` });
  await console.goto("/licenses");
  await console.getByLabel("Set-up token").fill(readFileSync(`${office.folder}/data/setup-token`, "utf8").trim());
  await console.getByLabel("Your name").fill("ann");
  await console.getByLabel("Password", { exact: true }).fill(PASSWORD);
  await console.getByLabel("The password again").fill(PASSWORD);
  await press(console, "Go on");
  const bring = async (file) => {
    await console.goto("/licenses/import");
    await console.getByLabel("License file", { exact: true }).setInputFiles(file);
    await press(console, "Look at it");
    await press(console, "Load it");
    await said(console, "The license file is loaded.");
  };
  await bring({ name: "wfo.lic", mimeType: "text/plain", buffer: readFileSync(`${office.folder}/inactive.lic`) });
  await console.goto("/licenses");
  await console.getByText("NOT_ACTIVATED").first().waitFor();
  await sound(console, "console-not-activated");
  await console.goto("/activate");
  await console.getByText(`Not activated yet: ${lrn}`).waitFor();
  await console.getByLabel("License reference number").fill(lrn);
  const [request] = await Promise.all([console.waitForEvent("download"), press(console, "Download the request")]);

  // The stick goes to a machine that reaches the portal, and comes back.
  await page.goto("/activate");
  await page.getByLabel(/^Request file/).setInputFiles(await request.path());
  const [answer] = await Promise.all([page.waitForEvent("download"), press(page, "Activate and download")]);
  await bring({ name: "wfo.lic", mimeType: "text/plain", buffer: readFileSync(await answer.path()) });
  await console.goto("/licenses");
  assert.equal(await console.getByText("NOT_ACTIVATED").count(), 0);
  assert.equal(await console.getByRole("link", { name: lrn }).count(), 1, "it took the inactive one's place");
  await console.goto("/activate");
  assert.equal(await console.getByText("Not activated yet").count(), 0);
  await sound(console, "console-activated");
});
