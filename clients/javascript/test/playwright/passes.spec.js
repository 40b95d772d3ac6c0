import { createServer } from "node:http";
import { expect, test } from "mcmock/playwright";
import { COLLECTOR, ask, open } from "./app.js";

const WATCHED = ["sessionStart", "adBreakStart", "adStart", "adComplete", "adBreakComplete", "play", "sessionComplete"];

for (const attempt of ["first", "second"]) {
  test(`an app with a hard-coded host needs no change, and each test is alone: ${attempt}`, async ({ page, mcmock }) => {
    await open(page);
    await page.getByRole("button").click();
    await expect(mcmock).toHaveReceived({ event: "sessionComplete", count: 1 });
    await expect(mcmock).toHaveSequence(WATCHED);
    await expect(mcmock).not.toHaveReceived({ event: "error" });
    await expect(mcmock).toHaveLostNothing();
    expect((await mcmock.report()).exact.adCount).toBe(1);
    const [asked, opened] = await mcmock.requests();
    expect([asked.kind, opened.kind]).toEqual(["preflight", "session"]);
    const headers = Object.fromEntries(opened.requestHeaders.map(([name, value]) => [name.toLowerCase(), value]));
    expect(headers).toMatchObject({ host: new URL(COLLECTOR).host, origin: "https://app.example" });
  });
}

test("an app that is given an address reaches the mock, too", async ({ page, mcmock }) => {
  await open(page, mcmock.url);
  await page.getByRole("button").click();
  await expect(mcmock).toHaveReceived({ event: "sessionComplete" });
  await expect(mcmock).toHaveReceived({ kind: "preflight", atLeast: 1 });
});

test("what a page sends as it leaves arrives", async ({ page, mcmock }) => {
  mcmock.failOn("never");
  await open(page);
  await page.evaluate((url) => {
    addEventListener("pagehide", () => {
      navigator.sendBeacon(`${url}/api/v1/sessions/a/events`, "beacon");
      fetch(`${url}/api/v1/sessions/b/events`, { method: "POST", body: "plain", keepalive: true });
      const headers = { "Content-Type": "application/json" };
      fetch(`${url}/api/v1/sessions/c/events`, { method: "POST", body: "asked for", headers, keepalive: true });
    });
  }, COLLECTOR);
  await page.goto("about:blank");
  const came = await mcmock.waitFor({ kind: "event" }, { count: 3 });
  expect(came.map(({ bodyText }) => bodyText).sort()).toEqual(["asked for", "beacon", "plain"]);
  await expect(mcmock).toHaveReceived({ kind: "preflight", count: 1, allowNoSessions: true });
});

test("faults reach the page as they would over a network", async ({ page, mcmock }) => {
  mcmock.failOn("never");
  const failures = [];
  page.on("requestfailed", (request) => failures.push(request.failure().errorText));
  await open(page);
  for (const effect of [{ type: "reset" }, { type: "close" }, { type: "drop_header", name: "Access-Control-Allow-Origin" }]) {
    await mcmock.faults.replace({ effect, match: { kind: "session" } });
    expect(await ask(page)).toBe("TypeError");
  }
  await mcmock.faults.replace({ effect: { type: "status", code: 503 }, match: { kind: "session" }, times: 1 });
  expect([await ask(page), await ask(page)]).toEqual([503, 400]);
  expect(failures).toEqual(["net::ERR_CONNECTION_RESET", "net::ERR_CONNECTION_CLOSED", "net::ERR_FAILED"]);
});

test("a page that gives up is seen to leave", async ({ page, mcmock }) => {
  mcmock.failOn("never");
  await mcmock.faults.add({ effect: { type: "hang" }, match: { kind: "session" } });
  await open(page);
  expect(await ask(page, { timeout: 100 })).toBe("TimeoutError");
  await expect.poll(async () => (await mcmock.requests({ kind: "session" })).map(({ delivery }) => delivery)).toEqual(["client_gone"]);
});

test("a preflight that the real service would refuse stops the request", async ({ page, mcmock }) => {
  mcmock.failOn("never");
  await open(page);
  expect(await ask(page, { headers: { "X-Trace": "1" } })).toBe("TypeError");
  expect((await mcmock.requests()).map(({ kind }) => kind)).toEqual(["preflight"]);
});

test("a public page may reach this machine, and no other permission changes", async ({ page, mcmock }) => {
  const app = createServer((_, answer) => answer.setHeader("Content-Type", "text/html").end("<p>public"));
  await new Promise((resolve) => app.listen(Number(process.env.PUBLIC_PORT), "127.0.0.1", resolve));
  try {
    await page.goto(`http://127.0.0.1:${process.env.PUBLIC_PORT}/`);
    const reached = await page.evaluate((url) => fetch(url, { mode: "no-cors" }).then(() => true, String), `${mcmock.adminUrl}/health`);
    expect(reached).toBe(true);
    const states = await page.evaluate(async () => {
      const asked = ["clipboard-write", "geolocation", "storage-access"].map((name) => navigator.permissions.query({ name }));
      return (await Promise.all(asked)).map(({ state }) => state);
    });
    expect(states).toEqual(["granted", "prompt", "granted"]);
  } finally {
    app.close();
  }
});

test("what a test expects to be lost does not fail it", async ({ page, mcmock }) => {
  mcmock.allow("ad-outside-break");
  const { watch } = await import("../player.js");
  await watch(mcmock.url, { withBreak: false });
  await expect(mcmock).toHaveReceived({ rule: "ad-outside-break" });
});

test.describe("by an option", () => {
  test.use({ mcmockOptions: { allow: ["ad-outside-break"], hosts: ["media.first-party.example"] } });

  test("the losses of a file are expected, and another host is led to the mock", async ({ page, mcmock }) => {
    const { watch } = await import("../player.js");
    await watch(mcmock.url, { withBreak: false });
    await open(page, "https://media.first-party.example");
    await page.getByRole("button").click();
    await expect(mcmock).toHaveReceived({ event: "sessionComplete", count: 2 });
  });
});

test("without a page there need be no browser", async ({ mcmock, mcmockServer }) => {
  expect(mcmock.url).toMatch(`${mcmockServer.url}/~`);
  expect((await mcmock.summary()).total).toBe(0);
});
