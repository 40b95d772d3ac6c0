/** What one test gets, whatever runs it: a scope named after it, and the verdict at its end. */
import { randomBytes } from "node:crypto";
import type { Mcmock, VerdictOptions } from "./client.js";
import type { McmockServer } from "./server.js";

/** A scope of this test's own. */
export async function scopeOf(server: McmockServer, title: string, { failOn, allow = [] }: VerdictOptions = {}): Promise<Mcmock> {
  const scope = await server.scope(`${randomBytes(4).toString("hex")}-${title.replace(/[^\w.-]+/g, "-")}`);
  if (failOn) scope.failOn(failOn);
  scope.allow(...allow);
  return scope;
}

/**
 * End a test: its scope is forgotten.
 *
 * @throws McmockError where something that it sent was lost
 */
export async function finish(scope: Mcmock): Promise<void> {
  try {
    await scope.verdict();
  } finally {
    await scope.close();
  }
}
