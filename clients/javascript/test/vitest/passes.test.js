import { describe } from "vitest";
import { expect, test } from "mcmock/vitest";
import { watch } from "../player.js";

describe.concurrent("tests at the same time do not see each other", () => {
  test.for([1, 2, 3])("%i", async (times, { mcmock }) => {
    for (let time = 0; time < times; time++) await watch(mcmock.url);
    await expect(mcmock).toHaveReceived({ event: "sessionStart", count: times });
    await expect(mcmock).toHaveSequence(["sessionStart", "...", "sessionComplete"]);
    await expect(mcmock).toHaveLostNothing();
    await expect(mcmock).not.toHaveReceived({ event: "error" });
  });
});

test("what comes later is waited for", async ({ mcmock }) => {
  const watching = watch(mcmock.url);
  await expect(mcmock).toHaveReceived({ event: "sessionComplete" });
  await watching;
});

test("what a test expects to be lost does not fail it", async ({ mcmock }) => {
  mcmock.allow("ad-outside-break");
  await watch(mcmock.url, { withBreak: false });
  await expect(mcmock).toHaveReceived({ rule: "ad-outside-break" });
});

describe("by an option", () => {
  test.scoped({ mcmockOptions: { failOn: "never" } });

  test("nor does it here", async ({ mcmock, mcmockServer }) => {
    await watch(mcmock.url, { withBreak: false });
    expect(mcmockServer.url).toBe(process.env.MCMOCK_URL);
  });
});
