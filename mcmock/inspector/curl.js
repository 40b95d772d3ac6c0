/* Says in curl what the page does, or what was recorded. Pure functions; every argument is quoted for a POSIX shell. */

const OWN_TO_THE_CONNECTION = new Set(["host", "content-length", "connection", "accept-encoding", "transfer-encoding", "expect"]);

export const quote = (text) => (/^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`);

/** The command that does what a control of the page did; the token stays out of it. */
export function controlCommand(method, url, body, withToken) {
  const parts = ["curl", "-X", method, quote(url)];
  if (withToken) parts.push("-H", '"Authorization: Bearer $MCMOCK_ADMIN_TOKEN"');
  if (body !== undefined) parts.push("-H", quote("Content-Type: application/json"), "-d", quote(JSON.stringify(body)));
  return parts.join(" ");
}

/** The command that sends a recorded request again. */
export function requestCommand(exchange, origin) {
  const url = /^https?:/.test(exchange.path) ? exchange.path : origin + exchange.path;
  const headers = exchange.requestHeaders.filter(([name]) => !OWN_TO_THE_CONNECTION.has(name.toLowerCase()));
  const lines = [`curl -i -X ${quote(exchange.method)} ${quote(url)}`];
  for (const [name, value] of headers) lines.push(`-H ${quote(`${name}: ${value}`)}`);
  return withBody(exchange, lines).join(" \\\n  ");
}

function withBody(exchange, lines) {
  if (exchange.bodyBase64) {
    const [command, ...rest] = lines;
    return [`echo ${quote(exchange.bodyBase64)} | base64 -d | ${command}`, ...rest, "--data-binary @-"];
  }
  const text = exchange.bodyText ?? (exchange.body === null ? "" : JSON.stringify(exchange.body));
  return text ? [...lines, `--data-raw ${quote(text)}`] : lines;
}
