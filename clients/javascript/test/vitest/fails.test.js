// Each of these fails, and its message says what is its name.
import { expect, test } from "mcmock/vitest";
import { watch } from "../player.js";

test("ad-outside-break", async ({ mcmock }) => {
  await watch(mcmock.url, { withBreak: false });
});

test("1 misdirected", async ({ mcmock }) => {
  await fetch(`${mcmock.url}/api/v1/session`, { method: "POST", headers: { "Content-Type": "application/json" }, body: '{"eventType":"sessionStart"}' });
});

test("1 never sent", async ({ mcmock }) => {
  const asked = { Origin: "https://app.example", "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "x-trace" };
  await fetch(`${mcmock.url}/api/v1/sessions`, { method: "OPTIONS", headers: asked });
  await expect(mcmock).toHaveLostNothing();
});

test("adStart, but only 1", async ({ mcmock }) => {
  await watch(mcmock.url);
  await expect(mcmock).toHaveReceived({ event: "adStart", count: 2, within: 0 });
});

test("where play was due", async ({ mcmock }) => {
  await watch(mcmock.url);
  await expect(mcmock).toHaveSequence(["sessionStart", "play"], { within: 0 });
});

test("these matchers are for mcmock's own objects", async () => {
  await expect("mcmock").toHaveReceived({ event: "play" });
});
