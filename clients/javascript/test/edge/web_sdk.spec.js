// An app with Adobe's Web SDK, as it goes into production: its requests reach the mock under Adobe's own names.
import { expect, test } from "mcmock/playwright";

const PAGE = `<!doctype html><button>Play</button>
<script>
  window.__alloyNS = ["alloy"];
  window.alloy = (...call) => new Promise((resolve, reject) => window.alloy.q.push([resolve, reject, call]));
  window.alloy.q = [];
</script>
<script src="/alloy.js"></script>
<script>
  alloy("configure", {
    datastreamId: "my-datastream", orgId: "0123456789ABCDEF01234567@AdobeOrg",
    streamingMedia: { channel: "a channel", playerName: "a player" },
  });
  const playerId = "player-1";
  const send = (event) => alloy("sendMediaEvent", { playerId, xdm: { eventType: "media." + event } });
  document.querySelector("button").onclick = async () => {
    const sessionDetails = { name: "film-1", length: 60, contentType: "vod" };
    const getPlayerDetails = () => ({ playhead: 0 });
    await alloy("createMediaSession", { playerId, getPlayerDetails, xdm: { mediaCollection: { sessionDetails } } });
    await send("play");
    await send("sessionComplete");
    document.title = "tracked";
  };
</script>`;

async function open(page) {
  await page.route("https://app.example/", (route) => route.fulfill({ contentType: "text/html", body: PAGE }));
  await page.route("https://app.example/alloy.js", (route) => route.fulfill({ path: process.env.ALLOY }));
  await page.goto("https://app.example/");
  await page.getByRole("button").click();
}

test("an app with the Web SDK needs no change", async ({ page, mcmock }) => {
  await open(page);
  await expect(page).toHaveTitle("tracked");
  await expect(mcmock).toHaveSequence(["sessionStart", "play", "sessionComplete"]);
  await expect(mcmock).toHaveLostNothing();
  const [start] = await mcmock.requests({ kind: "session" });
  const headers = Object.fromEntries(start.requestHeaders.map(([name, value]) => [name.toLowerCase(), value]));
  expect(headers).toMatchObject({ host: "adobedc.demdex.net", origin: "https://app.example" });
});

test("it tries again what was throttled", async ({ page, mcmock }) => {
  await mcmock.faults.add({
    effect: { type: "status", code: 429, headers: { "Retry-After": "1" } }, match: { event: "play" }, times: 1,
  });
  await open(page);
  await expect(page).toHaveTitle("tracked");
  const played = await mcmock.requests({ event: "play" });
  expect(played.map(({ status }) => status)).toEqual([429, 204]);
});
