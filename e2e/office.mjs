// A publisher's office for the tests: keys, a signer, a portal with its own database, and a mail server that keeps what it gets.
import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { chromium } from "playwright-core";

const binary = resolve(process.env.GRANTOR ?? "target/debug/grantor");
const browserPath = process.env.CHROMIUM ?? "/usr/bin/chromium";

/** Waits until `look` gives something; the failure says for what. */
export async function until(what, look, seconds = 20) {
  const end = Date.now() + seconds * 1000;
  for (;;) {
    const found = await look();
    if (found) return found;
    if (Date.now() > end) throw new Error(`waited ${seconds} s for ${what}`);
    await new Promise((go) => setTimeout(go, 25));
  }
}

/** As much of SMTP as a sender needs. Keeps every mail as `{to, text}`. */
async function mailServer() {
  const mails = [];
  const server = createServer((socket) => {
    let [buffer, data, to] = ["", false, ""];
    const say = (line) => socket.write(`${line}\r\n`);
    say("220 sink");
    socket.on("error", () => {});
    socket.on("data", (chunk) => {
      buffer += chunk.toString("latin1");
      for (;;) {
        if (data) {
          const end = buffer.indexOf("\r\n.\r\n");
          if (end < 0) return;
          mails.push({ to, text: readable(buffer.slice(0, end)) });
          [buffer, data] = [buffer.slice(end + 5), false];
          say("250 kept");
          continue;
        }
        const end = buffer.indexOf("\r\n");
        if (end < 0) return;
        const line = buffer.slice(0, end);
        buffer = buffer.slice(end + 2);
        if (/^rcpt to:/i.test(line)) to = line.match(/<(.*)>/)[1];
        if (/^data/i.test(line)) data = true;
        say(/^data/i.test(line) ? "354 go" : /^quit/i.test(line) ? "221 bye" : /^ehlo/i.test(line) ? "250 sink" : "250 ok");
      }
    });
  });
  await new Promise((done) => server.listen(0, "127.0.0.1", done));
  return { mails, port: server.address().port, close: () => server.close() };
}

/** A port that nobody listens at. */
async function freePort() {
  const server = createServer();
  await new Promise((done) => server.listen(0, "127.0.0.1", done));
  const { port } = server.address();
  await new Promise((done) => server.close(done));
  return port;
}

/** Undoes quoted-printable, as far as links and words need it. */
function readable(text) {
  return text.replace(/=\r\n/g, "").replace(/=([0-9A-F]{2})/g, (_, hex) => String.fromCharCode(parseInt(hex, 16)));
}

export class Office {
  static async open(publisher = "pureconnect") {
    const office = new Office();
    office.folder = mkdtempSync(join(tmpdir(), "grantor-e2e-"));
    office.children = [];
    office.write("pass", "a long enough passphrase");
    office.run("keys", "new", "keys", "--publisher", publisher);
    office.run("signer", "init", "signer", "--keys", "keys", "--passphrase-file", "pass");
    await office.start(["signer", "run", "signer", "--passphrase-file", "pass"], /listen|sign/i);
    office.run("portal", "catalogue", "load");
    office.post = await mailServer();
    const port = await freePort();
    // Browsers bind passkeys to the address, port and all.
    office.url = `https://localhost:${port}`;
    office.write("portal.toml", `listen = "127.0.0.1:${port}"\nstaff_shows_codes = false\naddress = "${office.url}"\n[mail]\nserver = "smtp://127.0.0.1:${office.post.port}"\nfrom = "Licensing <licensing@example.com>"\n[requests]\nreplies = "licensing@example.com"\n`);
    await office.start(["portal", "serve", "--config", "portal.toml"], /listens on https:/);
    office.browser = await chromium.launch({ executablePath: browserPath, args: ["--no-sandbox"] });
    return office;
  }

  environment() {
    return { ...process.env, GRANTOR_PORTAL_DATABASE: "portal.db", GRANTOR_SIGNER: "signer/signer.sock", USER: "ann" };
  }

  write(name, text) {
    writeFileSync(join(this.folder, name), text);
  }

  /** Runs the binary and gives what it printed. */
  run(...words) {
    return execFileSync(binary, words, { cwd: this.folder, env: this.environment(), encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] }).trim();
  }

  /** Runs the binary with something on its standard input. */
  pipe(input, ...words) {
    execFileSync(binary, words, { cwd: this.folder, env: this.environment(), input, stdio: ["pipe", "ignore", "pipe"] });
  }

  /** Starts the binary and waits until it says so. */
  async start(words, ready) {
    const child = spawn(binary, words, { cwd: this.folder, env: this.environment(), stdio: ["ignore", "pipe", "pipe"] });
    this.children.push(child);
    let said = "";
    for (const stream of [child.stdout, child.stderr]) stream.on("data", (text) => (said += text));
    return until(`${words.join(" ")} to be ready; it said: ${said}`, () => {
      if (child.exitCode !== null) throw new Error(`${words.join(" ")} ended: ${said}`);
      return said.match(ready);
    });
  }

  /** The latest mail to somebody about something. */
  async mail(to, about) {
    return until(`a mail to ${to} about ${about}`, () => this.post.mails.findLast((mail) => mail.to === to && mail.text.includes(about)));
  }

  /** The path of a link in a mail. */
  async link(to, about) {
    const mail = await this.mail(to, about);
    return mail.text.match(/https:\/\/localhost:\d+(\/password\/\S+)/)[1];
  }

  /** A browser window of somebody's own. */
  async window(options = {}) {
    const context = await this.browser.newContext({ ignoreHTTPSErrors: true, baseURL: this.url, ...options });
    const page = await context.newPage();
    page.setDefaultTimeout(15000);
    // A page that its own policy keeps from doing something is a fault of the page.
    page.faults = [];
    page.on("console", (message) => {
      if (message.type() === "error" && !/status of (4|5)\d\d/.test(message.text())) page.faults.push(message.text());
    });
    page.on("pageerror", (error) => page.faults.push(String(error)));
    return page;
  }

  async close() {
    await this.browser?.close();
    this.post?.close();
    for (const child of this.children) child.kill("SIGTERM");
    rmSync(this.folder, { recursive: true, force: true });
  }
}
