/* The numbers of a session's report. Each is a button: pressed, it shows what it was counted from. */

import { h, refill, wayBack } from "./dom.js";
import { duration, seconds, trimmed, words } from "./format.js";

/** @import { Attributes, Child } from "./dom.js" */
/** @import { Report, Vocabulary } from "./types.d.ts" */

/** @typedef {Vocabulary["metrics"][string]} Metric */
/** What a number was counted from: milliseconds on the axis `ts`, `arrival` or `playhead`.
    @typedef {{ axis: Axis, start: number, end: number, label: string }} Evidence */
/** @typedef {"ts" | "arrival" | "playhead"} Axis */
/** Where each axis begins.
    @typedef {Record<Axis, number>} Origins */

/** @type {[name: string, kind: string, label: string][]} */
const TIMES = [
  ["contentTimeSpent", "content", "content"],
  ["adTimeSpent", "ad", "ads"],
  ["pauseTime", "pause", "paused"],
  ["bufferTime", "buffer", "buffering"],
  ["stallTime", "stall", "stalled"],
  ["unattributedTime", "gap", "in no account"],
];

const PROGRESS = ["progress10", "progress25", "progress50", "progress75", "progress95"];

const ELSEWHERE = new Set(["Progress", "Session"]); // groups that the page shows in other places

export class ReportPanel {
  /** `onAsk(name, value text)` is called when a number is pressed, with null when it is pressed again.
      @param {(name: string | null) => void} onAsk */
  constructor(onAsk) {
    this.onAsk = onAsk;
    /** @type {Report | null} */
    this.report = null;
    /** @type {string | null} */
    this.asked = null;
    /** @type {Pick<Vocabulary, "metrics">} */
    this.vocabulary = { metrics: {} };
    /** @type {string | undefined} */
    this.text = "";
    /** @type {(() => unknown) | undefined} */
    this.back = undefined;
    this.root = h("div.report", {}, h("p.none", {}, "No report yet."));
  }

  /** @param {Report | null} report */
  show(report) {
    const text = JSON.stringify([report?.exact, report?.ads, report?.adBreaks, report?.chapters, report?.states, report?.doubts]);
    this.report = report;
    if (text === this.text) return;
    this.text = text;
    refill(this.root, () => this.report ? this.parts(this.report) : h("p.none", {}, "No report yet."));
  }

  /** @param {string} name */
  ask(name) {
    this.asked = this.asked === name ? null : name;
    for (const one of this.root.querySelectorAll("[data-key]")) one.setAttribute("aria-pressed", String(one.getAttribute("data-key") === this.asked));
    this.onAsk(this.asked);
  }

  /** @param {string} name @param {HTMLElement} button */
  press(name, button) {
    this.back = wayBack(this.root, button);
    this.ask(name);
  }

  /** No number is asked about any more; the focus goes back to the one that was. */
  putOut() {
    if (this.asked) this.ask(this.asked);
    this.back?.();
  }

  /** @param {string} name @param {string} cls @param {Attributes} attributes @param {...Child} children */
  button(name, cls, attributes, ...children) {
    const doubts = this.report?.doubts[name];
    const about = [this.vocabulary.metrics[name]?.about, doubts && `in doubt by ${doubts.join(", ")}`].filter(Boolean).join("; ");
    return h(`button.${cls}`, {
      type: "button", "data-key": name, "aria-pressed": String(this.asked === name), title: about.replaceAll("`", "") || undefined,
      onclick: (/** @type {any} */ event) => this.press(name, event.currentTarget), ...attributes,
    }, ...children);
  }

  // -- the parts --------------------------------------------------------------------------------------------------------

  /** @param {Report} report @returns {Child[]} */
  parts(report) {
    return [this.bar(report), this.progress(report), ...this.groups(report), this.ads(report), this.chapters(report), this.states(report)];
  }

  /** Where the session's time went, to scale.
      @param {Report} report */
  bar({ exact: all }) {
    const exact = /** @type {Record<string, any>} */ (all);
    const parts = TIMES.filter(([name]) => exact[name] > 0).map(([name, kind, label]) => {
      const part = this.button(name, `share.fill-${kind}`, { "aria-label": `${label}: ${seconds(exact[name])}` }, h("span", {}, label));
      part.style.flexGrow = String(exact[name]);
      return part;
    });
    if (!parts.length) return null;
    const total = this.button("sessionTime", "total", {}, h("span", {}, "session time"), h("b", {}, seconds(exact.sessionTime)));
    return h("section.times", { "aria-label": "Where the time went" }, total, h("div.shares", {}, parts));
  }

  /** @param {Report} report */
  progress({ exact }) {
    const steps = PROGRESS.map((name) => {
      const reached = /** @type {Record<string, any>} */ (exact)[name];
      const percent = name.replace("progress", "");
      return this.button(name, reached ? "marker.reached" : "marker", { "aria-label": `progress ${percent} %: ${reached ? "reached" : "not reached"}` }, `${percent} %`);
    });
    return h("div.markers", { role: "group", "aria-label": "Progress markers" }, steps);
  }

  /** One section for each group of the vocabulary.
      @param {Report} report */
  groups({ exact }) {
    /** @type {Map<string, string[]>} */
    const groups = new Map();
    for (const [name, { group }] of Object.entries(this.vocabulary.metrics)) groups.set(group, [...(groups.get(group) ?? []), name]);
    return [...groups].filter(([title]) => !ELSEWHERE.has(title)).map(([title, names]) => this.group(title, names, exact));
  }

  /** @param {string} title @param {string[]} names @param {Record<string, any>} exact */
  group(title, names, exact) {
    const rows = names.filter((name) => name in exact).map((name) => this.number(name, exact[name]));
    return h("section.group", { "aria-label": title }, h("h3", {}, title), h("div.numbers", {}, rows));
  }

  /** @param {string} name @param {any} value */
  number(name, value) {
    const nothing = value === null || value === false || value === 0 || (Array.isArray(value) && !value.length);
    return this.button(name, nothing ? "number.nothing" : "number", {}, h("span", {}, words(name)), h("b", {}, this.written(name, value), this.doubt(name)));
  }

  /** The mark of a number that cannot be trusted.
      @param {string} name @returns {Child} */
  doubt(name) {
    const rules = this.report?.doubts[name];
    return rules ? h("span.doubt", { role: "img", "aria-label": ` in doubt by ${rules.join(", ")}` }, " ?") : null;
  }

  /** @param {string} name @param {any} value */
  written(name, value) {
    const unit = this.vocabulary.metrics[name]?.unit;
    if (value === null || value === undefined) return "–";
    if (typeof value === "boolean") return value ? "yes" : "no";
    if (Array.isArray(value)) return value.length ? value.join(", ") : "none";
    if (unit === "s") return seconds(value);
    if (unit === "kbps") return `${trimmed(value, 1)} kbps`;
    return typeof value === "number" ? trimmed(value, 3) : String(value);
  }

  /** @param {Report} report */
  ads(report) {
    const rows = report.ads.map((ad, index) => {
      const details = ad.advertisingDetails;
      return this.record(`ads.${index}`, details.friendlyName || details.name || `ad ${index + 1}`, ad.outcome, ad.exact.timeSpent, ad.advertisingPodDetails?.friendlyName);
    });
    return this.records("Ads", rows);
  }

  /** @param {Report} report */
  chapters(report) {
    const rows = report.chapters.map((chapter, index) => {
      const details = chapter.chapterDetails;
      return this.record(`chapters.${index}`, details.friendlyName || `chapter ${details.index ?? index + 1}`, chapter.outcome, chapter.exact.timeSpent);
    });
    return this.records("Chapters, one by one", rows);
  }

  /** @param {Report} report */
  states(report) {
    const rows = report.states.map((state) => this.record(`states.${state.name}`, state.name, `${state.count} ×`, state.exact.time));
    return this.records("Player states", rows);
  }

  /** @param {string} title @param {Child[]} rows */
  records(title, rows) {
    return rows.length ? h("section.group", { "aria-label": title }, h("h3", {}, title), h("div.numbers.wide", {}, rows)) : null;
  }

  /** @param {string} name @param {string} label @param {string} outcome @param {number} time */
  record(name, label, outcome, time, part = null) {
    const told = part ? `${label} (${part})` : String(label);
    return this.button(name, "number", {}, h("span", {}, told), h("em", {}, outcome), h("b", {}, seconds(time)));
  }

  // -- why --------------------------------------------------------------------------------------------------------------

  /** The spans behind the number that was asked for, and a sentence that adds them up; `origins` has where each axis began.
      @param {Origins} origins
      @returns {{ spans: Evidence[], sentence: string }} */
  answer(origins) {
    if (!this.report || !this.asked) return { spans: [], sentence: "" };
    const spans = /** @type {Evidence[]} */ (this.report.why?.[this.asked] ?? []);
    return { spans, sentence: explain(this.asked, spans, origins, this.vocabulary.metrics[this.asked]) };
  }
}

const SHOWN = 8;

/** "content time spent: main content playing. 0:22 – 0:33 (11 s) + … = 45 s"
    @param {string} name
    @param {Evidence[]} spans
    @param {Origins} origins
    @param {Metric | undefined} metric */
export function explain(name, spans, origins, metric) {
  const title = metric ? `${words(name)}: ${metric.about.replaceAll("`", "")}.` : `${words(name.replace(".", " "))}.`;
  if (!spans.length) return `${title} Nothing was counted.`;
  const lengths = spans.filter((span) => span.end > span.start);
  if (!lengths.length) return `${title} Counted at ${some(spans.map((span) => `${since(span, span.start, origins)} (${span.label})`), ", ")}.`;
  const total = lengths.reduce((sum, span) => sum + (span.end - span.start) / 1000, 0);
  const parts = lengths.map((span) => `${between(span, origins)} (${seconds((span.end - span.start) / 1000)})`);
  const sum = metric && metric.unit !== "s" ? "" : ` = ${seconds(total)}`;
  return `${title} ${some(parts, " + ")}${sum}.`;
}

/** @param {string[]} parts @param {string} sign */
const some = (parts, sign) =>
  parts.length <= SHOWN ? parts.join(sign) : `${parts.slice(0, SHOWN).join(sign)}${sign}${parts.length - SHOWN} more`;

/** A moment on its own axis, since that axis began.
    @param {Evidence} span
    @param {number} moment
    @param {Origins} origins */
const since = (span, moment, origins) => duration((moment - origins[span.axis]) / 1000);

/** @param {Evidence} span @param {Origins} origins */
const between = (span, origins) =>
  `${span.axis === "playhead" ? "playhead " : ""}${since(span, span.start, origins)}–${since(span, span.end, origins)}`;
