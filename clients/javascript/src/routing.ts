/**
 * The way from a page to the mock, for an app whose collection host is written into it.
 *
 * Playwright stops such a request before it leaves the browser; it is sent to the mock from here, and the mock's answer, or
 * what went wrong on the wire, is handed to the page. The page still judges the answer by the rules of CORS. Its preflights
 * Playwright would allow whatever they ask: in Chromium they are led to the mock, elsewhere the mock is asked in their place.
 */
import type { BrowserContext, CDPSession, Page, Request, Route } from "@playwright/test";
import { setTimeout as sleep } from "node:timers/promises";
import type { Mcmock } from "./client.js";
import { send, type Answer } from "./http.js";

/** Adobe's collection hosts: Media Collection, and the Edge Network. */
export const HOSTS: readonly string[] = [
  "*.hb-api.omtrdc.net",
  "edge.adobedc.net",
  "edge-int.adobedc.net",
  "*.data.adobedc.net",
  "adobedc.demdex.net",
];

/** Seconds that a request under way is waited for at most, and milliseconds in which what it was asked for may follow. */
const PATIENCE = 1;
const AFTERTHOUGHT = 50;

/** Which addresses lead to the mock: those of `hosts`, and its own but for the control API. Knows what is under way. */
class Way {
  readonly #patterns: RegExp[];
  readonly #underWay = new Set<Promise<void>>();
  readonly #expected = new Map<string, () => void>(); // by address: a preflight was granted, and its request has not come
  /** Pages whose own preflights reach the mock. */
  readonly asksItself = new WeakSet<Page>();

  constructor(
    readonly base: string,
    readonly hosts: readonly string[],
  ) {
    this.#patterns = hosts.map((host) => new RegExp(`^${host.split("*").map(escape).join(".*")}$`, "i"));
  }

  get origin(): string {
    return new URL(this.base).origin;
  }

  leads({ hostname, origin, pathname }: URL): boolean {
    return (origin === this.origin && !pathname.includes("/__admin")) || this.#patterns.some((pattern) => pattern.test(hostname));
  }

  target(url: URL): string {
    return url.origin === this.origin ? url.href : `${this.base}${url.pathname}${url.search}`;
  }

  /** Do this, whose failure nobody waits for: the page has left. */
  begin(doing: Promise<void>): Promise<void> {
    const done = doing.catch(() => {}).finally(() => this.#underWay.delete(done));
    this.#underWay.add(done);
    return done;
  }

  /** A preflight of this address is about to be granted: its request is under way, unless it stays away for too long. */
  expect(url: string): void {
    const come = new Promise<void>((resolve) => this.#expected.set(url, resolve));
    void this.begin(Promise.race([come, sleep(PATIENCE * 1000, undefined, { ref: false })]));
  }

  /** A request of this address has come. */
  met(url: string): void {
    this.#expected.get(url)?.();
    this.#expected.delete(url);
  }

  /** Wait for what is under way, and for what follows it: after a preflight comes its request. */
  async settle(): Promise<void> {
    const until = Date.now() + PATIENCE * 1000;
    do {
      await Promise.race([Promise.all(this.#underWay), sleep(until - Date.now(), undefined, { ref: false })]);
      await sleep(AFTERTHOUGHT); // also where nothing is under way yet: a page that leaves sends as it goes
    } while (this.#underWay.size && Date.now() < until);
  }
}

function escape(text: string): string {
  return text.replace(/[.+?^${}()|[\]\\]/g, "\\$&");
}

/**
 * Send what pages ask of `hosts`, or of the mock itself, to `mcmock`; `*` in the name of a host stands for anything.
 *
 * Returns what waits, for a second at most, until all that was asked so far has arrived.
 */
export async function routeHosts(
  pages: BrowserContext | Page,
  mcmock: Mcmock,
  hosts: readonly string[] = HOSTS,
): Promise<() => Promise<void>> {
  const way = new Way(mcmock.url, hosts);
  const left = new Map<Request, AbortController>();
  pages.on("requestfailed", (request) => left.get(request)?.abort());
  await pages.route(
    (url) => way.leads(url),
    async (route) => {
      const request = route.request();
      left.set(request, new AbortController());
      await way.begin(forward(route, way, left.get(request)!.signal));
      left.delete(request);
    },
  );
  if ("pages" in pages) pages.on("page", (page) => void catchLast(page, way).catch(() => {})); // one that is closed at once
  await Promise.all(("pages" in pages ? pages.pages() : [pages]).map((page) => catchLast(page, way)));
  return () => way.settle();
}

async function forward(route: Route, way: Way, left: AbortSignal): Promise<void> {
  const request = route.request();
  const url = new URL(request.url());
  way.met(url.href);
  const headers: Record<string, string> = { ...request.headers(), host: url.host };
  try {
    const isAsked = way.asksItself.has(request.frame().page());
    if (!isAsked && !(await isAllowed(request, way.target(url), url))) return await route.abort("failed"); // as the browser does
    const answer = await send(way.target(url), { method: request.method(), headers, body: request.postDataBuffer(), left });
    await route.fulfill({ status: answer.status, headers: readable(answer, headers.origin), body: answer.body });
  } catch (error) {
    await route.abort(failure(error as NodeJS.ErrnoException));
  }
}

/** What a browser calls what went wrong on the wire. */
function failure({ code, syscall }: NodeJS.ErrnoException): string {
  if (code === "ECONNREFUSED") return "connectionrefused";
  if (code === "ECONNRESET") return syscall ? "connectionreset" : "connectionclosed";
  return "failed";
}

/** The header lines for Playwright. It would let the page read an answer that forgot to allow it; this one it may not. */
function readable(answer: Answer, origin: string | undefined): Record<string, string> {
  const found: Record<string, string> = {};
  for (const [name, value] of lines(answer)) {
    const key = name.toLowerCase();
    found[key] = key in found ? `${found[key]}, ${value}` : value;
  }
  return origin && !(ALLOWED in found) ? { ...found, [ALLOWED]: "" } : found;
}

/** Header lines but for those of the connection. */
function lines({ headers }: Answer): Answer["headers"] {
  return headers.filter(([name]) => !/^(connection|transfer-encoding)$/i.test(name));
}

const ALLOWED = "access-control-allow-origin";

// -- the last requests of a page -------------------------------------------------------------------------------------------

/**
 * What a page sends as it leaves (a beacon, say), Playwright forgets or lets pass to Adobe in Chromium: the document it belongs
 * to is gone when it looks. It goes to the mock from here, and so do the browser's preflights; the rest goes on to Playwright.
 */
async function catchLast(page: Page, way: Way): Promise<void> {
  const context = page.context();
  if (context.browser()?.browserType().name() !== "chromium") return;
  const session = await context.newCDPSession(page);
  const leaving = new Set<string>(); // frames that are about to show another document
  const current = new Map<string, string>(); // the document that a frame shows
  const sender = new Map<string, string>(); // the document that a request is of
  const orphaned = new Set<string>(); // requests whose document is gone
  session.on("Page.frameStartedNavigating", ({ frameId }) => leaving.add(frameId));
  session.on("Page.frameNavigated", ({ frame }) => {
    leaving.delete(frame.id);
    current.set(frame.id, frame.loaderId);
  });
  session.on("Page.loadEventFired", () => leaving.clear()); // the event before may be lost with the process that sent it
  session.on("Network.requestWillBeSent", ({ requestId, loaderId }) => sender.set(requestId, loaderId));
  session.on("Network.loadingFinished", ({ requestId }) => sender.delete(requestId));
  session.on("Network.loadingFailed", ({ requestId }) => orphaned.add(requestId));
  session.on("Fetch.requestPaused", (paused) => {
    const { networkId, frameId, request, requestId } = paused;
    const [from, shown] = [sender.get(networkId ?? ""), current.get(frameId)];
    const isOrphan = !networkId || orphaned.has(networkId) || (from && shown && from !== shown);
    const isLast = isOrphan || leaving.has(frameId) || request.method === "OPTIONS";
    if (isLast && way.leads(new URL(request.url))) void way.begin(answerLast(session, paused, way));
    else session.send("Fetch.continueRequest", { requestId }).catch(() => {}); // the page is gone altogether
  });
  const patterns = [...way.hosts.map((host) => `*://${host}/*`), `${way.origin}/*`].map((urlPattern) => ({ urlPattern }));
  await Promise.all([session.send("Page.enable"), session.send("Network.enable"), session.send("Fetch.enable", { patterns })]);
  way.asksItself.add(page);
}

/** What Chromium says of a request that waits for us. */
interface Paused {
  requestId: string;
  request: { url: string; method: string; headers: Record<string, string>; postDataEntries?: Array<{ bytes?: string }> };
}

async function answerLast(session: CDPSession, { requestId, request }: Paused, way: Way): Promise<void> {
  const url = new URL(request.url);
  const body = Buffer.concat((request.postDataEntries ?? []).map(({ bytes = "" }) => Buffer.from(bytes, "base64")));
  const headers = { ...request.headers, host: url.host };
  if (request.method !== "OPTIONS") way.met(url.href);
  const answer = await send(way.target(url), { method: request.method, headers, body: body.length ? body : null });
  if (request.method === "OPTIONS" && answer.status <= 299) way.expect(url.href);
  await session.send("Fetch.fulfillRequest", {
    requestId,
    responseCode: answer.status,
    responseHeaders: lines(answer).map(([name, value]) => ({ name, value })),
    body: answer.body.toString("base64"),
  });
}

// -- preflights ------------------------------------------------------------------------------------------------------------

/** Headers that a page may send anywhere without asking, and those that the browser adds by itself. */
const UNASKED =
  /^(accept|accept-encoding|accept-language|cache-control|connection|content-language|content-length|cookie|dnt|host|origin|pragma|priority|range|referer|sec-.*|te|upgrade-insecure-requests|user-agent)$/;
const PLAIN = /^(application\/x-www-form-urlencoded|multipart\/form-data|text\/plain)\s*(;|$)/i;

/** Whether the mock lets the page send this: asked as the browser would, where the browser would. */
async function isAllowed(request: Request, target: string, { host, origin: own }: URL): Promise<boolean> {
  const headers = request.headers();
  const origin = headers.origin;
  const isPlainType = PLAIN.test(headers["content-type"] ?? "");
  const asked = Object.keys(headers).filter((name) => !UNASKED.test(name) && !(name === "content-type" && isPlainType));
  const isPlain = ["GET", "HEAD", "POST"].includes(request.method());
  if (!origin || origin === own || (isPlain && !asked.length)) return true;
  const answer = await send(target, {
    method: "OPTIONS",
    headers: {
      host,
      origin,
      accept: "*/*",
      "user-agent": headers["user-agent"] ?? "",
      "access-control-request-method": request.method(),
      ...(asked.length && { "access-control-request-headers": asked.sort().join(",") }),
    },
  });
  const allowed = (name: string) => (lookup(answer, name) ?? "").split(",").map((word) => word.trim().toLowerCase());
  const anyone = allowed(ALLOWED);
  const methods = allowed("access-control-allow-methods");
  const names = allowed("access-control-allow-headers");
  return (
    answer.status >= 200 &&
    answer.status <= 299 &&
    (anyone.includes("*") || anyone.includes(origin.toLowerCase())) &&
    (isPlain || methods.includes("*") || methods.includes(request.method().toLowerCase())) &&
    (names.includes("*") || asked.every((name) => names.includes(name)))
  );
}

function lookup({ headers }: Answer, wanted: string): string | undefined {
  return headers.find(([name]) => name.toLowerCase() === wanted)?.[1];
}
