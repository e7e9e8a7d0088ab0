// What every page must be, and how tests work with it.
import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { mkdirSync, readFileSync } from "node:fs";
import { basename } from "node:path";
import { AxeBuilder } from "@axe-core/playwright";

const shots = process.env.SCREENSHOTS;

// Which walk opens which of the portal's pages. A test in Rust (crates/portal/tests/it/gates.rs) keeps the list that of the pages there are.
const { walked } = JSON.parse(readFileSync(new URL("pages.json", import.meta.url), "utf8"));
const here = basename(process.argv[1]);
const seen = new Set();

/** The page's address with the names of its parts, as the list has it: the one that leaves least open. */
function route(path) {
  const open = (one) => one.split("{").length;
  const fits = (one) => new RegExp(`^${one.replace(/\{\w+\}/g, "[^/]+")}$`).test(path);
  return Object.keys(walked).filter(fits).sort((a, b) => open(a) - open(b))[0];
}

// Not a hook of the tests: one that fails would keep the others from closing what they opened.
process.on("exit", () => {
  const missing = Object.keys(walked).filter((one) => walked[one] === here && !seen.has(one));
  // Some of a walk opens some of its pages.
  if (missing.length === 0 || process.execArgv.some((word) => word.startsWith("--test-name-pattern"))) return;
  console.error(`pages.json says that ${here} looks at these pages, and it did not: ${missing.join(", ")}`);
  process.exitCode = 1;
});

/** Nothing that axe finds, and nothing that looks beyond the window's edge. */
async function flawless(page, name, look) {
  const found = await new AxeBuilder({ page }).withTags(["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]).analyze();
  const told = found.violations.map((one) => `${one.id}: ${one.nodes.map((node) => node.html).join(" | ").slice(0, 400)}`);
  assert.deepEqual(told, [], `${name}, ${look}, ${page.url()}`);
  await narrow(page, name, look);
}

async function narrow(page, name, look) {
  if (shots) {
    mkdirSync(shots, { recursive: true });
    await page.screenshot({ path: `${shots}/${name}-${look}.png`, fullPage: true });
  }
  const beyond = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  assert.ok(beyond <= 0, `${name}, ${look}, is ${beyond} pixels too wide`);
}

/** No page may have a fault that axe finds, in light, dark or on a telephone; tables are looked at on a wide screen, too. */
export async function sound(page, name) {
  seen.add(route(new URL(page.url()).pathname));
  for (const colorScheme of ["light", "dark"]) {
    await page.emulateMedia({ colorScheme });
    await flawless(page, name, colorScheme);
  }
  await page.emulateMedia({ colorScheme: "light" });
  const cut = await page.evaluate(() => [...document.querySelectorAll(".scroll")].filter((one) => one.scrollWidth > one.clientWidth).map((one) => one.ariaLabel));
  assert.deepEqual(cut, [], `${name}: tables that don't fit a window of 1280 pixels`);
  const size = page.viewportSize();
  await page.setViewportSize({ width: 390, height: 844 });
  await flawless(page, name, "phone");
  if (await page.locator("table").count()) {
    await page.setViewportSize({ width: 1920, height: 1080 });
    await narrow(page, name, "wide");
  }
  await page.setViewportSize(size);
  assert.deepEqual(page.faults, [], name);
}

/** The code that a telephone with this key shows so many steps from now (RFC 6238). */
export function code(key, steps = 0) {
  const bits = [...key].map((sign) => "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".indexOf(sign).toString(2).padStart(5, "0")).join("");
  const secret = Buffer.from(bits.match(/.{8}/g).map((byte) => parseInt(byte, 2)));
  const step = Buffer.alloc(8);
  step.writeBigUInt64BE(BigInt(Math.floor(Date.now() / 30000) + steps));
  const sum = createHmac("sha1", secret).update(step).digest();
  return String((sum.readUInt32BE(sum[19] & 15) & 0x7fffffff) % 1000000).padStart(6, "0");
}

export const said = (page, text) => page.getByRole("status").filter({ hasText: text }).waitFor();
export const press = (page, name) => page.getByRole("button", { name, exact: true }).click();
export const open = (page, name) => page.getByRole("link", { name, exact: true }).first().click();
