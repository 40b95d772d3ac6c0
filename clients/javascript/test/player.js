// A player that tracks what it plays, for the tests of this folder; `withBreak: false` is a classic mistake.
const START = {
  "analytics.trackingServer": "analytics.example", "analytics.reportSuite": "my.suite",
  "visitor.marketingCloudOrgId": "0123456789ABCDEF01234567@AdobeOrg", "media.id": "film-1", "media.length": 60,
  "media.contentType": "vod", "media.playerName": "my player", "media.channel": "web",
};
const AD = { "media.ad.id": "ad-1", "media.ad.length": 15, "media.ad.podPosition": 1, "media.ad.playerName": "my player" };
const BREAK = { "media.ad.podIndex": 1, "media.ad.podSecond": 0 };

export async function watch(collector, { withBreak = true } = {}) {
  const post = (path, eventType, params) => {
    const body = JSON.stringify({ eventType, playerTime: { playhead: 0, ts: Date.now() }, ...(params && { params }) });
    return fetch(collector + path, { method: "POST", headers: { "Content-Type": "application/json" }, body });
  };
  const session = await post("/api/v1/sessions", "sessionStart", START);
  const events = `${session.headers.get("Location")}/events`;
  if (withBreak) await post(events, "adBreakStart", BREAK);
  await post(events, "adStart", AD);
  await post(events, "adComplete");
  if (withBreak) await post(events, "adBreakComplete");
  await post(events, "play");
  await post(events, "sessionComplete");
  return events;
}
