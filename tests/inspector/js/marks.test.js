import assert from "node:assert/strict";
import { test } from "node:test";
import { FAR, Marks, describe, drawsPlayhead } from "../../../mcmock/inspector/marks.js";

/** A brief exchange that arrived `at` seconds, with its `ts` in milliseconds. */
const brief = (seq, at, ts, parts = {}) => ({
  seq, at, ts, kind: "event", method: "POST", path: "/e", eventType: "ping", sessionId: "s", verdict: "accepted", outcome: "good",
  status: 204, playhead: seq, findings: [], fault: null, delivery: "sent", ...parts,
});

function marksOf(...briefs) {
  const marks = new Marks();
  briefs.forEach((one) => marks.put(one));
  return marks;
}

test("requests stand where the player says, whatever the order of arrival", () => {
  const marks = marksOf(brief(1, 10, 1000), brief(2, 11, 3000), brief(3, 12, 2000));
  assert.deepEqual(marks.all.map((mark) => mark.seq), [1, 3, 2]);
  assert.deepEqual([marks.start, marks.end, marks.size, marks.latest.seq], [1000, 3000, 3, 3]);
});

test("without a ts that can be believed, arrival says where", () => {
  const marks = marksOf(brief(1, 10, 1000), brief(2, 15, null), brief(3, 16, 1000 + FAR * 2));
  assert.deepEqual(marks.all.map((mark) => mark.x), [1000, 6000, 7000]);
});

test("what is known of a request is replaced", () => {
  const marks = marksOf(brief(1, 10, 1000), brief(2, 11, 2000));
  marks.put(brief(2, 11, 2000, { outcome: "ignored", findings: [{ rule: "r", severity: "warning" }] }));
  assert.equal(marks.size, 2);
  assert.equal(marks.all.length, 2);
  assert.deepEqual([marks.all[1].worst, marks.all[1].rules], ["warning", ["r"]]);
});

test("an array is as many marks as it has events", () => {
  const parts = [{ eventType: "sessionStart", playhead: 0, ts: 1000 }, { eventType: "play", playhead: "x", ts: 2000 }];
  const marks = marksOf(brief(1, 10, null, { eventType: null, parts }));
  assert.deepEqual(marks.all.map((mark) => [mark.eventType, mark.x, mark.playhead]), [["sessionStart", 1000, 0], ["play", 2000, null]]);
  assert.equal(marks.size, 1);
  marks.put(brief(1, 10, null, { parts: parts.slice(0, 1) }));
  assert.equal(marks.all.length, 1);
});

test("what is in sight, with one more at each side", () => {
  const marks = marksOf(...[1, 2, 3, 4, 5].map((seq) => brief(seq, seq, seq * 1000)));
  assert.deepEqual(marks.within(3000, 3000), [1, 4]);
  assert.deepEqual(marks.within(0, 9000), [0, 5]);
  assert.deepEqual(marks.within(9000, 9999), [4, 5]);
});

test("only what was taken draws the playhead", () => {
  const marks = marksOf(brief(1, 1, 1000, { playhead: 7 }), brief(2, 2, 2000, { playhead: 900, outcome: "bad" }), brief(3, 3, 3000, { playhead: null }), brief(4, 4, 4000, { playhead: 3, outcome: "ignored" }));
  assert.deepEqual(marks.playheads, [3, 7]);
  assert.deepEqual(marks.all.map(drawsPlayhead), [true, false, false, true]);
  assert.equal(marks.acceptedBefore(2).seq, 1);
  assert.equal(marks.acceptedBefore(0), null);
  assert.equal(new Marks().playheads, null);
});

test("a mark in words", () => {
  const [mark] = marksOf(brief(1, 1, 1000, { status: 0, outcome: "faulted", fault: { rule: "outage" }, findings: [{ rule: "r", severity: "info" }] })).all;
  assert.equal(describe(mark), "ping · no answer · faulted · fault outage · r");
  const [other] = marksOf(brief(1, 1, 1000, { eventType: null, outcome: "other", status: 404 })).all;
  assert.equal(describe(other), "POST /e · 404 · other");
});
