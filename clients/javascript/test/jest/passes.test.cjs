// As most projects run Jest: CommonJS, no flag, the matchers on the global `expect`.
const { mcmock } = require("mcmock/jest");
const { watch } = require("../player.cjs");

for (const times of [1, 2]) {
  test(`each test is alone: ${times}`, async () => {
    for (let time = 0; time < times; time++) await watch(mcmock.url);
    await expect(mcmock).toHaveReceived({ event: "sessionStart", count: times });
    await expect(mcmock).toHaveSequence(["sessionStart", "...", "sessionComplete"]);
    await expect(mcmock).toHaveLostNothing();
    await expect(mcmock).not.toHaveReceived({ event: "error" });
  });
}

test("what a test expects to be lost does not fail it", async () => {
  mcmock.allow("ad-outside-break");
  await watch(mcmock.url, { withBreak: false });
  await expect(mcmock).toHaveReceived({ rule: "ad-outside-break" });
});

test("a failure says what there was", async () => {
  await watch(mcmock.url);
  const asked = expect(mcmock).toHaveReceived({ event: "adStart", count: 2, within: 0 });
  await expect(asked).rejects.toThrow(/adStart, but only 1/);
});
