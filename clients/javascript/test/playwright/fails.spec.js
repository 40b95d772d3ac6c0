// Each of these fails, and its message says what is its name.
import { expect, test } from "mcmock/playwright";
import { watch } from "../player.js";
import { COLLECTOR, ask, open } from "./app.js";

test("ad-outside-break", async ({ mcmock }) => {
  await watch(mcmock.url, { withBreak: false });
});

test("not-json", async ({ page }) => {
  await open(page);
  expect(await ask(page, { body: "nonsense" })).toBe(400);
});

test("expected exactly 2 requests with event=adStart, but only 1", async ({ mcmock }) => {
  await watch(mcmock.url);
  await expect(mcmock).toHaveReceived({ event: "adStart", count: 2, within: 0 });
});

test("expected no request with event=adStart, but 1 came", async ({ mcmock }) => {
  await watch(mcmock.url);
  await expect(mcmock).not.toHaveReceived({ event: "adStart" });
});
