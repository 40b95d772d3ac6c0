/* One request in full: what came, what was answered, what was found in it and why that matters. */

import { emulated } from "./api.js";
import { copyButton, h, icon } from "./dom.js";
import { requestCommand } from "./curl.js";
import { instant, seconds, short, timeOfDay } from "./format.js";

/** @import { Exchange, FaultHit, Finding, Vocabulary } from "./types.d.ts" */

/** @typedef {{ step: (by: number) => void, close: () => void }} Moves */

/** @type {Record<Exchange["outcome"], string>} */
const OUTCOMES = {
  good: "Counted.",
  bad: "Rejected: nothing of it was counted.",
  ignored: "Answered as if all were well, but the real service would drop, merge or re-assign it.",
  faulted: "A fault met it before it was looked at: nothing of it was counted.",
  other: "Not part of any count.",
};

/** @type {Record<Exchange["delivery"], string>} */
const DELIVERIES = {
  pending: "the answer is still on its way",
  sent: "the answer was sent",
  aborted: "the answer was cut off",
  client_gone: "the client had gone before the answer",
};

/** The panel's content for one exchange. `step(-1 | 1)` goes to its neighbours, `close()` back to the report.
    @param {Exchange} exchange
    @param {Pick<Vocabulary, "rules">} vocabulary
    @param {Moves} moves */
export function requestDetails(exchange, vocabulary, { step, close }) {
  return [
    h("header.request-head", {},
      h("div.request-title", {}, icon(exchange.outcome), h("h2", { tabindex: "-1" }, `#${exchange.seq} ${exchange.eventType ?? exchange.method}`)),
      h("div.group", {},
        h("button.tool", { type: "button", "aria-label": "Previous request", onclick: () => step(-1) }, "↑"),
        h("button.tool", { type: "button", "aria-label": "Next request", onclick: () => step(1) }, "↓"),
        h("button.tool", { type: "button", "aria-label": "Close the request", onclick: close }, "✕"))),
    h(`p.verdict.is-${exchange.outcome}`, {}, h("b", {}, `${exchange.status || "No answer,"} ${exchange.outcome}`), ` ${OUTCOMES[exchange.outcome]}`),
    facts(exchange),
    findings(exchange, vocabulary),
    fault(exchange.fault),
    h("div.actions", {}, copyButton("Copy as curl", () => requestCommand(exchange, emulated(exchange.scope))), copyButton("Copy body", () => bodyText(exchange))),
    part("Request body", pretty(bodyText(exchange)) || "(empty)"),
    headers("Request headers", [[exchange.method, exchange.path], ...exchange.requestHeaders]),
    part("Response body", pretty(exchange.responseBody) || "(empty)"),
    headers("Response headers", [["Status", exchange.status ? String(exchange.status) : "none"], ...exchange.responseHeaders]),
  ];
}

/** @param {Exchange} exchange */
function facts(exchange) {
  const rows = [
    ["arrived", timeOfDay(exchange.at)],
    ["playhead", exchange.playhead === null ? null : seconds(exchange.playhead)],
    ["ts", exchange.ts !== null && Math.abs(exchange.ts) < 8.64e15 ? instant(exchange.ts) : null],
    ["API", exchange.protocol],
    ["session", exchange.sessionId ? short(exchange.sessionId) : null],
    ["verdict", exchange.verdict.replace("_", " ")],
    ["delivery", DELIVERIES[exchange.delivery] ?? exchange.delivery],
  ].filter(([, value]) => value !== null);
  return h("dl.facts", {}, rows.map(([name, value]) => [h("dt", {}, name), h("dd", {}, value)]));
}

/** @param {Exchange} exchange @param {Pick<Vocabulary, "rules">} vocabulary */
function findings(exchange, vocabulary) {
  if (!exchange.findings.length) return null;
  return h("section.findings", { "aria-label": "Findings" }, exchange.findings.map((finding) => findingCard(finding, vocabulary)));
}

/** A finding with its explanation: what was found here, what the rule says in general, and where it says so.
    @param {Finding} finding
    @param {Pick<Vocabulary, "rules">} vocabulary */
export function findingCard(finding, vocabulary) {
  const rule = vocabulary.rules[finding.rule];
  const about = rule?.about.replaceAll("`", "");
  return h(`article.finding.is-${finding.severity}`, {},
    h("h3", {}, h("span.severity", {}, finding.severity), " ", finding.rule, finding.path ? h("code", {}, finding.path) : null),
    h("p", {}, finding.message),
    about ? h("p.about", {}, about) : null,
    finding.source ? h("p.source", {}, `Source: ${finding.source}`) : null);
}

/** @param {FaultHit | null} hit */
function fault(hit) {
  if (!hit) return null;
  const side = hit.side === "before" ? "before it was processed: it was not counted" : "after it was processed: it counted, the answer was lost or changed";
  const drawn = hit.draw === null || hit.draw === undefined ? "" : ` Drawn: ${hit.draw.toFixed(3)}.`;
  return h("article.finding.is-fault", {}, h("h3", {}, h("span.severity", {}, "fault"), " ", hit.rule), h("p", {}, `${hit.effect}, ${side}.${drawn}`));
}

/** @param {Exchange} exchange */
function bodyText(exchange) {
  if (exchange.bodyBase64) return `(base64) ${exchange.bodyBase64}`;
  return exchange.bodyText ?? "";
}

const DEEPEST = 40; // levels that are indented
const TOKENS = /"(?:[^"\\]|\\.)*"|[{[]\s*[}\]]|[{}[\],:]|[^\s"{}[\],:]+/g;

/** JSON set out in lines, as it was sent: each number as it was written, and a key that came twice, twice.
    @param {string} text */
function pretty(text) {
  try {
    JSON.parse(text);
  } catch {
    return text;
  }
  let depth = 0;
  /** @param {number} by */
  const line = (by) => `\n${"  ".repeat(Math.min((depth += by), DEEPEST))}`;
  const set = (/** @type {string} */ token) => {
    if (token === "{" || token === "[") return token + line(1);
    if (token === "}" || token === "]") return line(-1) + token;
    if (token === ",") return token + line(0);
    if (token === ":") return ": ";
    return /^[{[]/.test(token) ? token[0] + token.at(-1) : token;
  };
  return (text.match(TOKENS) ?? []).map(set).join("");
}

/** @param {string} title @param {string | null} text */
const part = (title, text) => h("section.part", { "aria-label": title }, h("h3", {}, title), h("pre", { tabindex: "0", "aria-label": title }, text));

/** @param {string} title @param {[string, string][]} pairs */
function headers(title, pairs) {
  const rows = pairs.map(([name, value]) => h("tr", {}, h("th", { scope: "row" }, name), h("td", {}, value)));
  return h("details.part", {}, h("summary", {}, `${title} (${pairs.length - 1})`), h("table.headers", {}, h("tbody", {}, rows)));
}
