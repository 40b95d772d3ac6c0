/**
 * What `expect(mcmock)` can say, the same in Playwright, Vitest and Jest. The server judges, and words the failure.
 *
 * What is wanted to come is waited for: a player sends when it likes.
 */
import type { Check } from "./api.js";
import { isMcmock, type Bounds, type Match, type Mcmock, type VerdictOptions } from "./client.js";

/** Which requests are wanted, how many, and in how much time. */
export interface Wanted extends Match, Bounds {
  /** Seconds of real time: a lower bound has so long to come true, an upper bound must hold so long. */
  within?: number;
  /** Pass even if there is no session at all. */
  allowNoSessions?: boolean;
}

/** How the events of a sequence may stand. */
export interface Order {
  /** Whether other events may stand between those of the sequence. */
  gaps?: boolean;
  /** Which events are looked at: `{ session: id }`, say. */
  match?: Match;
  /** Seconds of real time that it has to come true. */
  within?: number;
  /** Pass even if there is no session at all. */
  allowNoSessions?: boolean;
}

/** What a test framework makes of these is `R`: a promise of nothing. */
export interface McmockMatchers<R = Promise<void>> {
  /** So many requests came: at least one, unless `count`, `atLeast` or `atMost` says otherwise. */
  toHaveReceived(wanted: Wanted): R;
  /** The events of every session are these, first to last, in the pattern language of mcmock: "ping*", "play|pauseStart". */
  toHaveSequence(sequence: NonNullable<Check["sequence"]>, order?: Order): R;
  /** Nothing that was sent is lost: neither rejected nor misdirected, answered 204 and yet ignored, or kept back by a browser. */
  toHaveLostNothing(options?: VerdictOptions): R;
}

/** What the frameworks agree on of the `this` of a matcher; Playwright says how long to wait, in milliseconds. */
export interface Context {
  isNot?: boolean;
  timeout?: number;
}

export interface Outcome {
  pass: boolean;
  message: () => string;
}

/** Seconds to wait where neither the test nor the framework says how long. */
const PATIENCE = 1;

/** For `expect.extend`. */
export const matchers = {
  async toHaveReceived(this: Context, received: unknown, wanted: Wanted): Promise<Outcome> {
    const { count, atLeast, atMost, within, allowNoSessions, ...match } = wanted;
    const bounds = { count, atLeast, atMost };
    const isBound = Object.values(bounds).some((bound) => bound !== undefined);
    if (this.isNot && !isBound) return inverse(await verified(received, { match, count: 0, within, allowNoSessions }));
    const least = count ?? atLeast ?? (atMost === undefined ? 1 : 0);
    if (least > 0 && within === undefined && !this.isNot) {
      await mcmockOf(received).ask("POST /requests/wait", { body: { match, count: least, timeout: patience(this) } });
    }
    return verified(received, { match, ...bounds, within, allowNoSessions });
  },

  async toHaveSequence(this: Context, received: unknown, sequence: NonNullable<Check["sequence"]>, order: Order = {}): Promise<Outcome> {
    const within = order.within ?? (this.isNot ? undefined : patience(this));
    return verified(received, { ...order, sequence, within });
  },

  async toHaveLostNothing(this: Context, received: unknown, options: VerdictOptions = {}): Promise<Outcome> {
    return outcome(await mcmockOf(received).judged(options));
  },
};

function patience({ timeout }: Context): number {
  return timeout === undefined ? PATIENCE : timeout / 1000;
}

async function verified(received: unknown, check: { [K in keyof Check]: Check[K] | undefined }): Promise<Outcome> {
  const body = Object.fromEntries(Object.entries(check).filter(([, value]) => value !== undefined)) as Check;
  return outcome(await mcmockOf(received).ask("POST /verify", { body }));
}

function outcome({ result, message }: { result: string; message: string }): Outcome {
  return { pass: result === "pass", message: () => message };
}

/** For `not`: what was asked of the server is the opposite already. */
function inverse({ pass, message }: Outcome): Outcome {
  return { pass: !pass, message };
}

function mcmockOf(received: unknown): Mcmock {
  if (isMcmock(received)) return received;
  throw new TypeError("these matchers are for mcmock's own objects: expect(mcmock), where mcmock is a scope or a server");
}
