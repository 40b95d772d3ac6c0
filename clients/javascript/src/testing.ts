/** What one test gets, whatever runs it: a scope named after it, and the verdict at its end. */
import { randomBytes } from "node:crypto";
import type { Exchange } from "./api.js";
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

/** Each request of a test in a line, with what was found under it. */
export async function timelineOf(scope: Mcmock): Promise<string> {
  const requests = await scope.requests();
  const begin = requests[0]?.at ?? 0;
  return requests.map((one) => lines(one, begin)).join("\n") || "no request has arrived";
}

function lines({ seq, at, body, eventType, method, path, status, outcome, findings }: Exchange, begin: number): string {
  const playhead = (body as { playerTime?: { playhead?: number } } | null)?.playerTime?.playhead ?? "-";
  const cells = [String(seq).padStart(5), (at - begin).toFixed(3).padStart(9), String(playhead).padStart(9), ` ${eventType ?? `${method} ${path}`}`.padEnd(21)];
  const found = findings.map(({ rule, message }) => `        ${rule}: ${message}`);
  return [`${cells.join("")}${status}  ${outcome}`, ...found].join("\n");
}
