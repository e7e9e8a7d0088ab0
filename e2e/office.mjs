// A publisher's office for the tests: keys, a signer, a portal with its own database, and a mail server that keeps what it gets.
import { once } from "node:events";
import { createServer } from "node:net";
import { Folder, freePort, until } from "./folder.mjs";
import { press } from "./look.mjs";

/** Everybody's. */
export const PASSWORD = "seven purple oxen sing";

/** Takes an invitation and signs in. */
export async function welcome(page, path, mail) {
  await page.goto(path);
  await page.getByLabel("New password").fill(PASSWORD);
  await page.getByLabel("Once more").fill(PASSWORD);
  await page.getByRole("button", { name: "Set the password" }).click();
  await signIn(page, mail);
}

export async function signIn(page, mail) {
  await page.goto("/sign-in");
  await page.getByLabel("Mail address").fill(mail);
  await page.getByLabel("Password").fill(PASSWORD);
  await press(page, "Sign in");
  await page.waitForURL((url) => !url.pathname.startsWith("/sign-in"));
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

/** Undoes quoted-printable, as far as links and words need it. */
function readable(text) {
  return text.replace(/=\r\n/g, "").replace(/=([0-9A-F]{2})/g, (_, hex) => String.fromCharCode(parseInt(hex, 16)));
}

export class Office extends Folder {
  /** `more` gives what else stands in `portal.toml`. */
  static async open(publisher = "pureconnect", more = () => "") {
    const office = new Office();
    office.write("pass", "a long enough passphrase");
    office.run("keys", "new", "keys", "--publisher", publisher);
    office.run("signer", "init", "signer", "--keys", "keys", "--passphrase-file", "pass");
    await office.signs();
    office.run("portal", "catalogue", "load");
    office.post = await mailServer();
    const port = await freePort();
    // Browsers bind passkeys to the address, port and all.
    office.url = `https://localhost:${port}`;
    office.write("portal.toml", `listen = "127.0.0.1:${port}"\nstaff_shows_codes = false\naddress = "${office.url}"\n[mail]\nserver = "smtp://127.0.0.1:${office.post.port}"\nfrom = "Licensing <licensing@example.com>"\n[requests]\nreplies = "licensing@example.com"\n${await more(office)}`);
    await office.start(["portal", "serve", "--config", "portal.toml"], /listens on https:/);
    await office.look();
    return office;
  }

  /** Starts the signer. */
  async signs() {
    await this.start(["signer", "run", "signer", "--passphrase-file", "pass"], /listen|sign/i);
    this.signer = this.children.at(-1);
  }

  /** Stops it. */
  async signsNoMore() {
    const ended = once(this.signer, "exit");
    this.signer.kill("SIGTERM");
    await ended;
  }

  environment() {
    return { ...process.env, GRANTOR_PORTAL_DATABASE: "portal.db", GRANTOR_SIGNER: "signer/signer.sock", USER: "ann" };
  }

  /** The latest mail to somebody about something. */
  async mail(to, about) {
    return until(`a mail to ${to} about ${about}`, () => this.post.mails.findLast((mail) => mail.to === to && mail.text.includes(about)));
  }

  /** Adds somebody who signs in at the page. */
  async person(page, mail, name, ...more) {
    await welcome(page, new URL(this.run("portal", "person", "add", mail, name, ...more)).pathname, mail);
  }

  /** The path of a link in a mail. */
  async link(to, about) {
    const mail = await this.mail(to, about);
    return mail.text.match(/https:\/\/localhost:\d+(\/password\/\S+)/)[1];
  }

  async close() {
    this.post?.close();
    await super.close();
  }
}
