/** The control API of one scope, as objects: what a test asks of the server, and what it tells it to do. */
import type * as api from "./api.js";
import { send } from "./http.js";

/** Which requests are meant, by fields of the log: `{ event: "ping", playhead: { min: 10 } }`. All must hold. */
export type Match = api.Match;

/** How many requests there must be; without any of these, at least one. */
export interface Bounds {
  /** Exactly so many. */
  count?: number;
  atLeast?: number;
  atMost?: number;
}

/** From which loss on a test fails, each including the one before; `lost` unless told otherwise. */
export type FailOn = api.Verdict["failOn"];

/** What the verdict goes by. */
export interface VerdictOptions {
  failOn?: FailOn;
  /** Rules of findings that are expected: "ad-outside-break", say. */
  allow?: readonly string[];
}

/** How two sessions are compared. */
export interface CompareOptions {
  /** Seconds by which times, durations and playheads may differ: 1 unless told otherwise. */
  within?: number;
  /** Count what SDKs are known to do differently, too. */
  countKnown?: boolean;
}

/** A refusal of the server's, or a check that failed. Its message is the server's own. */
export class McmockError extends Error {
  override readonly name = "McmockError";

  /** `status` and `code` are those of the answer; 0 and "unreachable" where there was none. */
  constructor(
    message: string,
    readonly status: number,
    readonly code: string,
  ) {
    super(message);
  }
}

/** What a call adds to its route: names in the path, the query, the body. */
interface Parts<R extends keyof api.Routes> {
  path?: Record<string, string>;
  query?: Record<string, string | number | undefined>;
  body?: api.Routes[R] extends { takes: infer Body } ? Body : never;
}

/** One scope of a server: a log, sessions, faults and a clock of its own. */
export class Mcmock {
  /** The faults in force. */
  readonly faults = new Faults(this);
  /** The emulator's time. */
  readonly clock = new Clock(this);

  #failOn: FailOn = "lost";
  readonly #allowed = new Set<string>();
  #url: string;
  #token: string | undefined;
  #control: string | undefined;

  /**
   * `url` is the address to configure a player with; `token` is that of `mcmock serve --admin-token`; `control` is the address
   * of the control API where it has a port of its own (`--admin-port`).
   */
  constructor(url: string, token?: string, control?: string) {
    this.#url = url;
    this.#token = token;
    this.#control = control;
  }

  /** The address to configure a player with. */
  get url(): string {
    return this.#url;
  }

  /** What the control API wants to know, where the server has a token. */
  get token(): string | undefined {
    return this.#token;
  }

  /** The address of the control API, where it has a port of its own. */
  get control(): string | undefined {
    return this.#control;
  }

  /** @internal Stand for another scope from now on: that of the next test. */
  become({ url, token, control }: Mcmock): void {
    this.#url = url;
    this.#token = token;
    this.#control = control;
    this.#failOn = "lost";
    this.#allowed.clear();
  }

  /** Where the control API and the inspector page are. */
  get adminUrl(): string {
    const scope = /\/~[^/]+$/.exec(this.url)?.[0] ?? "";
    return `${this.#control === undefined ? this.url : this.#control + scope}/__admin`;
  }

  /**
   * Call a route of the control API and return what it gives, as types tell.
   *
   * @throws McmockError with the server's own message, for any answer but 2xx
   */
  async ask<R extends keyof api.Routes>(route: R, { path = {}, query = {}, body }: Parts<R> = {}): Promise<api.Routes[R]["gives"]> {
    const [method = "", template = ""] = route.split(" ");
    const target = new URL(this.adminUrl + template.replace(/{(\w+)}/g, (_, name: string) => encodeURIComponent(path[name] ?? "")));
    for (const [name, value] of Object.entries(query)) if (value !== undefined) target.searchParams.set(name, String(value));
    const answer = await send(target, {
      method,
      headers: { "Content-Type": "application/json", ...(this.token ? { Authorization: `Bearer ${this.token}` } : {}) },
      body: body === undefined ? undefined : JSON.stringify(body),
    }).catch((error: Error) => {
      throw new McmockError(`mcmock does not answer at ${this.#control ?? this.url}: ${error.message}`, 0, "unreachable");
    });
    const text = answer.body.toString();
    const isJson = answer.headers.some(([name, value]) => name.toLowerCase() === "content-type" && value.startsWith("application/json"));
    const given = isJson ? JSON.parse(text) : text;
    if (answer.status < 200 || answer.status > 299) throw refusal(given, answer.status);
    return given;
  }

  /** The requests in the log that match, oldest first. */
  async requests(match: Match = {}): Promise<api.Exchange[]> {
    const found: api.Exchange[] = [];
    let since: number | null = 0;
    while (since !== null) {
      const page: api.Exchanges = await this.ask("POST /requests/find", { body: match, query: { since } });
      found.push(...(page.requests as api.Exchange[]));
      since = page.next;
    }
    return found;
  }

  /**
   * Wait until `count` requests that match have come, and return them. Nothing is polled: the arrival answers.
   *
   * @param options.timeout in seconds of real time
   * @throws McmockError that shows what came instead
   */
  async waitFor(match: Match, { count = 1, timeout = 5 }: { count?: number; timeout?: number } = {}): Promise<api.Exchange[]> {
    const { requests, matched } = await this.ask("POST /requests/wait", { body: { match, count, timeout }, query: { strict: 1 } });
    return requests.length < matched ? this.requests(match) : requests;
  }

  /**
   * Check what is in the log, or, with `within`, what comes in so many seconds.
   *
   * @throws McmockError that shows what there was, unless it is so
   */
  async verify(check: api.Check): Promise<api.Verification> {
    return this.ask("POST /verify", { body: check, query: { strict: 1 } });
  }

  /** Let the verdict pass what these rules find: it is what the test is about. */
  allow(...rules: string[]): void {
    for (const rule of rules) this.#allowed.add(rule);
  }

  /** Let the verdict fail from this loss on. */
  failOn(level: FailOn): void {
    this.#failOn = level;
  }

  /**
   * Check that nothing is lost: rejected, misdirected, answered 204 and yet ignored by Analytics, or kept back by a browser.
   *
   * @throws McmockError that shows what was lost and why
   */
  async verdict(options: VerdictOptions = {}): Promise<api.Verdict> {
    return this.ask("GET /verdict", { query: { ...this.#terms(options), strict: 1 } });
  }

  /** @internal The verdict as a value, whatever it is. */
  async judged(options: VerdictOptions = {}): Promise<api.Verdict> {
    return this.ask("GET /verdict", { query: this.#terms(options) });
  }

  /** What a verdict goes by, as its route takes it: what the test has set, and what it says now. */
  #terms({ failOn = this.#failOn, allow = [] }: VerdictOptions): Record<string, string> {
    return { failOn, allow: [...this.#allowed, ...allow].join() };
  }

  /** Two sessions of either API side by side, by their ids; `result` is "pass" where they are the same. */
  async compare(before: string, after: string, { within, countKnown = false }: CompareOptions = {}): Promise<api.Comparison> {
    return this.ask("GET /compare", { query: { old: before, new: after, within, countKnown: countKnown ? 1 : 0 } });
  }

  /** Every session, oldest first. */
  async sessions(): Promise<api.Session[]> {
    const pages: api.Session[][] = [];
    let before: string | undefined;
    do {
      const page: api.Sessions = await this.ask("GET /sessions", { query: { before } });
      pages.unshift(page.sessions as api.Session[]);
      before = page.next ?? undefined;
    } while (before !== undefined);
    return pages.flat();
  }

  /**
   * The session of that id, or the only one there is.
   *
   * @throws McmockError where there is none, or, without an id, more than one
   */
  async session(id?: string): Promise<api.Session> {
    if (id !== undefined) return (await this.ask("GET /sessions/{sid}", { path: { sid: id } })) as api.Session;
    const { sessions, total } = await this.ask("GET /sessions", { query: { limit: 1 } });
    const [only] = sessions as api.Session[];
    if (only && total === 1) return only;
    throw new McmockError(`expected one session, but there are ${total || "none"}`, 409, "not-one-session");
  }

  /**
   * What Analytics would count of the session of that id, or of the only one.
   *
   * @throws McmockError where there is none, or, without an id, more than one
   */
  async report(id?: string): Promise<api.Report> {
    return id === undefined ? this.ask("GET /report") : this.ask("GET /sessions/{sid}/report", { path: { sid: id } });
  }

  /** Let a session time out: its next event is answered 410. */
  async expire(id?: string): Promise<void> {
    await this.ask("POST /sessions/{sid}/expire", { path: { sid: id ?? (await this.session()).id } });
  }

  /** Let a session never have been: its next event is answered 404. */
  async forget(id?: string): Promise<void> {
    await this.ask("POST /sessions/{sid}/forget", { path: { sid: id ?? (await this.session()).id } });
  }

  /** The number of requests by outcome. */
  async summary(): Promise<api.Summary> {
    return this.ask("GET /summary");
  }

  /** What became of each request that a fault met: all of them. */
  async losses(): Promise<api.Losses> {
    const requests: api.Loss[] = [];
    let losses: api.Losses = await this.ask("GET /losses");
    requests.push(...losses.requests);
    while (losses.next !== null) {
      losses = await this.ask("GET /losses", { query: { since: losses.next } });
      requests.push(...losses.requests);
    }
    return { ...losses, requests };
  }

  /** The log as a file that `mcmock check` and `mcmock replay` read: NDJSON. */
  async log(): Promise<string> {
    return this.ask("GET /requests.ndjson");
  }

  /** Forget this scope with all that is in it. */
  async close(): Promise<void> {
    const name = /\/~([^/]+)$/.exec(this.url)?.[1];
    if (name) await this.ask("DELETE /scopes/{name}", { path: { name } });
  }

  /** Log, sessions, faults and clock as at the start. */
  async reset(): Promise<void> {
    await this.ask("POST /reset");
  }
}

/** The faults in force: what the server does wrong because it was told to. */
export class Faults {
  readonly #mcmock: Mcmock;

  constructor(mcmock: Mcmock) {
    this.#mcmock = mcmock;
  }

  /** Put a rule behind those in force, and return it with its name and every default. */
  async add(rule: api.FaultRule): Promise<api.FaultRule> {
    return this.#mcmock.ask("POST /faults", { body: rule });
  }

  /** Put the rules of a preset, `outage` say, behind those in force. */
  async preset(name: string): Promise<api.FaultRule[]> {
    return (await this.#mcmock.ask("POST /presets/{name}", { path: { name } })).faults ?? [];
  }

  /** These rules instead of those in force. */
  async replace(...rules: api.FaultRule[]): Promise<void> {
    await this.#mcmock.ask("PUT /faults", { body: { faults: rules } });
  }

  /** The rules in force, with their hits. */
  async list(): Promise<api.FaultRule[]> {
    return (await this.#mcmock.ask("GET /faults")).faults ?? [];
  }

  /** Lift the fault of that name. */
  async remove(name: string): Promise<void> {
    await this.#mcmock.ask("DELETE /faults/{name}", { path: { name } });
  }

  /** Lift every fault, and free what they hold. */
  async clear(): Promise<void> {
    await this.#mcmock.ask("DELETE /faults");
  }
}

/** The emulator's clock. Times are seconds since the epoch. */
export class Clock {
  readonly #mcmock: Mcmock;

  constructor(mcmock: Mcmock) {
    this.#mcmock = mcmock;
  }

  /** The emulator's time. */
  async now(): Promise<number> {
    return (await this.#mcmock.ask("GET /clock")).now;
  }

  /** Move it forward by so many seconds: sessions time out, delayed answers are sent. Returns the new time. */
  async advance(seconds: number): Promise<number> {
    return (await this.#mcmock.ask("POST /clock/advance", { body: { seconds } })).now;
  }

  /** Stop it: from now on only `advance` moves it. */
  async freeze(): Promise<number> {
    return (await this.#mcmock.ask("POST /clock/freeze")).now;
  }

  /** Let it run again. */
  async resume(): Promise<number> {
    return (await this.#mcmock.ask("POST /clock/resume")).now;
  }
}

/** Whether this is one: of this copy of the package or of another. */
export function isMcmock(value: unknown): value is Mcmock {
  return typeof value === "object" && value !== null && "ask" in value && "judged" in value;
}

/** An error of the control API, or a check that did not pass: both say in words why. */
function refusal(given: { error?: { code: string; message: string }; message?: string } | string, status: number): McmockError {
  if (typeof given === "string") return new McmockError(given.trim() || `answered ${status}`, status, "not-mcmock");
  return new McmockError(given.error?.message ?? given.message ?? `answered ${status}`, status, given.error?.code ?? "not-so");
}
