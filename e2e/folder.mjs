// A folder in which the binary runs, and a browser to look at its pages.
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

/** A port that nobody listens at. */
export async function freePort() {
  const server = createServer();
  await new Promise((done) => server.listen(0, "127.0.0.1", done));
  const { port } = server.address();
  await new Promise((done) => server.close(done));
  return port;
}

export class Folder {
  folder = mkdtempSync(join(tmpdir(), "grantor-e2e-"));
  children = [];

  /** What the binary finds in its environment. */
  environment() {
    return { ...process.env };
  }

  async look() {
    this.browser = await chromium.launch({ executablePath: browserPath, args: ["--no-sandbox"] });
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

  /** Starts the binary. */
  spawn(words, more = {}) {
    const child = spawn(binary, words, { cwd: this.folder, env: { ...this.environment(), ...more }, stdio: ["ignore", "pipe", "pipe"] });
    this.children.push(child);
    return child;
  }

  /** Starts the binary and waits until it says so. */
  async start(words, ready) {
    const child = this.spawn(words);
    let said = "";
    for (const stream of [child.stdout, child.stderr]) stream.on("data", (text) => (said += text));
    return until(`${words.join(" ")} to be ready; it said: ${said}`, () => {
      if (child.exitCode !== null) throw new Error(`${words.join(" ")} ended: ${said}`);
      return said.match(ready);
    });
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
    for (const child of this.children) child.kill("SIGTERM");
    rmSync(this.folder, { recursive: true, force: true });
  }
}
