import assert from "node:assert/strict";
import { test } from "node:test";
import { lanesOf } from "../../../mcmock/inspector/lanes.js";

const report = (parts) => ({ closeReason: "ended", adBreaks: [], ads: [], chapters: [], states: [], why: {}, ...parts });
const lane = (id, parts) => lanesOf(report(parts)).find((one) => one.id === id);

test("without a report there are no lanes, with an empty one only the main one", () => {
  assert.deepEqual(lanesOf(null), []);
  assert.deepEqual(lanesOf(report({})).map((one) => one.id), ["main"]);
});

test("the last span of an open session is open", () => {
  const why = { sessionTime: [{ start: 0, end: 5, label: "starting" }, { start: 5, end: 9, label: "content" }] };
  assert.deepEqual(lane("main", { why }).spans.map((span) => [span.label, span.kind, span.open]), [["starting", "starting", undefined], ["playing", "content", undefined]]);
  assert.deepEqual(lane("main", { why, closeReason: "open" }).spans.map((span) => span.open), [undefined, true]);
});

test("ads, breaks and chapters have the best name there is", () => {
  const ads = [{ seq: 3, startTs: 1, endTs: null, outcome: "open", advertisingDetails: { name: "id" } }, { seq: 4, startTs: 1, endTs: 2, advertisingDetails: { friendlyName: "Shoes", name: "id" } }];
  assert.deepEqual(lane("ads", { ads }).spans.map((span) => [span.label, span.open, span.seq]), [["id", true, 3], ["Shoes", false, 4]]);
  const adBreaks = [{ startTs: 1, endTs: 2, advertisingPodDetails: {} }];
  assert.equal(lane("breaks", { adBreaks }).spans[0].label, "break 1");
  const chapters = [{ startTs: 1, endTs: 2, chapterDetails: { index: 7 } }, { startTs: 1, endTs: 2, chapterDetails: {} }];
  assert.deepEqual(lane("chapters", { chapters }).spans.map((span) => span.label), ["chapter 7", "chapter 2"]);
});

test("each state has a lane, with the spans it was counted from", () => {
  const lanes = lanesOf(report({ states: [{ name: "mute" }, { name: "fullScreen" }], why: { "states.mute": [{ start: 1, end: 2 }] } }));
  assert.deepEqual(lanes.filter((one) => one.id === "state").map((one) => [one.title, one.spans.length]), [["mute", 1]]);
});

test("one bitrate in a row is one step", () => {
  const why = { bitrateAverage: [{ start: 0, end: 5, label: "800 kbps" }, { start: 5, end: 9, label: "800 kbps" }, { start: 9, end: 12, label: "1200 kbps" }, { start: 20, end: 21, label: "1200 kbps" }] };
  assert.deepEqual(lane("quality", { why }).spans.map((span) => [span.start, span.end, span.value]), [[0, 9, 800], [9, 12, 1200], [20, 21, 1200]]);
});
