/* The lanes of a session's timeline, read off its report: the server has decided where each span begins and ends. Pure. */

/** @import { Report } from "./types.d.ts" */

/** `start` and `end` are milliseconds by `ts`; an open span has no end, or goes on until now.
    @typedef {{ start: number, end: number | null, kind: string, label: string, open?: boolean, seq?: number, outcome?: string, value?: number }} Span */
/** @typedef {{ id: string, title: string, spans: Span[] }} Lane */

/** What is drawn under each label of session time. */
/** @type {Record<string, string>} */
const MAIN = {
  content: "playing",
  ad: "in ad",
  pause: "paused",
  buffer: "buffering",
  stall: "stalled",
  starting: "starting",
  gap: "between ads",
  completed: "completed",
};

/** `{id, title, spans: [{start, end, kind, label, open}]}`, top to bottom; lanes with nothing in them are left out.
    @param {Report | null} report
    @returns {Lane[]} */
export function lanesOf(report) {
  if (!report) return [];
  const lanes = [
    { id: "main", title: "Playback", spans: mainSpans(report) },
    { id: "breaks", title: "Ad breaks", spans: report.adBreaks.map(breakSpan) },
    { id: "ads", title: "Ads", spans: report.ads.map(adSpan) },
    { id: "chapters", title: "Chapters", spans: report.chapters.map(chapterSpan) },
    ...report.states.map((state) => ({ id: "state", title: state.name, spans: stateSpans(report, state) })),
    { id: "quality", title: "Bitrate", spans: qualitySpans(report) },
  ];
  return lanes.filter((lane) => lane.id === "main" || lane.spans.length);
}

/** @param {Report} report */
function mainSpans(report) {
  /** @type {Span[]} */
  const spans = (report.why?.sessionTime ?? []).map((span) => ({
    start: span.start, end: span.end, kind: span.label, label: MAIN[span.label] ?? span.label,
  }));
  const last = spans.at(-1);
  if (last && report.closeReason === "open") last.open = true;
  return spans;
}

/** @param {Record<string, any>} one @param {string} kind @param {string} label */
const record = (one, kind, label) => ({ start: one.startTs, end: one.endTs, open: one.endTs === null, kind, label, seq: one.seq });

/** @param {Record<string, any>} one @param {number} index */
function breakSpan(one, index) {
  const pod = one.advertisingPodDetails;
  return record(one, "break", String(pod.friendlyName ?? `break ${index + 1}`));
}

/** @param {Record<string, any>} one */
function adSpan(one) {
  const ad = one.advertisingDetails;
  return { ...record(one, "ad", String(ad.friendlyName || ad.name || "ad")), outcome: one.outcome };
}

/** @param {Record<string, any>} one @param {number} index */
function chapterSpan(one, index) {
  const chapter = one.chapterDetails;
  return { ...record(one, "chapter", String(chapter.friendlyName || `chapter ${chapter.index ?? index + 1}`)), outcome: one.outcome };
}

/** @param {Report} report @param {Record<string, any>} state */
function stateSpans(report, state) {
  const found = report.why?.[`states.${state.name}`] ?? [];
  return found.map((span) => ({ start: span.start, end: span.end, kind: "state", label: state.name }));
}

/** @param {Report} report */
function qualitySpans(report) {
  /** @type {Span[]} */
  const rates = [];
  for (const span of report.why?.bitrateAverage ?? []) {
    const last = rates.at(-1);
    if (last && last.label === span.label && last.end === span.start) last.end = span.end;
    else rates.push({ start: span.start, end: span.end, kind: "quality", label: span.label, value: parseFloat(span.label) });
  }
  return rates;
}
