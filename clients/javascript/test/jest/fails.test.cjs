// Each of these fails, and its message says what is its name. What was allowed in one test is not in the next.
const { mcmock } = require("mcmock/jest");
const { watch } = require("../player.cjs");

test("ad-outside-break", async () => {
  await watch(mcmock.url, { withBreak: false });
});

test("expected no request with event=adStart, but 1 came", async () => {
  await watch(mcmock.url);
  await expect(mcmock).not.toHaveReceived({ event: "adStart" });
});
