import assert from "node:assert/strict";
import { mock, test } from "node:test";
import { Refresh } from "../../../mcmock/inspector/refresh.js";

/** Let what is due, and what waits for it, be done. */
async function pass(milliseconds) {
  mock.timers.tick(milliseconds);
  for (let turn = 0; turn < 10; turn += 1) await Promise.resolve();
}

test("many wishes are one piece of work, and the next waits", async () => {
  mock.timers.enable({ apis: ["setTimeout"] });
  mock.method(performance, "now", () => 0);
  let done = 0;
  const refresh = new Refresh(async () => { done += 1; }, 200);
  for (let wish = 0; wish < 5; wish += 1) refresh.ask();
  await pass(0);
  assert.equal(done, 1);
  refresh.ask();
  await pass(199);
  assert.equal(done, 1);
  await pass(1);
  assert.equal(done, 2);
  refresh.hurry();
  await pass(0);
  assert.equal(done, 3);
  mock.timers.reset();
  mock.restoreAll();
});

test("the next waits a share of the time that the last one took", async () => {
  mock.timers.enable({ apis: ["setTimeout"] });
  let now = 0;
  mock.method(performance, "now", () => now);
  let done = 0;
  const refresh = new Refresh(async () => { done += 1; now += 100; }, 200, 20);
  refresh.ask();
  await pass(0);
  refresh.ask();
  await pass(1999);
  assert.equal(done, 1);
  await pass(1);
  assert.equal(done, 2);
  mock.timers.reset();
  mock.restoreAll();
});

test("what fails is tried again at the next wish", async () => {
  mock.timers.enable({ apis: ["setTimeout"] });
  const said = mock.method(console, "warn", () => undefined);
  let tried = 0;
  const refresh = new Refresh(async () => { tried += 1; throw new Error("gone"); }, 0);
  refresh.ask();
  await pass(0);
  refresh.hurry();
  await pass(0);
  assert.equal(tried, 2);
  assert.deepEqual(said.mock.calls[0].arguments, ["mcmock:", "gone"]);
  mock.timers.reset();
  mock.restoreAll();
});
