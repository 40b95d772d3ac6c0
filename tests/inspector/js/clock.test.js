import assert from "node:assert/strict";
import { mock, test } from "node:test";
import { Clock } from "../../../mcmock/inspector/clock.js";

test("a clock that was read goes on from there, and a frozen one stands", () => {
  let passed = 1000;
  mock.method(performance, "now", () => passed);
  mock.method(Date, "now", () => 5_000_000);
  const clock = new Clock();
  assert.equal(clock.now, 5000);
  assert.equal(clock.ahead, 0);
  clock.set({ now: 9000, frozen: false });
  passed += 2500;
  assert.equal(clock.now, 9002.5);
  assert.equal(clock.ahead, 4002.5);
  clock.set({ now: 7000, frozen: true });
  passed += 60_000;
  assert.equal(clock.now, 7000);
  mock.restoreAll();
});
