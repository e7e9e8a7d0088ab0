// A small OpenID Connect provider for the walks: it vouches for one person, or says that they did not want to.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createHash, generateKeyPairSync, sign } from "node:crypto";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer } from "node:https";
import { join } from "node:path";

const encoded = (value) => Buffer.from(typeof value === "string" ? value : JSON.stringify(value)).toString("base64url");

/** A certificate for this machine, made by itself. */
function certificate(folder) {
  folder.write("tls.cnf", "[req]\ndistinguished_name = dn\nx509_extensions = ext\nprompt = no\n[dn]\nCN = localhost\n[ext]\nsubjectAltName = DNS:localhost\nbasicConstraints = CA:FALSE\n");
  const [config, key, cert] = ["tls.cnf", "provider.key", "provider.pem"].map((name) => join(folder.folder, name));
  const kind = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
  execFileSync("openssl", ["req", "-x509", ...kind, "-days", "2", "-config", config, "-keyout", key, "-out", cert], { stdio: "ignore" });
  return { key: readFileSync(key), cert: readFileSync(cert) };
}

export class Provider {
  /** Who signs in there. */
  subject = "subject-1";
  mail = "nobody@example.com";
  /** Whether they say no. */
  refuses = false;
  codes = new Map();
  keys = generateKeyPairSync("rsa", { modulusLength: 2048 });

  /** Listens; `setting` is its part of `portal.toml`. */
  static async start(folder) {
    const provider = new Provider();
    provider.server = createServer(certificate(folder), (request, response) => provider.answer(request, response));
    provider.server.listen(0, "127.0.0.1");
    await once(provider.server, "listening");
    provider.issuer = `https://localhost:${provider.server.address().port}`;
    folder.write("provider.secret", "between the two of us");
    provider.setting = `[[providers]]\nname = "acme"\ntitle = "Acme"\nissuer = "${provider.issuer}"\nclient_id = "grantor"\nclient_secret_file = "provider.secret"\ncertificates = "provider.pem"\n`;
    return provider;
  }

  async answer(request, response) {
    const { pathname, searchParams } = new URL(request.url, this.issuer);
    let body = "";
    for await (const chunk of request) body += chunk;
    const json = (value) => response.setHeader("content-type", "application/json").end(JSON.stringify(value));
    if (pathname === "/authorize") return response.writeHead(303, { location: this.authorize(searchParams) }).end();
    if (pathname === "/token") return json(this.token(new URLSearchParams(body)));
    if (pathname === "/keys") return json({ keys: [{ ...this.keys.publicKey.export({ format: "jwk" }), kid: "one", use: "sig", alg: "RS256" }] });
    assert.equal(pathname, "/.well-known/openid-configuration");
    const at = (path) => `${this.issuer}/${path}`;
    const ways = { response_types_supported: ["code"], subject_types_supported: ["public"], id_token_signing_alg_values_supported: ["RS256"] };
    return json({ issuer: this.issuer, authorization_endpoint: at("authorize"), token_endpoint: at("token"), jwks_uri: at("keys"), ...ways });
  }

  /** Where the browser goes back to. */
  authorize(asked) {
    const back = new URL(asked.get("redirect_uri"));
    back.searchParams.set("state", asked.get("state"));
    back.searchParams.set("iss", this.issuer);
    if (this.refuses) {
      back.searchParams.set("error", "access_denied");
      return back.href;
    }
    const code = `code-${this.codes.size}`;
    this.codes.set(code, { nonce: asked.get("nonce"), challenge: asked.get("code_challenge") });
    back.searchParams.set("code", code);
    return back.href;
  }

  token(form) {
    const { nonce, challenge } = this.codes.get(form.get("code"));
    assert.equal(createHash("sha256").update(form.get("code_verifier")).digest("base64url"), challenge);
    const now = Math.floor(Date.now() / 1000);
    const claims = { iss: this.issuer, aud: "grantor", sub: this.subject, nonce, iat: now, auth_time: now, exp: now + 300, email: this.mail, email_verified: true };
    const text = `${encoded({ alg: "RS256", kid: "one", typ: "JWT" })}.${encoded(claims)}`;
    const signature = sign("sha256", Buffer.from(text), this.keys.privateKey).toString("base64url");
    return { access_token: "access", token_type: "Bearer", expires_in: 300, id_token: `${text}.${signature}` };
  }

  close() {
    this.server.close();
    this.server.closeAllConnections();
  }
}
