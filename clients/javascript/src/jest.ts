/**
 * `import { mcmock } from "mcmock/jest"`: each test of the file gets a scope of its own, and fails if something that was sent
 * to it is lost. The server is MCMOCK_URL's, or one for the file.
 */
import { afterAll, afterEach, beforeAll, beforeEach, expect } from "@jest/globals";
import { Mcmock } from "./client.js";
import { matchers, type McmockMatchers } from "./matchers.js";
import { startServer, type McmockServer } from "./server.js";
import { finish, scopeOf } from "./testing.js";

declare module "expect" {
  // eslint-disable-next-line @typescript-eslint/no-empty-object-type, @typescript-eslint/no-unused-vars
  interface Matchers<R extends void | Promise<void>, T = unknown> extends McmockMatchers {}
}

declare global {
  namespace jest {
    // eslint-disable-next-line @typescript-eslint/no-empty-object-type, @typescript-eslint/no-unused-vars
    interface Matchers<R, T = {}> extends McmockMatchers {}
  }
}

/** The scope of the test that runs: configure the player with its `url`. */
export const mcmock = new Mcmock("mcmock: no test runs yet");

expect.extend(matchers);

let server: McmockServer;

beforeAll(async () => {
  server = await startServer();
}, 60_000);

beforeEach(async () => {
  mcmock.become(await scopeOf(server, expect.getState().currentTestName ?? ""));
});

afterEach(async () => {
  await finish(mcmock);
});

afterAll(async () => {
  await server.stop();
});
