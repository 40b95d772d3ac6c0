/* A sample session, for a page that has none: a film of a minute with a pre-roll, played to this server as a player would. */

/** @type {Record<string, string | number>} */
const FILM = {
  "analytics.trackingServer": "analytics.example", "analytics.reportSuite": "example.suite",
  "visitor.marketingCloudOrgId": "0123456789ABCDEF01234567@AdobeOrg", "media.id": "film-1", "media.name": "A film",
  "media.length": 60, "media.contentType": "vod", "media.channel": "a channel",
};
const AD = { "media.ad.id": "ad-1", "media.ad.name": "An ad", "media.ad.length": 5, "media.ad.podPosition": 1, "media.ad.playerName": "a player" };

/** Second, event, playhead, params. Pings are due every second in an ad, every ten in the film.
    @type {[number, string, number, Record<string, string | number>?][]} */
const EVENTS = [
  [0.2, "adBreakStart", 0, { "media.ad.podIndex": 0, "media.ad.podSecond": 0, "media.ad.podFriendlyName": "pre-roll" }],
  [0.3, "adStart", 0, AD],
  ...[1.3, 2.3, 3.3, 4.3].map((second) => /** @type {[number, string, number]} */ ([second, "ping", 0])),
  [5.3, "adComplete", 0],
  [5.35, "adBreakComplete", 0],
  [5.4, "chapterStart", 0, { "media.chapter.index": 1, "media.chapter.offset": 0, "media.chapter.length": 30, "media.chapter.friendlyName": "The start" }],
  [5.5, "play", 0],
  [15.5, "ping", 10],
  [25.5, "ping", 20],
  [30.5, "pauseStart", 25],
  [40.5, "play", 25],
  [45.5, "chapterComplete", 30],
  [50.5, "ping", 35],
  [60.5, "ping", 45],
  [65.5, "bufferStart", 50],
  [67.5, "play", 50],
  [77.5, "sessionComplete", 60],
  [77.6, "sessionEnd", 60],
];
const LAST = 77.6;

/** A sessionStart with the params that the API requires.
    @param {string} player
    @param {number} ts */
const start = (player, ts) => ({ eventType: "sessionStart", playerTime: { playhead: 0, ts }, params: { ...FILM, "media.playerName": player } });

/** The command that opens a session.
    @param {string} origin */
export const sampleCommand = (origin) =>
  `curl -i ${origin}/api/v1/sessions -H 'Content-Type: application/json' -d '${JSON.stringify(start("curl", Date.now()))}'`;

/** Play the session at `origin`, its last event now by the clock of this page. Throws what the server says where it refuses.
    @param {string} origin */
export async function playSample(origin) {
  const began = Date.now() - LAST * 1000;
  const sessions = `${origin}/api/v1/sessions`;
  const opened = await post(sessions, start("a sample player", began));
  const sid = opened.headers.get("Location")?.split("/").at(-1);
  for (const [second, eventType, playhead, params] of EVENTS) {
    const ts = began + Math.round(second * 1000);
    await post(`${sessions}/${sid}/events`, { eventType, playerTime: { playhead, ts }, ...(params && { params }) });
  }
}

/** @param {string} url @param {unknown} body */
async function post(url, body) {
  const answer = await fetch(url, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });
  if (!answer.ok) throw new Error(`The sample got ${answer.status}: ${(await answer.text()).slice(0, 200)}`);
  return answer;
}
