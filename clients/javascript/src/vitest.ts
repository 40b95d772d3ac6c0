/**
 * `import { test, expect } from "mcmock/vitest"`: each test that asks for `mcmock` gets a scope of its own, and fails if
 * something that was sent to it is lost. As a setup file, it adds the matchers only.
 */
import { expect, test as base } from "vitest";
import type { Mcmock, VerdictOptions } from "./client.js";
import { matchers, type McmockMatchers } from "./matchers.js";
import { startServer, type McmockServer, type ServerOptions } from "./server.js";
import { finish, scopeOf } from "./testing.js";

declare module "vitest" {
  // eslint-disable-next-line @typescript-eslint/no-empty-object-type
  interface Matchers<T> extends McmockMatchers {}
}

/** What a test may ask for, and what `test.extend` may override. */
export interface McmockFixtures {
  /** How the server is found or started. */
  mcmockServerOptions: ServerOptions;
  /** What the verdict goes by. */
  mcmockOptions: VerdictOptions;
  /** The server that the tests of this worker share. */
  mcmockServer: McmockServer;
  /** This test's scope: configure the player with its `url`. */
  mcmock: Mcmock;
}

expect.extend(matchers);

/** Vitest's `test`, with mcmock's fixtures. */
export const test = base.extend<McmockFixtures>({
  mcmockServerOptions: [{}, { scope: "worker" }],
  mcmockOptions: {},
  mcmockServer: [
    async ({ mcmockServerOptions }, use) => {
      const server = await startServer(mcmockServerOptions);
      await use(server);
      await server.stop();
    },
    { scope: "worker" },
  ],
  mcmock: async ({ task, mcmockServer, mcmockOptions }, use) => {
    const scope = await scopeOf(mcmockServer, task.name, mcmockOptions);
    await use(scope);
    await finish(scope);
  },
});

export { test as it, expect };
