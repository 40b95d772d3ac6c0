/**
 * `import { test, expect } from "mcmock/playwright"`: pages reach the mock under Adobe's own host names, each test has a scope
 * of its own and fails if something that was sent to it is lost, and its timeline is in the report.
 */
import { expect as baseExpect, test as base, type BrowserContext } from "@playwright/test";
import type { Mcmock, VerdictOptions } from "./client.js";
import { matchers } from "./matchers.js";
import { HOSTS, routeHosts } from "./routing.js";
import { startServer, type McmockServer, type ServerOptions } from "./server.js";
import { scopeOf, timelineOf } from "./testing.js";

export { HOSTS, routeHosts } from "./routing.js";

/** What a test may ask for, and what `use` may set. */
export interface McmockFixtures {
  /** This test's scope. A player that is configured with an address gets `mcmock.url`; others need nothing. */
  mcmock: Mcmock;
  /** What the verdict goes by, and the hosts that are led to the mock instead of Adobe's own. */
  mcmockOptions: VerdictOptions & { hosts?: readonly string[] };
}

/** The same of a whole worker. */
export interface McmockWorkerFixtures {
  /** The server that the tests of this worker share. */
  mcmockServer: McmockServer;
  /** How it is found or started. */
  mcmockServerOptions: ServerOptions;
}

/** Playwright's `test`, with mcmock's fixtures. */
export const test = base.extend<McmockFixtures, McmockWorkerFixtures>({
  mcmockServerOptions: [{}, { option: true, scope: "worker" }],
  mcmockOptions: [{}, { option: true }],
  mcmockServer: [
    async ({ mcmockServerOptions }, use) => {
      const server = await startServer(mcmockServerOptions);
      await use(server);
      await server.stop();
    },
    { scope: "worker", timeout: 120_000 },
  ],
  mcmock: async ({ mcmockServer, mcmockOptions }, use, testInfo) => {
    const scope = await scopeOf(mcmockServer, testInfo.title, mcmockOptions);
    await use(scope);
    const { result, message } = await scope.judged();
    await testInfo.attach("mcmock timeline", { body: await timelineOf(scope), contentType: "text/plain" });
    await testInfo.attach("mcmock log", { body: await scope.log(), contentType: "application/x-ndjson" });
    await scope.close();
    if (result !== "pass" && !testInfo.errors.length) throw new Error(message);
  },
  context: async ({ context, mcmock, mcmockOptions }, use) => {
    const revoke = await grantLocalNetwork(context);
    const settle = await routeHosts(context, mcmock, mcmockOptions.hosts ?? HOSTS);
    await use(context);
    await Promise.all(context.pages().map((page) => page.goto("about:blank").catch(() => {}))); // as a viewer leaves
    await settle();
    await revoke();
  },
});

/** Playwright's `expect`, with mcmock's matchers. */
export const expect = baseExpect.extend(matchers);

/** What Chromium asks before a public page may reach this machine; the names have changed over time. */
const LOCAL_NETWORK = ["local-network-access", "local-network", "loopback-network"];

/**
 * Let pages reach a server on this machine, where Chromium would ask somebody. Not by `grantPermissions`: that takes every
 * other permission away. Returns what ends it.
 */
async function grantLocalNetwork(context: BrowserContext): Promise<() => Promise<void>> {
  const browser = context.browser();
  if (browser?.browserType().name() !== "chromium") return async () => {};
  const session = await browser.newBrowserCDPSession();
  const { browserContextIds } = await session.send("Target.getBrowserContexts");
  for (const browserContextId of browserContextIds) {
    for (const name of LOCAL_NETWORK) {
      const permission = { permission: { name }, setting: "granted" as const, browserContextId };
      await session.send("Browser.setPermission", permission).catch(unlessUnknown);
    }
  }
  return () => session.detach();
}

function unlessUnknown(error: Error): void {
  if (!/PermissionDescriptor|no browser context/i.test(error.message)) throw error;
}
