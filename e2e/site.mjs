// A customer's site for the tests: a publisher's keys, license files that they signed, and a license server.
import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { Folder, freePort } from "./folder.mjs";

/** An order of a call centre on any machine: `lines` of part and counts. */
export function order(lrn, lines) {
  const items = lines.map(([item, counts]) => `[[items]]\ncatalogue = "pureconnect-4"\nitem = "${item}"\n${counts}\n`);
  return `lrn = "${lrn}"\ncustomer = "Acme Insurance"\nsite = "Ghent"\nlicense_type = "production"\nproduct = "CIC 4.0"\nstate = "active"\nexpires = "permanent"\n[[servers]]\nhost = "this_host"\nhostid = "ANY"\n${items.join("\n")}`;
}

export class Site extends Folder {
  static async open() {
    const site = new Site();
    mkdirSync(join(site.folder, "licenses"));
    site.run("keys", "new", "keys", "--publisher", "pureconnect");
    const port = await freePort();
    site.url = `https://localhost:${port}`;
    site.write("server.toml", `listen = "127.0.0.1"\nport = ${port}\ndata_dir = "data"\nlicense_files = ["licenses"]\n[[publishers]]\nname = "pureconnect"\nroot_keys = ["${site.read("keys/root.pub").trim()}"]\n[console]\naddress = "${site.url}"\n`);
    await site.start(["server", "--config", "server.toml"], /license server up/);
    await site.look();
    return site;
  }

  read(name) {
    return readFileSync(join(this.folder, name), "utf8");
  }

  /** An application of somebody's that holds a seat until it is killed. */
  hold(feature, user) {
    return this.spawn(["checkout", feature, "-c", this.url.replace("https://localhost:", "") + "@localhost", "--", "sleep", "60"], { USER: user, HOME: this.folder });
  }

  /** Has the publisher sign an order; gives the license file's path. */
  issue(name, text) {
    this.write(`${name}.toml`, text);
    this.run("issue", `${name}.toml`, "--keys", "keys", "--output", `${name}.lic`);
    return join(this.folder, `${name}.lic`);
  }
}
