// The publisher's portal in a browser: from an order to a license file, as the publisher, the customer and the partner see it.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, test } from "node:test";
import { open, press, said, sound } from "./look.mjs";
import { Office } from "./office.mjs";

const PASSWORD = "seven purple oxen sing";
let office;

before(async () => {
  office = await Office.open();
});
after(() => office?.close());

/** Takes an invitation and signs in. */
async function welcome(page, path, mail) {
  await page.goto(path);
  await page.getByLabel("New password").fill(PASSWORD);
  await page.getByLabel("Once more").fill(PASSWORD);
  await page.getByRole("button", { name: "Set the password" }).click();
  await signIn(page, mail);
}

async function signIn(page, mail) {
  await page.goto("/sign-in");
  await page.getByLabel("Mail address").fill(mail);
  await page.getByLabel("Password").fill(PASSWORD);
  await press(page, "Sign in");
  await page.waitForURL((url) => !url.pathname.startsWith("/sign-in"));
}

test("an order becomes a license file that is updated, upgraded past and deactivated", async () => {
  const admin = await office.window();
  await admin.goto("/");
  await sound(admin, "sign-in");
  const path = new URL(office.run("portal", "person", "add", "ada@example.com", "Ada Lovelace", "--role", "administrator")).pathname;
  await admin.goto(path);
  await sound(admin, "choose-a-password");
  await welcome(admin, path, "ada@example.com");
  await sound(admin, "accounts-empty");

  // The publisher: an account, a site, a person, an order.
  await open(admin, "New account");
  await sound(admin, "new-account");
  await admin.getByLabel("Reference number (needed)").fill("ACME");
  await admin.getByLabel("Name (needed)").fill("Acme Contact Centres");
  await press(admin, "Create");
  await said(admin, "Created");
  await sound(admin, "summary-empty");
  await open(admin, "Install Sites");
  await sound(admin, "sites-empty");
  await open(admin, "New install site");
  await sound(admin, "new-site");
  await admin.getByLabel("Name (needed)").fill("Berlin");
  await admin.getByLabel("Country").fill("Germany");
  await press(admin, "Save");
  await said(admin, "Created");
  await sound(admin, "sites");
  await open(admin, "People");
  await sound(admin, "people");
  await open(admin, "Invite somebody");
  await sound(admin, "invite");
  await admin.getByLabel("Mail address").fill("carl@acme.example.com");
  await admin.getByLabel("Name (needed)").fill("Carl Customer");
  await admin.getByLabel(/^Customer/).check();
  await admin.getByLabel("Account", { exact: true }).fill("ACME");
  await press(admin, "Invite");
  await said(admin, "Invited");
  await admin.getByLabel("Product").selectOption("pureconnect-4");
  await admin.getByLabel("Last day").fill("2999-12-31");
  await press(admin, "Enter");
  await said(admin, "certification");
  await sound(admin, "person");
  await open(admin, "Orders");
  await sound(admin, "orders-empty");
  await open(admin, "New order");
  await admin.getByLabel("Order number").fill("SO-1");
  await admin.getByLabel("Account's reference number").fill("ACME");
  await admin.getByLabel("Install site's name").fill("Berlin");
  await admin.getByLabel("Product and version").selectOption("pureconnect-4");
  await admin.getByLabel("Parts").fill("SW-001-4.0-SL03 1\nSW-001-4.0-AL02 fifty");
  await press(admin, "Book");
  await admin.getByRole("heading", { name: "That makes no sense here" }).waitFor();
  await admin.goBack();
  await admin.getByLabel("Parts").fill("SW-001-4.0-SL03 1\nNO-SUCH-PART 1");
  await press(admin, "Book");
  await admin.getByRole("alert").filter({ hasText: "NO-SUCH-PART" }).waitFor();
  await sound(admin, "new-order-wrong");
  await admin.getByLabel("Parts").fill("SW-001-4.0-SL03 1\nSW-001-4.0-AL02 50");
  await press(admin, "Book");
  await said(admin, "Booked");
  await sound(admin, "order");

  // The customer: the letter, the invitation, the file.
  const letter = await office.mail("carl@acme.example.com", "License letter");
  const lrn = letter.text.match(/LRN-[0-9A-Z-]+/)[0];
  assert.ok((await admin.getByRole("main").textContent()).includes(lrn));
  const carl = await office.window();
  await welcome(carl, await office.link("carl@acme.example.com", "invited"), "carl@acme.example.com");
  await carl.getByRole("heading", { name: "Acme Contact Centres" }).waitFor();
  await sound(carl, "summary");
  await open(carl, "Software Details");
  await sound(carl, "software");
  await open(carl, "New Activation File");
  await sound(carl, "new-empty");
  await carl.getByLabel("Product and version").selectOption("pureconnect-4");
  await carl.getByLabel("License Type").selectOption("production");
  await carl.getByLabel("Host Id (needed)", { exact: true }).fill("no host id at all");
  await carl.getByLabel("Machine Name (needed)", { exact: true }).fill("cic1");
  await carl.getByLabel("Use so many of SW-001-4.0-AL02").fill("20");
  await press(carl, "Preview");
  await carl.getByRole("alert").filter({ hasText: "host id" }).waitFor();
  await sound(carl, "new-wrong");
  await carl.getByLabel("Host Id (needed)", { exact: true }).fill("0050569a1b2c");
  await press(carl, "Preview");
  await carl.getByRole("heading", { name: "This is what the file would say" }).waitFor();
  await sound(carl, "preview");
  await press(carl, "Generate Activation File");
  await said(carl, "generated");
  await sound(carl, "file");
  const [download] = await Promise.all([carl.waitForEvent("download"), open(carl, "Download License")]);
  const text = readFileSync(await download.path(), "utf8");
  assert.match(text, /SERVER cic1 0050569a1b2c/);
  assert.match(text, /SIGN="/);
  office.write("acme.lic", text);
  office.run("license", "verify", "acme.lic", "--root", "pureconnect=keys/root.pub");

  // More users: the update shows what changes, and takes the old file's place.
  await open(carl, "Update");
  // A browser keeps people from it; whoever gets round that is told by the portal.
  await carl.getByLabel("Use so many of SW-001-4.0-AL02").evaluate((field) => field.removeAttribute("max"));
  await carl.getByLabel("Use so many of SW-001-4.0-AL02").fill("51");
  await press(carl, "Preview");
  await carl.getByRole("alert").filter({ hasText: "50 are available" }).waitFor();
  await carl.getByLabel("Use so many of SW-001-4.0-AL02").fill("50");
  await press(carl, "Preview");
  await carl.getByText("changed").first().waitFor();
  await sound(carl, "preview-update");
  await press(carl, "Generate Activation File");
  await said(carl, "generated");
  await open(carl, "Activation File Activity");
  await sound(carl, "activity");
  assert.deepEqual(await carl.locator("tbody tr").count(), 1, "the first file is superseded");
  await carl.getByLabel("Active", { exact: true }).selectOption("all");
  await carl.getByText("2 results").waitFor();
  await carl.getByText("Saved filters").click();
  await carl.getByLabel("Save this filter as").fill("everything");
  await press(carl, "Save");
  await said(carl, "saved");
  await carl.getByRole("link", { name: "everything" }).waitFor();
  await open(carl, "Upgrade Software");
  await sound(carl, "upgrade");
  await open(carl, "Orders");
  await sound(carl, "orders");
  await open(carl, "Activation File Activity");
  await open(carl, "AF-000002");
  await carl.getByLabel("Why").fill("the machine is gone");
  carl.once("dialog", (dialog) => dialog.accept());
  await press(carl, "Deactivate");
  await said(carl, "deactivated");
  await sound(carl, "file-deactivated");
  await open(carl, "Account Summary");
  const row = carl.locator("tr", { hasText: "SW-001-4.0-AL02" });
  assert.match(await row.innerText(), /50\s+0\s+50/);
  await open(carl, "Carl Customer");
  await carl.getByLabel("What it is for").fill("the build");
  await carl.getByLabel("Read what accounts have").check();
  await carl.getByLabel("Your password").fill(PASSWORD);
  await press(carl, "Make a token");
  const token = (await carl.locator("#made").textContent()).trim();
  await sound(carl, "me");
  const summary = await carl.request.get("/api/v1/accounts/ACME/summary", { headers: { authorization: `Bearer ${token}` } });
  assert.equal((await summary.json()).rows.length, 2);

  // The publisher looks back, and can prove it.
  await open(admin, "Log");
  await admin.getByLabel("What").fill("order booked");
  await admin.getByLabel("About").fill("SO-1");
  await press(admin, "Search");
  await admin.getByText("The whole log was looked through.").waitFor();
  assert.equal(await admin.locator("tbody tr").count(), 1);
  await sound(admin, "log-search");
  await admin.goto("/still-used");
  await sound(admin, "still-used-empty");
  for (const [name, link] of [["webhooks", "Webhooks"], ["log", "Log"], ["keys", "Keys"], ["mail", "Mail"], ["catalogues", "Catalogues"], ["orders-all", "Orders"]]) {
    await open(admin, link);
    await sound(admin, name);
  }
  await open(admin, "Catalogues");
  await open(admin, "pureconnect-4");
  await sound(admin, "catalogue");
  await admin.goto("/me/codes");
  await sound(admin, "codes");
  await admin.goto("/accounts/NOBODY");
  await sound(admin, "not-there");
});

test("a partner serves the customers under its account, and sees no other", async () => {
  const admin = await office.window();
  office.run("portal", "account", "add", "PART", "Partner & Sons", "--kind", "partner");
  office.run("portal", "account", "add", "SMALL", "Small Customer", "--parent", "PART");
  office.run("portal", "account", "add", "ELSE", "Somebody Else");
  office.run("portal", "site", "add", "SMALL", "Bonn");
  const path = new URL(office.run("portal", "person", "add", "pia@part.example.com", "Pia Partner", "--role", "partner", "--account", "PART")).pathname;
  await welcome(admin, path, "pia@part.example.com");
  await admin.getByRole("link", { name: "Small Customer" }).waitFor();
  await sound(admin, "partner-accounts");
  assert.equal(await admin.getByText("Somebody Else").count(), 0);
  assert.equal((await admin.goto("/accounts/ELSE")).status(), 404);
  assert.equal((await admin.goto("/orders")).status(), 403);
});

test("orders are imported from a file: mistakes are all told, and nothing is booked before it is asked for", async () => {
  const page = await office.window();
  office.run("portal", "account", "add", "BULK", "Bulk Buyer");
  office.run("portal", "site", "add", "BULK", "Rome");
  const path = new URL(office.run("portal", "person", "add", "otto@example.com", "Otto Orders", "--role", "orders")).pathname;
  await welcome(page, path, "otto@example.com");
  await page.goto("/orders/import");
  await sound(page, "import");
  const heading = "order,account,site,catalogue,part,quantity\n";
  const file = (rows) => ({ name: "orders.csv", mimeType: "text/csv", buffer: Buffer.from(heading + rows) });
  await page.getByLabel("CSV file").setInputFiles(file("B-1,BULK,Rome,pureconnect-4,SW-001-4.0-AL02,many\nB-2,BULK,Paris,pureconnect-4,SW-001-4.0-AL02,5\n"));
  await press(page, "Check");
  await page.getByRole("alert").filter({ hasText: "2 mistakes" }).waitFor();
  await sound(page, "import-wrong");
  await page.getByLabel("CSV file").setInputFiles(file("B-1,BULK,Rome,pureconnect-4,SW-001-4.0-AL02,7\nB-2,BULK,Rome,pureconnect-4,SW-001-4.0-AL02,5\n"));
  await press(page, "Check");
  await said(page, "2 orders, no mistakes");
  await sound(page, "import-good");
  await press(page, "Book all 2");
  await said(page, "2 booked, 0 booked before, 0 refused");
  await sound(page, "import-ended");
  // Many more: the page shows how far it is, may be closed, and comes to its end by itself.
  const rows = Array.from({ length: 800 }, (_, at) => `M-${at},BULK,Rome,pureconnect-4,SW-001-4.0-AL06,1`);
  await page.goto("/orders/import");
  await page.getByLabel("CSV file").setInputFiles(file(rows.join("\n")));
  await press(page, "Check");
  await press(page, "Book all 800");
  await page.getByText(/of 800 orders/).waitFor();
  await sound(page, "import-running");
  const address = page.url();
  await page.goto("about:blank");
  await page.goto(address);
  await said(page, "800 booked, 0 booked before, 0 refused");
  await page.getByText("1 to 50 of 800 orders").waitFor();
  await open(page, "Import orders");
  await sound(page, "import");
  await page.goto("/orders?text=m-39");
  await page.getByRole("link", { name: "M-399" }).waitFor();
  assert.equal(await page.locator("tbody tr").count(), 11, "M-39 and M-390 to M-399");
  await page.goto("/accounts/BULK");
  assert.match(await page.locator("tr", { hasText: "SW-001-4.0-AL02" }).innerText(), /12\s+0\s+12/);
});

test("a stranger asks for a license file, attaches the old one, and gets an answer by mail", async () => {
  const stranger = await office.window();
  await stranger.goto("/sign-in");
  await open(stranger, "Ask the publisher");
  await sound(stranger, "request-choose");
  await open(stranger, "License order kit");
  await sound(stranger, "request-order-kit");
  await stranger.goto("/request/publisher");
  await stranger.getByLabel("First name (needed)").fill("Rita");
  await stranger.getByLabel("Last name (needed)").fill("Requester");
  await stranger.getByLabel("Corporate email (needed)", { exact: true }).fill("rita@acme.example.com");
  await stranger.getByLabel("Confirm corporate email (needed)").fill("rita@acme.example.org");
  await stranger.getByLabel("Employer (needed)").fill("Acme");
  await stranger.getByLabel("Subject (needed)").fill("The host broke");
  await stranger.getByLabel("Description (needed)").fill("A new mainboard,\nand a new host id.");
  await stranger.getByLabel("Activation file type (needed)").selectOption("Change of host");
  await stranger.getByLabel(/^Urgent/).check();
  await press(stranger, "Submit and continue");
  await stranger.getByRole("alert").filter({ hasText: "Not filed" }).waitFor();
  await stranger.getByText("an urgent request says why").waitFor();
  await sound(stranger, "request-wrong");
  await stranger.getByLabel("Confirm corporate email (needed)").fill("rita@acme.example.com");
  await stranger.getByLabel("Date reasoning").fill("The centre is down.");
  await press(stranger, "Submit and continue");
  await said(stranger, "Filed");
  await stranger.getByLabel("File", { exact: true }).setInputFiles({ name: "old.lic", mimeType: "text/plain", buffer: Buffer.from("SERVER cic1 0050569a1b2c\n") });
  await press(stranger, "Upload attachment");
  await said(stranger, "Attached");
  await sound(stranger, "request");
  const confirmed = await office.mail("rita@acme.example.com", "is filed as AFR-");
  const replies = confirmed.text.match(/reply-to: <?(licensing\+afr-\S+@example\.com)/i)[1];

  const analyst = await office.window();
  const path = new URL(office.run("portal", "person", "add", "anna@example.com", "Anna Analyst", "--role", "analyst")).pathname;
  await welcome(analyst, path, "anna@example.com");
  await open(analyst, "Requests");
  await sound(analyst, "requests");
  await analyst.getByRole("link", { name: /^AFR-/ }).first().click();
  await analyst.getByLabel("Looked after by").selectOption("Anna Analyst");
  await analyst.getByLabel("Account", { exact: true }).fill("ACME");
  await press(analyst, "Save");
  await said(analyst, "Changed");
  const [download] = await Promise.all([analyst.waitForEvent("download"), open(analyst, "old.lic")]);
  assert.match(readFileSync(await download.path(), "utf8"), /SERVER cic1/);
  await analyst.getByLabel("Answer", { exact: true }).fill("Which mainboard?");
  await press(analyst, "Send the answer");
  await said(analyst, "answer is on its way");
  await office.mail("rita@acme.example.com", "Which mainboard?");

  // The mail server hands over what Rita replies.
  office.pipe(`From: Rita <rita@acme.example.com>\nTo: ${replies}\nMessage-ID: <r1@acme.example.com>\n\nThe second one.\n`, "portal", "mail", "--config", "portal.toml");
  await stranger.reload();
  await stranger.getByText("The second one.").waitFor();
  await analyst.reload();
  await analyst.getByText("The second one.").waitFor();
  await sound(analyst, "request-staff");
  await analyst.goto("/accounts/ACME/requests");
  await sound(analyst, "account-requests");
});

test("a passkey is made and signs in, also where codes must be shown, and is removed again", async () => {
  const page = await office.window();
  const path = new URL(office.run("portal", "person", "add", "pat@example.com", "Pat Passkey", "--role", "administrator")).pathname;
  await welcome(page, path, "pat@example.com");
  // An authenticator as a telephone has one: it keeps keys, and its owner unlocks it.
  const session = await page.context().newCDPSession(page);
  await session.send("WebAuthn.enable");
  const options = { protocol: "ctap2", transport: "internal", hasResidentKey: true, hasUserVerification: true, isUserVerified: true };
  const { authenticatorId } = await session.send("WebAuthn.addVirtualAuthenticator", { options });
  await page.goto("/me");
  await page.getByLabel("What you call it").fill("my telephone");
  await press(page, "Add a passkey");
  await said(page, "The passkey is added");
  await page.getByText("my telephone").waitFor();
  await sound(page, "me-passkey");
  await office.mail("pat@example.com", "my telephone");
  await press(page, "Sign out");
  await press(page, "Sign in with a passkey");
  await page.getByRole("heading", { name: "Accounts" }).waitFor();
  await page.goto("/me");
  await page.getByRole("button", { name: "Remove the passkey my telephone" }).click();
  await said(page, "Removed");
  await press(page, "Sign out");
  await press(page, "Sign in with a passkey");
  await page.getByRole("heading", { name: "That can't be done" }).waitFor();
  await page.getByText("this passkey does not sign in here").waitFor();
  // One who doesn't unlock it gets nowhere.
  await session.send("WebAuthn.setUserVerified", { authenticatorId, isUserVerified: false });
  await page.goto("/sign-in");
  await press(page, "Sign in with a passkey");
  await page.getByText("It did not work").waitFor();
});

test("everything works without scripts, too", async () => {
  const page = await office.window({ javaScriptEnabled: false });
  const path = new URL(office.run("portal", "person", "add", "nora@example.com", "Nora Noscript", "--role", "administrator")).pathname;
  await welcome(page, path, "nora@example.com");
  await page.goto("/accounts?text=Acme");
  await open(page, "Acme Contact Centres");
  await open(page, "New Activation File");
  await page.getByLabel("Product and version").selectOption("pureconnect-4");
  await press(page, "Go");
  await page.getByLabel("License Type").selectOption("production");
  await press(page, "Go");
  await page.getByLabel("Host Id (needed)", { exact: true }).fill("0050569a1b2c");
  await page.getByLabel("Machine Name (needed)", { exact: true }).fill("cic2");
  await press(page, "Preview");
  await page.getByRole("alert").filter({ hasText: "no current certification" }).waitFor();
  await page.goto("/orders/import");
  const csv = "order,account,site,catalogue,part,quantity\nN-1,ACME,Berlin,pureconnect-4,SW-001-4.0-AL02,7\n";
  await page.getByLabel("CSV file").setInputFiles({ name: "orders.csv", mimeType: "text/csv", buffer: Buffer.from(csv) });
  await press(page, "Check");
  await press(page, "Book all 1");
  await said(page, "1 booked");
  await press(page, "Sign out");
  await page.getByRole("heading", { name: "Sign in" }).waitFor();
});

test("an order is activated without an account: by what is typed in, and by a request file", async () => {
  const office = await Office.open("wfo");
  after(() => office.close());
  const page = await office.window();
  office.run("portal", "account", "add", "REC", "Recorders");
  office.run("portal", "site", "add", "REC", "Oslo");
  office.write("wfo.csv", `order,account,site,catalogue,part,quantity\nW-1,REC,Oslo,wfo,Interaction Recording,5\n`);
  const lrn = office.run("portal", "order", "import", "wfo.csv", "--book").match(/LRN-[0-9A-Z-]+/)[0];
  await page.goto("/sign-in");
  await open(page, "Activate a license");
  await sound(page, "activate");
  await page.getByLabel("License reference number").fill(`${lrn.slice(0, -1)}${lrn.endsWith("Z") ? "Y" : "Z"}`);
  await page.getByLabel("Registration key").fill("0123456789ABCDEF");
  await press(page, "Activate and download");
  await page.getByRole("alert").filter({ hasText: lrn }).waitFor();
  await sound(page, "activate-wrong");
  office.run("activate", lrn, "--registration-key", "0123456789ABCDEF", "--request", "request.json");
  await page.getByLabel(/^Request file/).setInputFiles(`${office.folder}/request.json`);
  const [download] = await Promise.all([page.waitForEvent("download"), press(page, "Activate and download")]);
  const text = readFileSync(await download.path(), "utf8");
  assert.match(text, /RK=0123456789ABCDEF[^]*SIGN="/);

  // The account gives the file back; its server reports that it goes on with it.
  const path = new URL(office.run("portal", "person", "add", "ada@example.com", "Ada Lovelace", "--role", "administrator")).pathname;
  await welcome(page, path, "ada@example.com");
  office.run("portal", "file", "deactivate", "REC", "AF-000001", "--reason", "returned");
  const word = (name) => text.match(new RegExp(`${name}="?([0-9a-f]+)`))[1];
  const loaded = [{ lrn, serial: word("SERIAL"), generation: Number(word("GENERATION")) }];
  const report = { registration_key: "0123456789ABCDEF", machine: "recorder1", loaded };
  const answer = await page.request.post("/api/v1/reports", { data: report, headers: { origin: office.url } });
  assert.equal((await answer.json()).loaded[0].standing, "deactivated");
  await page.goto("/accounts/REC");
  await sound(page, "summary-still-used");
  await open(page, "Which, and what to do");
  await page.getByRole("cell", { name: /recorder1/ }).waitFor();
  await sound(page, "activity-still-used");
  await open(page, "AF-000001");
  await sound(page, "file-still-used");
  await page.goto("/requests");
  await open(page, "1");
  await page.getByText("Remove the file there").waitFor();
  await sound(page, "still-used");
});
