// What every page must be, and how tests work with it.
import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { AxeBuilder } from "@axe-core/playwright";

const shots = process.env.SCREENSHOTS;

/** No page may have a fault that axe finds, in light or dark; a picture of each is kept if wanted. */
export async function sound(page, name) {
  for (const colorScheme of ["light", "dark"]) {
    await page.emulateMedia({ colorScheme });
    const found = await new AxeBuilder({ page }).withTags(["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]).analyze();
    const told = found.violations.map((one) => `${one.id}: ${one.nodes.map((node) => node.html).join(" | ").slice(0, 400)}`);
    assert.deepEqual(told, [], `${name}, ${colorScheme}, ${page.url()}`);
    if (shots) {
      mkdirSync(shots, { recursive: true });
      await page.screenshot({ path: `${shots}/${name}-${colorScheme}.png`, fullPage: true });
    }
  }
  await page.emulateMedia({ colorScheme: "light" });
  const cut = await page.evaluate(() => [...document.querySelectorAll(".scroll")].filter((one) => one.scrollWidth > one.clientWidth).map((one) => one.ariaLabel));
  assert.deepEqual(cut, [], `${name}: tables that don't fit a window of 1280 pixels`);
  const size = page.viewportSize();
  await page.setViewportSize({ width: 390, height: 844 });
  if (shots) await page.screenshot({ path: `${shots}/${name}-phone.png`, fullPage: true });
  const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  assert.ok(wide <= 0, `${name} is ${wide} pixels too wide for a telephone`);
  await page.setViewportSize(size);
  assert.deepEqual(page.faults, [], name);
}

export const said = (page, text) => page.getByRole("status").filter({ hasText: text }).waitFor();
export const press = (page, name) => page.getByRole("button", { name, exact: true }).click();
export const open = (page, name) => page.getByRole("link", { name, exact: true }).first().click();
