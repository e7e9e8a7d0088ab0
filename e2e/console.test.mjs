// The license server's console in a browser: from an empty server to licenses in use, looked at as its administrator does.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { code, open, press, said, sound } from "./look.mjs";
import { Site, order } from "./site.mjs";

const PASSWORD = "seven purple oxen sing";
const OTHER = "eleven angry geese at noon";

/** Has the administrator at `page` invite somebody; gives the link's path. */
async function invite(page, name, called, role) {
  await page.goto("/settings/people");
  await page.getByLabel("Name to sign in with").fill(name);
  await page.getByLabel("What the person is called").fill(called);
  await page.getByLabel(role).check();
  await press(page, "Invite");
  return new URL(await page.locator("#made").textContent()).pathname;
}

/** Takes an invitation. */
async function welcome(page, path) {
  await page.goto(path);
  await page.getByLabel("New password").fill(PASSWORD);
  await page.getByLabel("Once more").fill(PASSWORD);
  await press(page, "Set the password and sign in");
  await page.getByRole("heading", { name: "Overview" }).waitFor();
}

async function signIn(page, name, password) {
  await page.getByLabel("Name", { exact: true }).fill(name);
  await page.getByLabel("Password", { exact: true }).fill(password);
  await press(page, "Sign in");
}

let site;
let page;

before(async () => {
  site = await Site.open();
  page = await site.window();
});
after(() => site?.close());

test("the first administrator comes in with the set-up token, and nobody without it", async () => {
  await page.goto("/licenses");
  await page.getByRole("heading", { name: "Who administers this site?" }).waitFor();
  await sound(page, "console-set-up");
  const fill = async (token) => {
    await page.getByLabel("Set-up token").fill(token);
    await page.getByLabel("Your name").fill("ann");
    await page.getByLabel("Password", { exact: true }).fill(PASSWORD);
    await page.getByLabel("The password again").fill(PASSWORD);
    await press(page, "Go on");
  };
  await fill("grt_not-the-one");
  await page.getByRole("alert").waitFor();
  await fill(site.read("data/setup-token").trim());
  await page.getByRole("heading", { name: "What was bought?" }).waitFor();
  await sound(page, "console-set-up-licenses");
  await press(page, "Sign out");
  await page.waitForURL((url) => url.pathname === "/sign-in");
  await sound(page, "console-sign-in");
  await page.getByLabel("Name").fill("ann");
  await page.getByLabel("Password").fill("wrong, but long enough");
  await press(page, "Sign in");
  await page.getByRole("alert").filter({ hasText: "wrong name or password" }).waitFor();
  await page.getByLabel("Password").fill(PASSWORD);
  await press(page, "Sign in");
  await page.getByRole("heading", { name: "Overview" }).waitFor();
  await page.getByText("No license file is loaded.").waitFor();
  await sound(page, "console-empty");
});

test("the set-up assistant goes from the license file over stations to a test checkout", async () => {
  const file = site.issue("first", order("PC-2026-0100", [["SW-001-4.0-SL03", "quantity = 1"], ["SW-001-4.0-AL04", "assigned = 5\npooled = 25"]]));
  await page.goto("/set-up/licenses");
  await page.getByLabel("License file", { exact: true }).setInputFiles(file);
  await press(page, "Look at it");
  await page.getByText("Nothing is loaded yet.").waitFor();
  await sound(page, "console-preview");
  await press(page, "Load it");
  await said(page, "The license file is loaded.");
  await page.getByRole("heading", { name: "Which stations are there?" }).waitFor();
  await sound(page, "console-set-up-stations");
  await page.getByLabel("How many").fill("12");
  await press(page, "Make them");
  await page.getByRole("heading", { name: "Does it work?" }).waitFor();
  await page.getByLabel("Feature").selectOption("I3_FEATURE_SIP");
  await press(page, "Try it");
  await said(page, "It works. One seat of I3_FEATURE_SIP 4.0 was taken and given back.");
  await sound(page, "console-set-up-test");
  await press(page, "Finish");
  await said(page, "Everything is set up.");
  await sound(page, "console-overview");
});

test("what is loaded is shown with its state, its lines and its use", async () => {
  await page.goto("/licenses");
  await page.getByRole("link", { name: "PC-2026-0100" }).waitFor();
  await sound(page, "console-licenses");
  await open(page, "PC-2026-0100");
  await sound(page, "console-license");
  await page.goto("/features");
  await sound(page, "console-features");
});

test("a file of no use is refused in words, and what was there stays", async () => {
  await page.goto("/licenses/import");
  await page.getByLabel("Or its text").fill("FEATURE nothing acme 1.0 permanent 5 SIGN=00\n");
  await press(page, "Look at it");
  await page.getByRole("heading", { name: /It was not done/ }).waitFor();
  await page.getByText("What to do:").waitFor();
  await sound(page, "console-refused");
  await open(page, "Back");
  await page.goto("/licenses");
  await page.getByRole("link", { name: "PC-2026-0100" }).waitFor();
});

test("a license is allocated to the last seat and not beyond, and everybody is told why", async () => {
  for (const name of ["ann", "bob", "cid", "dan", "eve", "fay"]) {
    await page.goto("/users");
    await page.getByLabel("Name", { exact: true }).last().fill(name);
    await press(page, "Add");
    await said(page, "It was saved.");
  }
  await sound(page, "console-user");
  await page.goto("/users");
  await sound(page, "console-users");
  await page.goto("/groups");
  await page.getByLabel("Name", { exact: true }).last().fill("sales");
  await page.getByLabel("Queue").selectOption("ACD");
  await page.getByLabel("call").check();
  await press(page, "Add");
  await page.getByLabel("Users to put in, one a line").fill("ann\nbob\ncid\ndan\neve");
  await press(page, "Look at it");
  await page.getByText("`ann` is in the workgroup `sales` and has no ACD access license").waitFor();
  await sound(page, "console-confirm");
  await press(page, "Do it");
  await page.getByText("5 members").waitFor();
  await sound(page, "console-group");
  await page.goto("/allocation");
  await sound(page, "console-allocation");
  await open(page, "I3_ACCESS_CLIENT");
  await page.getByLabel("User, workgroup or station").fill("sales");
  await press(page, "Search");
  await page.getByLabel(/sales/).check();
  await sound(page, "console-allocate");
  await press(page, "Look at it");
  await page.getByText("I3_ACCESS_CLIENT, assignable configured: 0 → 5").waitFor();
  await press(page, "Do it");
  await page.getByText("every assignable license is configured").waitFor();
  await page.getByLabel("User, workgroup or station").fill("fay");
  await press(page, "Search");
  await page.getByLabel(/fay/).check();
  await press(page, "Look at it");
  await page.getByRole("heading", { name: "It was not done: too few seats are left" }).waitFor();
  await open(page, "Back");
  await page.getByLabel("Take it from user ann").check();
  await press(page, "Take it from those chosen");
  await press(page, "Do it");
  await page.getByText("4 of 5 configured").waitFor();
  await page.goto("/stations/station-3");
  await page.getByText("held", { exact: true }).waitFor();
  await sound(page, "console-station");
  await page.goto("/stations");
  await sound(page, "console-stations");
  await page.goto("/roles");
  await sound(page, "console-roles");
});

test("a table with a bad line is mended, looked at and done, and its export is done already", async () => {
  await page.goto("/users");
  await open(page, "Import a table");
  await page.getByRole("heading", { name: "Import a table" }).waitFor();
  await sound(page, "console-table");
  site.write("people.csv", "what,name,mail,user,group,enabled\nuser,gil,gil@example.com,,,\nuser,hal,,,,perhaps\ngroup,night shift,,,,\nmember,,,gil,night shift,\nmember,,,hal,night shift,\n");
  await page.getByLabel("CSV file").setInputFiles(join(site.folder, "people.csv"));
  await press(page, "Look at it");
  await page.getByRole("alert").filter({ hasText: "1 line can't be read." }).waitFor();
  await page.getByRole("row", { name: "3 enabled it is `perhaps`; write yes or no" }).waitFor();
  await sound(page, "console-table-bad");
  const lines = page.getByLabel("Or its lines");
  await lines.fill((await lines.inputValue()).replace("perhaps", "no"));
  await press(page, "Look at it");
  await page.getByRole("heading", { name: "4 changes" }).waitFor();
  await page.getByRole("row", { name: "new user hal, disabled" }).waitFor();
  await sound(page, "console-table-plan");
  // Somebody else is faster with one of them.
  const other = await page.context().newPage();
  await other.goto("/users");
  await other.getByLabel("Name", { exact: true }).last().fill("gil");
  await press(other, "Add");
  await said(other, "It was saved.");
  await other.close();
  await press(page, "Do it");
  await page.getByRole("alert").filter({ hasText: "the site changed since you looked" }).waitFor();
  await page.getByRole("row", { name: "changed user gil: mail gil@example.com" }).waitFor();
  await sound(page, "console-table-changed");
  await press(page, "Do it");
  await said(page, "Everything in the file was done.");
  await page.getByLabel("Name", { exact: true }).first().fill("al");
  await press(page, "Search");
  const [download] = await Promise.all([page.waitForEvent("download"), open(page, "Export as a table")]);
  const table = readFileSync(await download.path(), "utf8");
  assert.deepEqual(table.trim().split("\n").slice(1).map((line) => line.split(",").slice(0, 2)), [["user", "hal"], ["member", ""]]);
  await page.goto("/directory/import");
  await lines.fill(table);
  await press(page, "Look at it");
  await page.getByText("Nothing is to be done.").waitFor();
  await sound(page, "console-table-nothing");
});

test("a seat in use is seen as it is taken and is taken back with a reason", async () => {
  await page.goto("/in-use?text=tester");
  await page.getByText("Nothing is in use that fits.").waitFor();
  const seat = site.hold("I3_FEATURE_SIP", "tester");
  // The page is live: nobody loads it again.
  await page.getByRole("cell", { name: "tester", exact: true }).waitFor();
  await sound(page, "console-in-use-one");
  await page.getByText("Take back", { exact: true }).last().click();
  await page.getByLabel("Reason").fill("needed elsewhere");
  await press(page, "Take 1 from tester");
  await said(page, "The seats were taken back.");
  seat.kill("SIGTERM");
  await page.goto("/audit");
  await page.getByText("needed elsewhere").waitFor();
});

test("a file takes the place of the loaded one after a look, and what it is too small for stands as a violation until it is put right", async () => {
  const load = async (assigned, look) => {
    const file = site.issue("first", order("PC-2026-0100", [["SW-001-4.0-SL03", "quantity = 1"], ["SW-001-4.0-AL04", `assigned = ${assigned}\npooled = 25`]]));
    await page.goto("/licenses/import");
    await page.getByLabel("License file", { exact: true }).setInputFiles(file);
    await press(page, "Look at it");
    await page.getByRole("button", { name: "Load it", exact: true }).waitFor();
    if (look) await sound(page, "console-replace");
    await press(page, "Load it");
    await said(page, "The license file is loaded.");
  };
  await load(2, true);
  await page.goto("/licenses");
  assert.equal(await page.getByRole("link", { name: "PC-2026-0100" }).count(), 1, "it is not loaded twice");
  await page.goto("/violations");
  const over = page.getByText("More of I3_ACCESS_CLIENT is in use than is licensed.");
  await over.waitFor();
  await sound(page, "console-violation");
  // It is dismissed by whoever has looked at it, and the audit log says who that was.
  await page.getByRole("button", { name: /^Dismiss violation/ }).click();
  await said(page, "The violation was dismissed. If its cause goes on, it will be there again.");
  await page.goto("/audit");
  await page.getByText(/^violation [0-9]+ \(GLMR_FEATURE_USAGE_LEVEL_EXCEEDED\) dismissed$/).waitFor();
  await load(5, false);
  await page.goto("/violations");
  await page.getByText("There is none.").waitFor();
});

test("every other room has something to say", async () => {
  for (const [path, name] of [["/in-use", "in-use"], ["/refusals", "refusals"], ["/violations", "violations"], ["/cluster", "cluster"], ["/settings", "settings"], ["/audit", "audit"], ["/notices", "notices"], ["/activate", "activate"], ["/me", "me"]]) {
    await page.goto(path);
    await sound(page, `console-${name}`);
  }
});

test("an access token is shown once and revoked", async () => {
  await page.goto("/settings");
  await page.getByLabel("Name").fill("dashboard");
  await page.getByLabel("see status, files, people and violations").check();
  await press(page, "Make it");
  const token = await page.locator("#made").textContent();
  assert.match(token, /^grt_/);
  const ask = () => page.request.get("/v1/admin/status", { headers: { Authorization: `Bearer ${token}` } });
  assert.equal((await ask()).status(), 200);
  page.once("dialog", (dialog) => dialog.accept());
  await page.getByRole("button", { name: "Revoke dashboard" }).click();
  await said(page, "The access token is of no use any more.");
  assert.equal((await ask()).status(), 401);
});

test("somebody is invited, chooses a password, and shows codes from a telephone or spare ones", async () => {
  const path = await invite(page, "bob@example.com", "Bob Blue", "License manager");
  await sound(page, "console-people-invited");
  const bob = await site.window();
  await bob.goto(path);
  await sound(bob, "console-invitation");
  await bob.getByLabel("New password").fill("passwordpassword");
  await bob.getByLabel("Once more").fill("passwordpassword");
  await press(bob, "Set the password and sign in");
  await bob.getByRole("alert").filter({ hasText: "password" }).waitFor();
  await welcome(bob, path);
  await bob.goto(path);
  await bob.getByText("the invitation is over").first().waitFor();
  await open(bob, "Back");
  await open(bob, "Bob Blue");
  await sound(bob, "console-me-bob");
  await open(bob, "Turn codes on");
  const key = await bob.locator("#key").textContent();
  await sound(bob, "console-codes");
  await bob.getByLabel("The code that the app shows now").fill("000000");
  await press(bob, "Turn codes on");
  await bob.getByRole("alert").waitFor();
  assert.equal(await bob.locator("#key").textContent(), key, "the same key is tried again");
  await bob.getByLabel("The code that the app shows now").fill(code(key));
  await press(bob, "Turn codes on");
  await said(bob, "Your spare codes, shown this once.");
  const spare = await bob.locator("#spare code").first().textContent();
  await sound(bob, "console-spare-codes");
  await press(bob, "Sign out");
  await signIn(bob, "bob@example.com", PASSWORD);
  await bob.getByRole("heading", { name: "Show a code" }).waitFor();
  await sound(bob, "console-code");
  await bob.getByLabel("Code").fill("123 456");
  await press(bob, "Go on");
  await bob.getByRole("alert").filter({ hasText: "not the code" }).waitFor();
  await bob.getByLabel("Code").fill(code(key, 1));
  await press(bob, "Go on");
  await bob.getByRole("heading", { name: "Overview" }).waitFor();
  await press(bob, "Sign out");
  await signIn(bob, "bob@example.com", PASSWORD);
  await bob.getByLabel("Code").fill(spare);
  await press(bob, "Go on");
  await bob.goto("/me");
  await bob.getByText("9 spare codes are left").waitFor();
  await bob.getByLabel("Present password").fill(PASSWORD);
  await bob.getByLabel("New password").fill(OTHER);
  await bob.getByLabel("Once more").fill(OTHER);
  await press(bob, "Change the password");
  await said(bob, "Your password is changed");
  bob.once("dialog", (dialog) => dialog.accept());
  await press(bob, "Turn codes off");
  await said(bob, "No code is asked for any more.");
});

test("a passkey is made at the console, signs in, and is removed again", async () => {
  const pat = await site.window();
  await welcome(pat, await invite(page, "pat", "Pat Passkey", "Administrator"));
  const session = await pat.context().newCDPSession(pat);
  await session.send("WebAuthn.enable");
  const options = { protocol: "ctap2", transport: "internal", hasResidentKey: true, hasUserVerification: true, isUserVerified: true };
  const { authenticatorId } = await session.send("WebAuthn.addVirtualAuthenticator", { options });
  await pat.goto("/me");
  await pat.getByLabel("What you call it").fill("my telephone");
  await press(pat, "Add a passkey");
  await said(pat, "The passkey is added");
  await sound(pat, "console-me-passkey");
  await press(pat, "Sign out");
  await sound(pat, "console-sign-in-passkey");
  await press(pat, "Sign in with a passkey");
  await pat.getByRole("heading", { name: "Overview" }).waitFor();
  await pat.goto("/me");
  await pat.getByText("by passkey `my telephone`").waitFor();
  await pat.getByRole("button", { name: "Remove the passkey my telephone" }).click();
  await said(pat, "It was removed.");
  await press(pat, "Sign out");
  await press(pat, "Sign in with a passkey");
  await pat.getByText("this signs nobody in here").first().waitFor();
  // One who doesn't unlock it gets nowhere.
  await session.send("WebAuthn.setUserVerified", { authenticatorId, isUserVerified: false });
  await pat.goto("/sign-in");
  await press(pat, "Sign in with a passkey");
  await pat.getByText("It did not work").waitFor();
});

test("a reader without scripts sees no button that would be refused, and is removed", async () => {
  const rita = await site.window({ javaScriptEnabled: false });
  await welcome(rita, await invite(page, "rita", "Rita Reader", "Reader"));
  for (const path of ["/", "/licenses", "/features", "/allocation", "/users", "/users/ann", "/stations", "/groups", "/groups/sales", "/roles", "/in-use", "/refusals", "/violations", "/cluster", "/audit"]) {
    const answer = await rita.goto(path);
    assert.equal(answer.status(), 200, path);
    const buttons = await rita.locator("main form[method=post] button").allTextContents();
    assert.deepEqual(buttons, [], path);
  }
  assert.equal((await rita.goto("/settings/people")).status(), 403);
  await page.goto("/settings/people");
  await sound(page, "console-people");
  await open(page, "rita");
  await page.getByLabel("What the person is called").fill("Rita");
  await page.getByText("More roles").click();
  await page.getByLabel("Allocation:").check();
  await page.getByLabel("Only for the tenant").fill("default");
  await sound(page, "console-person");
  await press(page, "Save");
  await said(page, "It was saved.");
  await page.getByLabel("Allocation, for default").waitFor();
  await rita.goto("/users");
  await signIn(rita, "rita", PASSWORD);
  await rita.getByRole("button", { name: "Add", exact: true }).waitFor();
  page.once("dialog", (dialog) => dialog.accept());
  await press(page, "Remove rita");
  await said(page, "It was removed.");
  await rita.goto("/users");
  await rita.getByRole("heading", { name: "Sign in" }).waitFor();
});

test("the last administrator can't be removed", async () => {
  const people = await page.request.get("/settings/people");
  assert.equal(people.status(), 200);
  await page.goto("/settings/people/pat");
  page.once("dialog", (dialog) => dialog.accept());
  await press(page, "Remove pat");
  await said(page, "It was removed.");
  await page.goto("/settings/people/ann");
  page.once("dialog", (dialog) => dialog.accept());
  await press(page, "Remove ann");
  await page.getByText("the last administrator stays").first().waitFor();
  await sound(page, "console-last-administrator");
});

test("a test notice is made, told, and looked at", async () => {
  await page.goto("/notices");
  await page.getByText("to nobody by mail").waitFor();
  await press(page, "Send a test notice");
  await said(page, "A test notice is on its way.");
  const row = page.getByRole("row").filter({ hasText: "a test by ann" });
  await row.getByText("yes").waitFor();
  await row.getByText("a test by ann").first().click();
  await row.getByText("Notices arrive here.").waitFor();
  await sound(page, "console-notice");
});
