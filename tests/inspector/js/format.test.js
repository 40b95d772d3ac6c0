import assert from "node:assert/strict";
import { test } from "node:test";
import { count, duration, firstLine, instant, messageOf, seconds, short, title, trimmed, words, worst } from "../../../mcmock/inspector/format.js";

test("durations are written as a reader writes them", () => {
  const cases = [[0, "0:00"], [7, "0:07"], [750, "12:30"], [10_800, "3:00:00"], [3661, "1:01:01"], [-5, "−0:05"], [59.6, "1:00"]];
  for (const [value, text] of cases) assert.equal(duration(value), text);
  assert.equal(duration(7.25, 1), "0:07.3");
  assert.equal(duration(3599.96, 1), "1:00:00.0");
  for (const nothing of [NaN, Infinity, null, undefined]) assert.equal(duration(nothing), "–");
});

test("seconds carry their unit up to a minute", () => {
  assert.deepEqual([7.5, 0.123, 45.66, 60, 90, 10_800].map(seconds), ["7.5 s", "0.12 s", "45.7 s", "1:00", "1:30", "3:00:00"]);
  assert.equal(seconds(undefined), "–");
});

test("of a message, the first line stands as a sentence", () => {
  assert.equal(firstLine("a request is lost: 1 ignored\n  #2 adStart\n\nmore"), "A request is lost: 1 ignored");
  assert.equal(firstLine(""), "");
});

test("numbers, names and instants", () => {
  assert.equal(trimmed(2.5, 3), "2.5");
  assert.equal(trimmed(2, 3), "2");
  assert.equal(instant(0), "1970-01-01 00:00:00.000 UTC");
  assert.equal(short("0123456789"), "01234567");
  assert.equal(short(null), "–");
  assert.deepEqual([count(1, "request"), count(1234, "request"), count(2, "was", "were")], ["1 request", "1,234 requests", "2 were"]);
  assert.equal(words("contentTimeSpent"), "content time spent");
  assert.equal(words("progress10"), "progress 10");
});

test("a session is named by its content, else by its id", () => {
  assert.equal(title({ id: "abcdefghij", media: { "media.name": "A film", "media.id": "f" } }), "A film");
  assert.equal(title({ id: "abcdefghij", media: { "media.name": "", "media.id": "f" } }), "f");
  assert.equal(title({ id: "abcdefghij" }), "Session abcdefgh");
});

test("the worst severity wins", () => {
  const found = (...all) => worst(all.map((severity) => ({ severity })));
  assert.equal(found(), null);
  assert.equal(found("info"), "info");
  assert.equal(found("warning", "info"), "warning");
  assert.equal(found("warning", "error", "info"), "error");
});

test("whatever was thrown has a message", () => {
  assert.equal(messageOf(new Error("no")), "no");
  assert.equal(messageOf("no"), "no");
});
