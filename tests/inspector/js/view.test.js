import assert from "node:assert/strict";
import { test } from "node:test";
import { View, ticks } from "../../../mcmock/inspector/view.js";

function shown(first = 0, last = 100_000) {
  const view = new View();
  view.width = 1000;
  view.extend(first, last);
  return view;
}

test("at first all of the session is in sight, with a margin", () => {
  const view = shown();
  assert.deepEqual([view.from, view.to, view.mode], [-2000, 102_000, "all"]);
  view.extend(0, 200_000);
  assert.deepEqual([view.from, view.to], [-4000, 204_000]);
});

test("a moment and its pixel are each other's inverse", () => {
  const view = shown();
  view.zoom(4, 300);
  for (const moment of [0, 12_345, 99_999]) assert.ok(Math.abs(view.moment(view.x(moment)) - moment) < 1e-6);
});

test("zooming leaves the moment under the pointer where it is", () => {
  const view = shown();
  const before = view.moment(400);
  view.zoom(3, 400);
  assert.ok(Math.abs(view.moment(400) - before) < 1e-6);
  assert.equal(view.mode, "free");
});

test("nobody gets beyond the session, nor closer than a fifth of a second", () => {
  const view = shown();
  view.zoom(1e9);
  assert.ok(Math.abs(view.to - view.from - 200) < 1e-6);
  view.zoom(1e-9);
  assert.deepEqual([view.from, view.to, view.mode], [-2000, 102_000, "all"]);
  view.zoom(2);
  view.pan(1e9);
  assert.ok(view.to <= 102_080 + 1e-6); // two hundredths of what can be seen, beyond the end
  assert.equal(view.mode, "live");
  view.pan(-1e9);
  assert.ok(view.from >= -2080 - 1e-6);
  assert.equal(view.mode, "free");
});

test("a view at the end follows the session; one elsewhere stays", () => {
  const view = shown();
  view.zoom(4);
  view.pan(1e9);
  view.extend(0, 150_000);
  assert.ok(view.to >= 150_000);
  view.pan(-500);
  const { from, to } = view;
  view.extend(0, 200_000);
  assert.deepEqual([view.from, view.to], [from, to]);
});

test("a moment out of sight is brought into it", () => {
  const view = shown();
  view.zoom(10, 0);
  view.reveal(90_000);
  assert.ok(view.from <= 90_000 && 90_000 <= view.to);
});

test("ticks are round, in order, and never closer than asked", () => {
  for (const last of [300, 5000, 60_000, 7_200_000, 40 * 86_400_000]) {
    const view = shown(0, last);
    const made = ticks(view, 0);
    assert.ok(made.length > 1, `${last}`);
    made.slice(1).forEach((tick, index) => assert.ok(tick.x - made[index].x >= 79.9));
    for (const { x, seconds } of made) assert.ok(Math.abs(view.x(seconds * 1000) - x) < 1e-3);
  }
});
