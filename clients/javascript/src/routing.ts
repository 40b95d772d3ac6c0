/**
 * The way from a page to the mock, for an app whose collection host is written into it.
 *
 * Playwright stops such a request before it leaves the browser; it is sent to the mock from here, and the mock's answer, or
 * what went wrong on the wire, is handed to the page. The page still judges the answer by the rules of CORS. Preflights it
 * leaves to Playwright, which would allow anything, so they are asked of the mock here.
 */
import type { BrowserContext, Page, Request, Route } from "@playwright/test";
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

/** Send what pages ask of `hosts`, or of the mock itself, to `mcmock`; `*` in the name of a host stands for anything. */
export async function routeHosts(pages: BrowserContext | Page, mcmock: Mcmock, hosts: readonly string[] = HOSTS): Promise<void> {
  const patterns = hosts.map((host) => new RegExp(`^${host.split("*").map(escape).join(".*")}$`, "i"));
  const { origin } = new URL(mcmock.url);
  const isOurs = (url: URL) => url.origin === origin && !url.pathname.includes("/__admin");
  const isCollector = (url: URL) => isOurs(url) || patterns.some((pattern) => pattern.test(url.hostname));
  const left = new Map<Request, AbortController>();
  pages.on("requestfailed", (request) => left.get(request)?.abort());
  await pages.route(isCollector, async (route) => {
    const request = route.request();
    left.set(request, new AbortController());
    await forward(route, mcmock.url, left.get(request)!.signal);
    left.delete(request);
  });
}

function escape(text: string): string {
  return text.replace(/[.+?^${}()|[\]\\]/g, "\\$&");
}

async function forward(route: Route, base: string, left: AbortSignal): Promise<void> {
  const request = route.request();
  const url = new URL(request.url());
  const target = url.origin === new URL(base).origin ? url.href : `${base}${url.pathname}${url.search}`;
  const headers: Record<string, string> = { ...request.headers(), host: url.host };
  try {
    if (!(await isAllowed(request, target, url))) return await route.abort("failed"); // as the browser does
    const answer = await send(target, { method: request.method(), headers, body: request.postDataBuffer(), left });
    await route.fulfill({ status: answer.status, headers: readable(answer, headers.origin), body: answer.body });
  } catch (error) {
    await route.abort(failure(error as NodeJS.ErrnoException)).catch(() => {}); // the page has left
  }
}

/** What a browser calls what went wrong on the wire. */
function failure({ code, syscall }: NodeJS.ErrnoException): string {
  if (code === "ECONNREFUSED") return "connectionrefused";
  if (code === "ECONNRESET") return syscall ? "connectionreset" : "connectionclosed";
  return "failed";
}

/** The header lines for Playwright. It would let the page read an answer that forgot to allow it; this one it may not. */
function readable({ headers }: Answer, origin: string | undefined): Record<string, string> {
  const found: Record<string, string> = {};
  for (const [name, value] of headers) {
    const key = name.toLowerCase();
    if (!["connection", "transfer-encoding"].includes(key)) found[key] = key in found ? `${found[key]}, ${value}` : value;
  }
  return origin && !(ALLOWED in found) ? { ...found, [ALLOWED]: "" } : found;
}

const ALLOWED = "access-control-allow-origin";

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
