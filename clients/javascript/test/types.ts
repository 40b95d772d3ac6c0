// What TypeScript says of the package, under --strict: compiled, never run. An `@ts-expect-error` without an error is one.
import { expect as expectInJest } from "@jest/globals";
import { startServer, type Exchange, type FaultRule, type McmockServer, type Report } from "mcmock";
import { mcmock } from "mcmock/jest";
import { expect as expectInPlaywright, test as testInPlaywright } from "mcmock/playwright";
import { expect as expectInVitest, test as testInVitest } from "mcmock/vitest";

testInPlaywright.use({ mcmockOptions: { failOn: "warning", allow: ["ping-gap"], hosts: ["*.example"] } });
// @ts-expect-error no such level
testInPlaywright.use({ mcmockOptions: { failOn: "sometimes" } });

testInPlaywright("fixtures", async ({ page, mcmock, mcmockServer }) => {
  const server: McmockServer = mcmockServer;
  await page.goto(server.url);
  await expectInPlaywright(mcmock).toHaveReceived({ event: "ping", count: 3, playhead: { min: 10 } });
  await expectInPlaywright(mcmock).not.toHaveSequence(["play", { event: "ping+" }], { gaps: true });
  // @ts-expect-error no such field
  await expectInPlaywright(mcmock).toHaveReceived({ evnt: "ping" });
});

testInVitest("fixtures", async ({ mcmock }) => {
  const found: Exchange[] = await mcmock.waitFor({ event: ["play", "ping"] }, { count: 2, timeout: 1 });
  const report: Report = await mcmock.report();
  await expectInVitest(mcmock).toHaveLostNothing({ allow: [found[0]?.eventType ?? "", report.sessionId] });
  // @ts-expect-error a number
  await expectInVitest(mcmock).toHaveReceived({ count: "3" });
});

export async function inJest(): Promise<void> {
  await expectInJest(mcmock).toHaveReceived({ outcome: "good", atLeast: 1 });
  // @ts-expect-error no such matcher
  await expectInJest(mcmock).toHaveReceivedIt({});
  const server = await startServer({ args: ["--strict"] });
  const rule: FaultRule = await server.faults.add({ effect: { type: "delay", seconds: 1 }, times: 2 });
  // @ts-expect-error no such effect
  await server.faults.add({ effect: { type: "explode" } });
  const seconds: number = await server.clock.advance(600);
  await server.faults.remove(rule.name ?? String(seconds));
}
