// Each of these fails, and its message says what is its name.
import { expect, test } from "mcmock/vitest";
import { watch } from "../player.js";

test("ad-outside-break", async ({ mcmock }) => {
  await watch(mcmock.url, { withBreak: false });
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
