/* The numbers of a session's report. Each is a button: pressed, it shows what it was counted from. */

import { h, refill, wayBack } from "./dom.js";
import { duration, seconds, trimmed, words } from "./format.js";

const TIMES = [
  ["contentTimeSpent", "content", "content"],
  ["adTimeSpent", "ad", "ads"],
  ["pauseTime", "pause", "paused"],
  ["bufferTime", "buffer", "buffering"],
  ["stallTime", "stall", "stalled"],
  ["unattributedTime", "gap", "in no account"],
];

const PROGRESS = ["progress10", "progress25", "progress50", "progress75", "progress95"];

const GROUPS = {
  Viewing: ["mediaStarts", "contentStarts", "contentCompletes", "contentResumes", "segment", "segmentViews", "estimatedStreams", "averageMinuteAudience", "downloaded", "authorized", "inReports", "droppedBeforeStart"],
  Time: ["mediaTimeSpent", "contentTimeSpent", "uniqueTimePlayed", "adTimeSpent", "pauseTime", "bufferTime", "stallTime", "unattributedTime", "sessionTime", "timeToStart", "secondsSinceLastCall"],
  Interruptions: ["pauseCount", "bufferCount", "stallCount", "errorCount", "playerErrors", "externalErrors", "pauseImpacted", "bufferImpacted", "stallImpacted", "errorImpacted"],
  Advertising: ["adBreakCount", "adStarts", "adCompletes", "adCount"],
  Chapters: ["chapterStarts", "chapterCompletes", "chapterCount"],
  Quality: ["bitrateAverage", "bitrateAverageBucket", "bitrateChangeCount", "bitrateChangeImpacted", "droppedFrames", "droppedFramesImpacted", "framesPerSecond"],
};
const ELSEWHERE = new Set([...PROGRESS, "state", "closeReason", "firstTs", "lastTs", "sessionId"]);

export class ReportPanel {
  /** `onAsk(name, value text)` is called when a number is pressed, with null when it is pressed again. */
  constructor(onAsk) {
    Object.assign(this, { onAsk, report: null, asked: null, vocabulary: { metrics: {} }, text: "" });
    this.root = h("div.report", {}, h("p.none", {}, "No report yet."));
  }

  show(report) {
    const text = JSON.stringify([report?.exact, report?.ads, report?.adBreaks, report?.chapters, report?.states]);
    this.report = report;
    if (text === this.text) return;
    this.text = text;
    refill(this.root, () => this.report ? this.parts() : h("p.none", {}, "No report yet."));
  }

  ask(name) {
    this.asked = this.asked === name ? null : name;
    for (const one of this.root.querySelectorAll("[data-key]")) one.setAttribute("aria-pressed", String(one.dataset.key === this.asked));
    this.onAsk(this.asked);
  }

  press(name, button) {
    this.back = wayBack(this.root, button);
    this.ask(name);
  }

  /** No number is asked about any more; the focus goes back to the one that was. */
  putOut() {
    this.ask(this.asked);
    this.back?.();
  }

  button(name, cls, attributes, ...children) {
    const about = this.vocabulary.metrics[name]?.about;
    return h(`button.${cls}`, {
      type: "button", "data-key": name, "aria-pressed": String(this.asked === name), title: about?.replaceAll("`", ""),
      onclick: (event) => this.press(name, event.currentTarget), ...attributes,
    }, ...children);
  }

  // -- the parts --------------------------------------------------------------------------------------------------------

  parts() {
    return [this.bar(), this.progress(), ...this.groups(), this.ads(), this.chapters(), this.states()];
  }

  /** Where the session's time went, to scale. */
  bar() {
    const { exact } = this.report;
    const parts = TIMES.filter(([name]) => exact[name] > 0).map(([name, kind, label]) => {
      const part = this.button(name, `share.fill-${kind}`, { "aria-label": `${label}: ${seconds(exact[name])}` }, h("span", {}, label));
      part.style.flexGrow = String(exact[name]);
      return part;
    });
    if (!parts.length) return null;
    const total = this.button("sessionTime", "total", {}, h("span", {}, "session time"), h("b", {}, seconds(exact.sessionTime)));
    return h("section.times", { "aria-label": "Where the time went" }, total, h("div.shares", {}, parts));
  }

  progress() {
    const steps = PROGRESS.map((name) => {
      const reached = this.report.exact[name];
      const percent = name.replace("progress", "");
      return this.button(name, reached ? "marker.reached" : "marker", { "aria-label": `progress ${percent} %: ${reached ? "reached" : "not reached"}` }, `${percent} %`);
    });
    return h("div.markers", { role: "group", "aria-label": "Progress markers" }, steps);
  }

  groups() {
    const known = new Set([...Object.values(GROUPS).flat(), ...ELSEWHERE]);
    const rest = Object.keys(this.report.exact).filter((name) => !known.has(name));
    return Object.entries({ ...GROUPS, ...(rest.length ? { More: rest } : {}) }).map(([title, names]) => this.group(title, names));
  }

  group(title, names) {
    const rows = names.filter((name) => name in this.report.exact).map((name) => this.number(name));
    return h("section.group", { "aria-label": title }, h("h3", {}, title), h("div.numbers", {}, rows));
  }

  number(name) {
    const value = this.report.exact[name];
    const nothing = value === null || value === false || value === 0 || (Array.isArray(value) && !value.length);
    return this.button(name, nothing ? "number.nothing" : "number", {}, h("span", {}, words(name)), h("b", {}, this.written(name, value)));
  }

  written(name, value) {
    const unit = this.vocabulary.metrics[name]?.unit;
    if (value === null || value === undefined) return "–";
    if (typeof value === "boolean") return value ? "yes" : "no";
    if (Array.isArray(value)) return value.length ? value.join(", ") : "none";
    if (unit === "s") return seconds(value);
    if (unit === "kbps") return `${trimmed(value, 1)} kbps`;
    return typeof value === "number" ? trimmed(value, 3) : String(value);
  }

  ads() {
    const rows = this.report.ads.map((ad, index) => {
      const details = ad.advertisingDetails;
      return this.record(`ads.${index}`, details.friendlyName || details.name || `ad ${index + 1}`, ad.outcome, ad.exact.timeSpent, ad.advertisingPodDetails?.friendlyName);
    });
    return this.records("Ads", rows);
  }

  chapters() {
    const rows = this.report.chapters.map((chapter, index) => {
      const details = chapter.chapterDetails;
      return this.record(`chapters.${index}`, details.friendlyName || `chapter ${details.index ?? index + 1}`, chapter.outcome, chapter.exact.timeSpent);
    });
    return this.records("Chapters, one by one", rows);
  }

  states() {
    const rows = this.report.states.map((state) => this.record(`states.${state.name}`, state.name, `${state.count} ×`, state.exact.time));
    return this.records("Player states", rows);
  }

  records(title, rows) {
    return rows.length ? h("section.group", { "aria-label": title }, h("h3", {}, title), h("div.numbers.wide", {}, rows)) : null;
  }

  record(name, label, outcome, time, part = null) {
    const told = part ? `${label} (${part})` : String(label);
    return this.button(name, "number", {}, h("span", {}, told), h("em", {}, outcome), h("b", {}, seconds(time)));
  }

  // -- why --------------------------------------------------------------------------------------------------------------

  /** The spans behind the number that was asked for, and a sentence that adds them up; `origins` has where each axis began. */
  answer(origins) {
    if (!this.report || !this.asked) return { spans: [], sentence: "" };
    const spans = this.report.why?.[this.asked] ?? [];
    return { spans, sentence: explain(this.asked, this.report.exact[this.asked], spans, origins, this.vocabulary.metrics[this.asked]) };
  }
}

const SHOWN = 8;

/** "content time spent: main content playing. 0:22 – 0:33 (11 s) + … = 45 s" */
export function explain(name, value, spans, origins, metric) {
  const title = metric ? `${words(name)}: ${metric.about.replaceAll("`", "")}.` : `${words(name.replace(".", " "))}.`;
  if (!spans.length) return `${title} Nothing was counted.`;
  const lengths = spans.filter((span) => span.end > span.start);
  if (!lengths.length) return `${title} Counted at ${some(spans.map((span) => `${since(span, span.start, origins)} (${span.label})`), ", ")}.`;
  const total = lengths.reduce((sum, span) => sum + (span.end - span.start) / 1000, 0);
  const parts = lengths.map((span) => `${between(span, origins)} (${seconds((span.end - span.start) / 1000)})`);
  const sum = metric && metric.unit !== "s" ? "" : ` = ${seconds(total)}`;
  return `${title} ${some(parts, " + ")}${sum}.`;
}

const some = (parts, sign) =>
  parts.length <= SHOWN ? parts.join(sign) : `${parts.slice(0, SHOWN).join(sign)}${sign}${parts.length - SHOWN} more`;

/** A moment on its own axis, since that axis began. */
const since = (span, moment, origins) => duration((moment - origins[span.axis]) / 1000);

const between = (span, origins) =>
  `${span.axis === "playhead" ? "playhead " : ""}${since(span, span.start, origins)}–${since(span, span.end, origins)}`;
