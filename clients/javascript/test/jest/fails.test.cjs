// Each of these fails, and its message says what is its name. What was allowed in one test is not in the next.
const { mcmock } = require("mcmock/jest");
const { watch } = require("../player.cjs");

test("ad-outside-break", async () => {
  await watch(mcmock.url, { withBreak: false });
});

test("1 misdirected", async () => {
  await fetch(`${mcmock.url}/api/v1/session`, { method: "POST", headers: { "Content-Type": "application/json" }, body: '{"eventType":"sessionStart"}' });
});

test("1 never sent", async () => {
  const asked = { Origin: "https://app.example", "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "x-trace" };
  await fetch(`${mcmock.url}/api/v1/sessions`, { method: "OPTIONS", headers: asked });
});

test("expected no request with event=adStart, but 1 came", async () => {
  await watch(mcmock.url);
  await expect(mcmock).not.toHaveReceived({ event: "adStart" });
});
