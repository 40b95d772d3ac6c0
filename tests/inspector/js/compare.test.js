import assert from "node:assert/strict";
import { test } from "node:test";

globalThis.document = { addEventListener() {} };
globalThis.window = { addEventListener() {} };
const { flagsOf, told } = await import("../../../mcmock/inspector/compare.js");

const pair = (oldSeq, newSeq, change = null, known = null) => ({ eventType: "play", oldSeq, newSeq, change, known });

test("each side has a flag for what differs there, and none for what is the same", () => {
  const pairs = [pair(1, 11), pair(2, null, "lost"), pair(null, 12, "new"), pair(3, 13, "different"), pair(4, 14, null, "whole-numbers"), pair(5, null, "lost", "repeated-play")];
  assert.deepEqual([...flagsOf({ pairs }, "old")], [[2, "lost"], [3, "different"], [4, "known"], [5, "known"]]);
  assert.deepEqual([...flagsOf({ pairs }, "new")], [[12, "new"], [13, "different"], [14, "known"]]);
});

test("of the events of one request the gravest difference is shown", () => {
  assert.deepEqual([...flagsOf({ pairs: [pair(1, 11, null, "whole-numbers"), pair(1, null, "lost"), pair(1, 12, null, "whole-numbers")] }, "old")], [[1, "lost"]]);
});

test("values are told as a person says them", () => {
  const one = { part: "report", change: "different", name: "timeSpent", about: "ads[0]", old: 2.5, new: true, oldSeq: null, newSeq: null, known: null };
  assert.deepEqual([told(one, "old"), told(one, "new"), told({ ...one, old: { a: 1 } }, "old"), told({ ...one, old: null }, "old")], ["2.5 s", "yes", '{"a":1}', "–"]);
  const lost = { ...one, part: "events", change: "lost", name: "event", old: null, new: null };
  assert.deepEqual([told(lost, "old"), told(lost, "new")], ["sent", "–"]);
});
