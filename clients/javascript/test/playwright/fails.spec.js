// Each of these fails, and its message says what is its name.
import { expect, test } from "mcmock/playwright";
import { watch } from "../player.js";
import { COLLECTOR, ask, open } from "./app.js";

test("ad-outside-break", async ({ mcmock }) => {
  await watch(mcmock.url, { withBreak: false });
});

test("not-json", async ({ page }) => {
  await open(page);
  await page.evaluate((url) => {
    const headers = { "Content-Type": "application/json" };
    addEventListener("pagehide", () => fetch(`${url}/api/v1/sessions`, { method: "POST", headers, body: "nonsense", keepalive: true }));
  }, COLLECTOR);
  // and what a page sends as the test ends is judged, too
});

test("1 misdirected", async ({ page }) => {
  await open(page);
  await page.evaluate((url) => fetch(`${url}/api/v1/session`, { method: "POST", body: '{"eventType":"sessionStart"}' }), COLLECTOR);
});

test("1 never sent", async ({ page }) => {
  await open(page);
  await ask(page, { headers: { "X-Trace": "1" } });
});

test("expected exactly 2 requests with event=adStart, but only 1", async ({ mcmock }) => {
  await watch(mcmock.url);
  await expect(mcmock).toHaveReceived({ event: "adStart", count: 2, within: 0 });
});

test("expected no request with event=adStart, but 1 came", async ({ mcmock }) => {
  await watch(mcmock.url);
  await expect(mcmock).not.toHaveReceived({ event: "adStart" });
});
