// A test in JavaScript that uses nothing but the control API. Node 18 or later, no packages:
//
//     mcmock exec -- node control-api.mjs
//
import assert from "node:assert/strict";

const server = process.env.MCMOCK_URL ?? "http://127.0.0.1:8410";

// The player under test: here a few lines, in your project an app or an SDK.
async function post(path, eventType, playhead, parts = {}) {
  const body = { eventType, playerTime: { playhead, ts: Date.now() }, ...parts };
  const headers = { "Content-Type": "application/json" };
  return fetch(server + path, { method: "POST", headers, body: JSON.stringify(body) });
}

async function watch() {
  const params = {
    "analytics.trackingServer": "analytics.example", "analytics.reportSuite": "my.suite",
    "visitor.marketingCloudOrgId": "0123456789ABCDEF01234567@AdobeOrg",
    "media.id": "film-1", "media.length": 20, "media.contentType": "vod",
    "media.playerName": "my player", "media.channel": "my channel",
  };
  const started = await post("/api/v1/sessions", "sessionStart", 0, { params });
  const events = started.headers.get("location") + "/events";
  await post(events, "play", 0);
  let answer = await post(events, "ping", 10);
  while (answer.status === 503) answer = await post(events, "ping", 10);   // try again
  await post(events, "sessionComplete", 20);
}

// The control API: JSON in, JSON out, errors as {"error": {"code", "message"}}.
async function control(method, path, body) {
  const headers = { "Content-Type": "application/json" };
  const answer = await fetch(`${server}/__admin${path}`, { method, headers, body: body && JSON.stringify(body) });
  const value = await answer.json();
  if (!answer.ok) throw new Error(value.error?.message ?? value.message);
  return value;
}

// The log as it grows, without asking again and again.
async function* stream() {
  const answer = await fetch(`${server}/__admin/stream`);
  let text = "";
  for await (const piece of answer.body.pipeThrough(new TextDecoderStream())) {
    text += piece;
    const blocks = text.split("\n\n");
    text = blocks.pop();
    for (const block of blocks) {
      const fields = Object.fromEntries(block.split("\n").map((line) => line.split(/: (.*)/s)));
      if (fields.event === "exchange") yield JSON.parse(fields.data);
    }
  }
}

await control("POST", "/reset");
await control("POST", "/faults", { name: "busy", effect: { type: "status", code: 503 }, match: { event: "ping" }, times: 2 });

const arriving = stream();
const first = arriving.next();
const watching = watch();

const done = await control("POST", "/requests/wait", { match: { event: "sessionComplete" }, timeout: 5 });
assert.equal(done.result, "pass", done.message);
await watching;
assert.equal((await first).value.eventType, "sessionStart");
await arriving.return();

// ?strict=1: an answer other than 2xx, and so an exception here, unless it was so. Its message shows what came instead.
await control("POST", "/verify?strict=1", { match: { event: "ping", status: 503 }, count: 2 });
await control("POST", "/verify?strict=1", { sequence: ["sessionStart", "play", "ping+", "sessionComplete"] });
await assert.rejects(control("POST", "/verify?strict=1", { match: { event: "error" } }), /error/);

const { sessions } = await control("GET", "/sessions");
const report = await control("GET", `/sessions/${sessions[0].id}/report`);
assert.equal(report.exact.contentCompletes, true);

console.log("a film was watched to its end, through two 503s");
