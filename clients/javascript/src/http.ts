/**
 * One request over a socket of its own, and its answer as it came.
 *
 * It is no `fetch`: a test environment may have replaced that (jsdom, happy-dom, a spy of the test's own), a variable may send
 * it through a proxy, and it tells little of what went wrong on the wire.
 */
import { Agent as HttpAgent, request as requestHttp, type IncomingMessage } from "node:http";
import { Agent as HttpsAgent, request as requestHttps } from "node:https";

/** What is sent: header lines by name, and the body if there is one. */
export interface Sent {
  method?: string;
  headers?: Record<string, string>;
  body?: string | Buffer | null | undefined;
  /** Says that nobody waits for the answer any more. What was to be sent is sent all the same. */
  left?: AbortSignal;
}

/** What came back, its header lines in their order and spelling. */
export interface Answer {
  status: number;
  headers: Array<[name: string, value: string]>;
  body: Buffer;
  /** False where the connection ended before the body did. */
  isWhole: boolean;
}

/** Milliseconds that a request is left on the wire after its sender has gone, so that the server reads it. */
const GRACE = 250;

/** An agent without keep-alive: a connection that the server closes meanwhile is not taken for one that it broke. */
const AGENTS = { "http:": new HttpAgent(), "https:": new HttpsAgent() };

/**
 * Send a request and return the answer, whatever its status.
 *
 * @throws NodeJS.ErrnoException where the connection fails, or ends before the head of the answer does
 */
export function send(url: string | URL, { method = "GET", headers = {}, body, left }: Sent = {}): Promise<Answer> {
  const target = new URL(url);
  const isSecure = target.protocol === "https:";
  const length = body == null ? {} : { "Content-Length": String(Buffer.byteLength(body)) };
  const agent = isSecure ? AGENTS["https:"] : AGENTS["http:"];
  const options = { method, headers: { ...headers, ...length }, agent };
  return new Promise((resolve, reject) => {
    const sending = (isSecure ? requestHttps : requestHttp)(target, options, (answer) => read(answer).then(resolve, reject));
    sending.on("error", reject);
    const leave = () => setTimeout(() => sending.destroy(), GRACE);
    left?.addEventListener("abort", () => (sending.writableFinished ? leave() : sending.once("finish", leave)), { once: true });
    sending.end(body ?? undefined);
  });
}

async function read(answer: IncomingMessage): Promise<Answer> {
  const parts: Buffer[] = [];
  const isWhole = await new Promise<boolean>((resolve) => {
    answer.on("data", (part: Buffer) => parts.push(part));
    answer.on("error", () => {}); // it closes, too
    answer.on("close", () => resolve(answer.complete));
  });
  const lines = answer.rawHeaders;
  const headers = lines.flatMap((name, at): Array<[string, string]> => (at % 2 ? [] : [[name, lines[at + 1] ?? ""]]));
  return { status: answer.statusCode ?? 0, headers, body: Buffer.concat(parts), isWhole };
}
