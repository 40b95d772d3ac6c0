/* Says in curl what the page does, or what was recorded. Pure functions; every argument is quoted for a POSIX shell. */

/** @import { Exchange } from "./types.d.ts" */

const OWN_TO_THE_CONNECTION = new Set(["host", "content-length", "connection", "accept-encoding", "transfer-encoding", "expect"]);

/** @param {string} text */
export const quote = (text) => (/^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`);

/** The command that does what a control of the page did; the token stays out of it.
    @param {string} method
    @param {string} url
    @param {unknown} body
    @param {boolean} withToken */
export function controlCommand(method, url, body, withToken) {
  const parts = ["curl", "-X", method, quote(url)];
  if (withToken) parts.push("-H", '"Authorization: Bearer $MCMOCK_ADMIN_TOKEN"');
  if (body !== undefined) parts.push("-H", quote("Content-Type: application/json"), "-d", quote(JSON.stringify(body)));
  return parts.join(" ");
}

/** The command that sends a recorded request again.
    @param {Exchange} exchange
    @param {string} origin */
export function requestCommand(exchange, origin) {
  const url = /^https?:/.test(exchange.path) ? exchange.path : origin + exchange.path;
  const headers = exchange.requestHeaders.filter(([name]) => !OWN_TO_THE_CONNECTION.has(name.toLowerCase()));
  const lines = [["curl -i", ...asWritten(url), exchange.method === "HEAD" ? "-I" : `-X ${quote(exchange.method)}`, quote(url)].join(" ")];
  for (const [name, value] of headers) lines.push(`-H ${quote(value ? `${name}: ${value}` : `${name};`)}`);
  return withBody(exchange, lines).join(" \\\n  ");
}

/** What keeps curl from reading more into a URL than a server does.
    @param {string} url */
function* asWritten(url) {
  if (/[{}[\]]/.test(url)) yield "--globoff";
  if (/\/\.{1,2}(\/|$)/.test(url)) yield "--path-as-is";
}

/** @param {Exchange} exchange @param {string[]} lines */
function withBody(exchange, lines) {
  const text = exchange.bodyText ?? "";
  const typed = exchange.requestHeaders.some(([name]) => name.toLowerCase() === "content-type");
  if (!typed && (text || exchange.bodyBase64)) lines.push("-H Content-Type:"); // curl would make one up
  const bytes = exchange.bodyBase64 ?? (text.includes("\0") ? base64(text) : null); // no argument can hold a NUL
  if (bytes) {
    const [command, ...rest] = lines;
    return [`echo ${quote(bytes)} | base64 -d | ${command}`, ...rest, "--data-binary @-"];
  }
  return text ? [...lines, `--data-raw ${quote(text)}`] : lines;
}

/** @param {string} text */
const base64 = (text) => btoa(Array.from(new TextEncoder().encode(text), (byte) => String.fromCharCode(byte)).join(""));
