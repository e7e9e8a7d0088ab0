// The portal's pages that the walks of portal.test.mjs and estate.test.mjs don't pass, and the states in which people seldom see them.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { code, open, press, said, sound } from "./look.mjs";
import { Office, PASSWORD, signIn } from "./office.mjs";
import { Provider } from "./provider.mjs";

let office;
let provider;
let ada;

before(async () => {
  office = await Office.open("pureconnect", async (folder) => {
    provider = await Provider.start(folder);
    return provider.setting;
  });
  ada = await office.window();
  await office.person(ada, "ada@example.com", "Ada Lovelace", "--role", "administrator");
  office.run("portal", "account", "add", "ACME", "Acme Contact Centres");
  office.run("portal", "site", "add", "ACME", "Berlin");
});
after(async () => {
  provider?.close();
  await office?.close();
});

/** Books orders for ACME's Berlin; each row is an order's number, a part and how many. */
function book(...rows) {
  const lines = rows.map(([order, part, quantity]) => `${order},ACME,Berlin,pureconnect-4,${part},${quantity}`);
  office.write("orders.csv", `order,account,site,catalogue,part,quantity\n${lines.join("\n")}\n`);
  office.run("portal", "order", "import", "orders.csv", "--book");
}

test("whoever forgot the password, mistypes it, or shows codes gets in", async () => {
  const page = await office.window();
  await office.person(page, "cody@example.com", "Cody Codes", "--role", "analyst");
  await page.goto("/me");
  await open(page, "Turn codes on");
  await page.getByLabel("The code that the app shows now").fill("000000");
  await press(page, "Turn codes on");
  await page.getByRole("alert").filter({ hasText: "This is not the code" }).waitFor();
  await sound(page, "codes-wrong");
  const key = (await page.locator("main code").first().textContent()).trim();
  await page.getByLabel("The code that the app shows now").fill(code(key));
  await press(page, "Turn codes on");
  await said(page, "you show a code");
  await page.goto("/me");
  await sound(page, "me-codes-on");
  await press(page, "Sign out");

  await page.getByLabel("Mail address").fill("cody@example.com");
  await page.getByLabel("Password").fill("six purple oxen sing");
  await press(page, "Sign in");
  await page.getByRole("alert").filter({ hasText: "wrong" }).waitFor();
  await sound(page, "sign-in-wrong");
  await open(page, "Forgot the password?");
  await sound(page, "forgot");
  await page.getByLabel("Mail address").fill("cody@example.com");
  await press(page, "Send the link");
  await said(page, "a link is on its way");
  await sound(page, "forgot-sent");
  await page.goto(await office.link("cody@example.com", "password"));
  await page.getByLabel("New password").fill("password1234");
  await page.getByLabel("Once more").fill("password1234");
  await press(page, "Set the password");
  await page.getByRole("alert").filter({ hasText: "won't do" }).waitFor();
  await sound(page, "password-wrong");
  await page.getByLabel("New password").fill(PASSWORD);
  await page.getByLabel("Once more").fill(PASSWORD);
  await press(page, "Set the password");

  await page.goto("/sign-in");
  await page.getByLabel("Mail address").fill("cody@example.com");
  await page.getByLabel("Password").fill(PASSWORD);
  await press(page, "Sign in");
  await page.getByRole("heading", { name: "Show a code" }).waitFor();
  await sound(page, "code");
  await page.getByLabel("Code of six digits").fill("000000");
  await press(page, "Go on");
  await page.getByRole("alert").filter({ hasText: "not the code" }).waitFor();
  await sound(page, "code-wrong");
  await page.getByLabel("Code of six digits").fill(code(key, 1));
  await press(page, "Go on");
  await page.getByRole("heading", { name: "Accounts" }).waitFor();
});

test("somebody takes an invitation with an account elsewhere, signs in with it, proves it, and is told when they said no there", async () => {
  const path = new URL(office.run("portal", "person", "add", "olaf@example.com", "Olaf Elsewhere", "--role", "administrator")).pathname;
  const page = await office.window();
  await page.goto("/sign-in");
  await page.getByRole("link", { name: "Sign in with Acme" }).waitFor();
  await sound(page, "sign-in-provider");
  await page.goto(path);
  await sound(page, "choose-a-password-provider");
  await press(page, "Sign in with Acme instead");
  await page.getByRole("heading", { name: "Go on at Acme" }).waitFor();
  await sound(page, "onward");
  provider.mail = "olaf@example.com";
  await open(page, "Go on at Acme");
  await page.getByRole("heading", { name: "Accounts" }).waitFor();
  await page.goto("/me");
  await page.getByText("olaf@example.com").first().waitFor();
  await sound(page, "me-linked");
  await page.goto("/me/prove?next=/people/new");
  await sound(page, "prove-provider");
  await press(page, "Show it with Acme");
  await open(page, "Go on at Acme");
  await page.getByRole("heading", { name: "Invite somebody" }).waitFor();
  await press(page, "Sign out");

  provider.refuses = true;
  await page.getByRole("link", { name: "Sign in with Acme" }).click();
  await page.getByRole("heading", { name: "That can't be done" }).waitFor();
  assert.equal(new URL(page.url()).pathname, "/sign-in/with/acme/back");
  await sound(page, "provider-refused");
  provider.refuses = false;
  await page.goto("/sign-in");
  await page.getByRole("link", { name: "Sign in with Acme" }).click();
  await page.getByRole("heading", { name: "Accounts" }).waitFor();
});

test("on a telephone the tab that is open is in sight, wherever it stands in its row", async () => {
  const size = ada.viewportSize();
  await ada.setViewportSize({ width: 390, height: 844 });
  const brought = [];
  for (const tab of ["", "/software", "/files", "/upgrade", "/new", "/sites", "/orders", "/requests"]) {
    await ada.goto(`/accounts/ACME${tab}`);
    const [inside, moved] = await ada.evaluate(() => {
      const open = [...document.querySelectorAll("nav [aria-current]")].at(-1);
      const [box, row] = [open.getBoundingClientRect(), open.parentElement.getBoundingClientRect()];
      return [box.left >= row.left && box.right <= Math.min(row.right, innerWidth) + 1, open.parentElement.scrollLeft > 0];
    });
    assert.ok(inside, `${tab || "Account Summary"} is out of sight`);
    if (moved) brought.push(tab);
  }
  assert.ok(brought.length > 0, "the row is wider than the window");
  await ada.setViewportSize(size);
});

test("whoever changes people shows the password once more", async () => {
  await ada.goto("/me/prove?next=/people/new");
  await sound(ada, "prove");
  await ada.getByLabel("Password").fill("six purple oxen sing");
  await press(ada, "Go on");
  await ada.getByRole("alert").filter({ hasText: "not the password" }).waitFor();
  await sound(ada, "prove-wrong");
  await ada.getByLabel("Password").fill(PASSWORD);
  await press(ada, "Go on");
  await ada.getByRole("heading", { name: "Invite somebody" }).waitFor();
});

test("a person's page says where they are signed in, and ends it", async () => {
  const [one, other] = [await office.window(), await office.window()];
  await office.person(one, "vera@example.com", "Vera Visitor", "--role", "analyst");
  await signIn(other, "vera@example.com");
  await one.goto("/me");
  await sound(one, "me-visits");
  await ada.goto("/people");
  await open(ada, "Vera Visitor");
  await ada.getByRole("button", { name: /^End the visit/ }).first().waitFor();
  assert.equal(await ada.getByRole("button", { name: /^End the visit/ }).count(), 2);
  await sound(ada, "person-visits");
  await press(ada, "End all of them");
  await ada.getByText("Nowhere.").waitFor();
  await one.goto("/accounts");
  await one.getByRole("heading", { name: "Sign in" }).waitFor();
  await ada.getByLabel("Name (needed)").fill("Vera V. Visitor");
  await ada.getByLabel(/^Auditor/).check();
  await press(ada, "Save");
  await ada.getByRole("alert").filter({ hasText: "roles" }).waitFor();
  await sound(ada, "person-wrong");
});

test("each form of a request, an answer, and the end of it", async () => {
  const page = await office.window();
  for (const kind of ["question", "publisher", "third-party", "hosted", "order-kit"]) {
    await page.goto(`/request/${kind}`);
    await sound(page, `request-form-${kind}`);
  }
  await page.goto("/request/question");
  await page.getByLabel("First name (needed)").fill("Quin");
  await page.getByLabel("Last name (needed)").fill("Question");
  await page.getByLabel("Corporate email (needed)", { exact: true }).fill("quin@acme.example.com");
  await page.getByLabel("Confirm corporate email (needed)").fill("quin@acme.example.com");
  await page.getByLabel("Employer (needed)").fill("Acme");
  await page.getByLabel("Subject (needed)").fill("What is a pooled license?");
  await page.getByLabel("Description (needed)").fill("We own some.");
  await press(page, "Submit and continue");
  await said(page, "Filed");
  const number = (await page.getByRole("heading", { level: 1 }).textContent()).trim();
  await ada.goto("/requests?which=all");
  await open(ada, number);
  await ada.getByLabel("Note", { exact: true }).fill("A good question.");
  await press(ada, "Keep the note");
  await ada.getByText("A good question.").waitFor();
  await ada.getByLabel("Answer", { exact: true }).fill("One that whoever comes first uses.");
  await press(ada, "Send the answer");
  await said(ada, "answer is on its way");
  await sound(ada, "request-staff-answered");
  await page.reload();
  await page.getByText("One that whoever comes first uses.").waitFor();
  assert.equal(await page.getByText("A good question.").count(), 0, "notes are for staff");
  await sound(page, "request-answered");
  await ada.getByLabel("Answer", { exact: true }).fill("That is all.");
  await ada.getByLabel("This closes the request").check();
  await press(ada, "Send the answer");
  await said(ada, "answer is on its way");
  await sound(ada, "request-staff-done");
  await page.reload();
  await page.getByText("The request is done; this opens it again.").waitFor();
  await sound(page, "request-done");
});

test("an account is edited by the publisher's staff, which sees what stands under it", async () => {
  await ada.goto("/accounts/ACME");
  await open(ada, "Edit the account");
  await sound(ada, "account-edit");
  await open(ada, "New account under it");
  await ada.getByLabel("Reference number (needed)").fill("TENANT");
  await ada.getByLabel("Name (needed)").fill("A tenant");
  await press(ada, "Create");
  await said(ada, "Created");
  await ada.goto("/accounts/ACME/edit");
  await ada.getByRole("link", { name: "A tenant" }).waitFor();
  await ada.getByLabel("Under the account").fill("TENANT");
  await press(ada, "Save");
  await ada.getByRole("alert").filter({ hasText: "can't stand under TENANT" }).waitFor();
  await sound(ada, "account-edit-wrong");
  await ada.getByLabel("Under the account").fill("");
  await ada.getByLabel("Name (needed)").fill("Acme Service");
  await ada.getByLabel("Kind").selectOption("service-provider");
  await press(ada, "Save");
  await said(ada, "Changed");
  await ada.getByRole("heading", { name: "Acme Service" }).waitFor();
  await sound(ada, "account-edit-under");
});

test("a site is edited, an order is entered, and an import stands in the list", async () => {
  await ada.goto("/accounts/ACME/sites");
  await open(ada, "Berlin");
  await sound(ada, "site-edit");
  await ada.getByLabel("City").fill("Berlin");
  await press(ada, "Save");
  await said(ada, "Changed");
  await ada.goto("/orders/new");
  await sound(ada, "new-order");
  await ada.goto("/orders/import");
  const file = { name: "orders.csv", mimeType: "text/csv", buffer: Buffer.from("order,account,site,catalogue,part,quantity\nI-1,ACME,Berlin,pureconnect-4,SW-001-4.0-AL02,7\n") };
  await ada.getByLabel("CSV file").setInputFiles(file);
  await press(ada, "Check");
  await press(ada, "Book all 1");
  await said(ada, "1 booked");
  await ada.goto("/orders/import");
  await ada.getByRole("cell", { name: "ended" }).waitFor();
  await sound(ada, "import-list");
  for (const column of ["Order", "Install Site", "Booked"]) {
    await ada.goto("/accounts/ACME/orders");
    await open(ada, column);
    await ada.getByRole("columnheader", { name: `${column} ▲` }).waitFor();
  }
  await sound(ada, "orders-sorted");
});

test("a webhook that is not taken, and a change of a key that waits for another administrator", async () => {
  await ada.goto("/hooks");
  await ada.getByLabel("Address (needed)").fill("http://erp.example.com/grantor");
  await press(ada, "Add");
  await ada.getByRole("alert").filter({ hasText: "https" }).waitFor();
  await sound(ada, "webhooks-wrong");
  await ada.getByLabel("Address (needed)").fill("https://localhost:9/grantor");
  await press(ada, "Add");
  await said(ada, "Copy the secret");
  await sound(ada, "webhooks-made");
  await ada.goto("/keys");
  const key = (await ada.getByRole("region", { name: "Keys in the signer" }).locator("code").first().textContent()).trim();
  await ada.getByLabel("KEY or REVOKED line (needed)").fill(office.run("keys", "revoke", "keys", key, "--from", "2999-12-31"));
  await ada.getByLabel("Reason (needed)").first().fill("a laptop is gone");
  await press(ada.locator("form", { hasText: "Put to use, or revoke" }), "Ask for it");
  await said(ada, "Another administrator");
  await sound(ada, "keys-waiting");
  const bob = await office.window();
  await office.person(bob, "bob@example.com", "Bob", "--role", "administrator");
  await bob.goto("/keys");
  await bob.getByRole("button", { name: "Approve 1" }).waitFor();
  await sound(bob, "keys-to-approve");
  await press(bob, "Decline 1");
  await said(bob, "Declined");
  await sound(bob, "keys-declined");
});

test("a part opens to its keys, and files come in pages that keep filter and order", async () => {
  book(["S-1", "SW-001-4.0-SL03", 61], ["S-1", "SW-001-4.0-AL02", 60]);
  await ada.goto("/accounts/ACME");
  await ada.getByText("SW-001-4.0-AL02", { exact: true }).click();
  await ada.getByText("I3_ACCESS_CLIENT (1 assigned, 0 pooled)").waitFor();
  await ada.getByText("I3_LICENSE_BASIC_STATION (1 assigned, 0 pooled)").waitFor();
  await sound(ada, "summary-open");
  await ada.goto("/accounts/ACME/software");
  await sound(ada, "software-sold");

  office.run("portal", "person", "certify", "ada@example.com", "pureconnect-4", "2999-12-31");
  await ada.goto("/me");
  await ada.getByLabel("What it is for").fill("many files");
  await ada.getByLabel(/^Install sites and license files|license files/i).first().check();
  await ada.getByLabel("Your password").fill(PASSWORD);
  await press(ada, "Make a token");
  const token = (await ada.locator("#made").textContent()).trim();
  const make = async (at) => {
    const machine = { host_id: `0050569a${at.toString(16).padStart(4, "0")}`, name: `cic${at}` };
    const selection = { catalogue: "pureconnect-4", license_type: "production", machine, items: [{ part: "SW-001-4.0-SL03", quantity: 1, pooled: 0 }] };
    const headers = { authorization: `Bearer ${token}`, "idempotency-key": `machine-${at}` };
    const made = await ada.request.post("/api/v1/accounts/ACME/files", { headers, data: { site: "Berlin", selection } });
    assert.equal(made.status(), 201, await made.text());
  };
  for (let at = 10; at < 70; at += 1) await make(at);
  await ada.goto("/accounts/ACME/files?machine=cic");
  await open(ada, "Machine");
  await ada.getByText("60 results").waitFor();
  await ada.getByRole("cell", { name: "cic10", exact: true }).waitFor();
  await sound(ada, "activity-pages");
  await ada.getByRole("link", { name: /Next/ }).click();
  await ada.getByRole("cell", { name: "cic69", exact: true }).waitFor();
  assert.equal(await ada.locator("tbody tr").count(), 10);
  await sound(ada, "activity-last-page");
  const csv = await ada.request.get(new URL(await ada.getByRole("link", { name: /CSV/ }).getAttribute("href"), ada.url()).href);
  assert.equal((await csv.text()).trim().split("\n").length, 61, "the file has every row of every page");
});

test("a filter is saved, opened again and removed", async () => {
  await ada.goto("/accounts/ACME/files?machine=cic1&sort=machine");
  await ada.getByText("Saved filters").click();
  await ada.getByLabel("Save this filter as").fill("the tens");
  await press(ada, "Save");
  await said(ada, "saved");
  await ada.goto("/accounts/ACME/files");
  await open(ada, "the tens");
  await ada.getByText("10 results").waitFor();
  assert.equal(await ada.getByLabel("Machine Name").inputValue(), "cic1");
  await sound(ada, "activity-saved");
  await press(ada, "Remove the filter the tens");
  await said(ada, "Removed");
  assert.equal(await ada.getByRole("link", { name: "the tens" }).count(), 0);
});

test("what can't be shown has a page that says what to do", async () => {
  const otto = await office.window();
  await office.person(otto, "otto@example.com", "Otto Orders", "--role", "orders");
  const faults = [
    [otto, "/people", 403, "You may not open this page"],
    [ada, "/no-such-page", 404, "There is no such page"],
    [ada, "/accounts/ACME/files/AF-999999", 404, "That can't be done"],
    [ada, "/accounts/ACME/files?page=many", 200, null],
  ];
  for (const [page, path, status, title] of faults) {
    const answer = await page.goto(path);
    assert.equal(answer.status(), status, path);
    if (!title) continue;
    await page.getByRole("heading", { name: title }).waitFor();
    await sound(page, `fault-${status}${path.replaceAll("/", "-")}`);
  }
  await ada.goto("/accounts/ACME/files?machine=cic10");
  await ada.locator("tbody a").first().click();
  await ada.getByLabel("Why", { exact: true }).evaluate((field) => field.removeAttribute("required"));
  ada.once("dialog", (dialog) => dialog.accept());
  await press(ada, "Deactivate");
  await ada.getByRole("alert").filter({ hasText: "reason" }).waitFor();
  await sound(ada, "fault-422");
});

test("a file that waits for its signatures says so, and is had as soon as the signer is back", async () => {
  await office.signsNoMore();
  await ada.goto("/accounts/ACME/new?product=pureconnect-4&type=production");
  await ada.getByLabel("Host Id (needed)", { exact: true }).fill("0050569affff");
  await ada.getByLabel("Machine Name (needed)", { exact: true }).fill("late");
  await ada.getByLabel("Use so many of SW-001-4.0-AL02").fill("1");
  await press(ada, "Preview");
  await press(ada, "Generate Activation File");
  await ada.getByRole("status").filter({ hasText: "It waits for its signatures" }).waitFor();
  await sound(ada, "file-waiting");
  const file = new URL(ada.url()).pathname;
  await ada.goto("/accounts/ACME/files?machine=late");
  await ada.getByText("waits for signature").waitFor();
  await sound(ada, "activity-waiting");
  const answer = await ada.goto(`${file}/download`);
  assert.equal(answer.status(), 503);
  await ada.getByRole("alert").filter({ hasText: "is not signed yet" }).waitFor();
  await sound(ada, "fault-503");
  await ada.goto("/keys");
  await sound(ada, "keys-signer-away");
  await office.signs();
  office.run("portal", "sign");
  await ada.goto(file);
  await ada.getByRole("link", { name: "Download License" }).waitFor();
});

test("an auditor finds what there is to read, and no button that changes it", async () => {
  const page = await office.window();
  await office.person(page, "lou@example.com", "Lou Looker", "--role", "auditor");
  await page.getByRole("heading", { name: "Accounts" }).waitFor();
  await open(page, "Acme Service");
  await sound(page, "summary-auditor");
  for (const what of ["Edit the account", "New activation file"]) assert.equal(await page.getByRole("link", { name: what }).count(), 0, what);
});
