/* The lanes of a session's timeline, read off its report: the server has decided where each span begins and ends. Pure. */

/** What is drawn under each label of session time. */
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

/** `{id, title, spans: [{start, end, kind, label, open}]}`, top to bottom; lanes with nothing in them are left out. */
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

function mainSpans(report) {
  const spans = (report.why?.sessionTime ?? []).map((span) => ({
    start: span.start, end: span.end, kind: span.label, label: MAIN[span.label] ?? span.label,
  }));
  const last = spans.at(-1);
  if (last && report.closeReason === "open") last.open = true;
  return spans;
}

const record = (one, kind, label) => ({ start: one.startTs, end: one.endTs, open: one.endTs === null, kind, label, seq: one.seq });

function breakSpan(one, index) {
  const pod = one.advertisingPodDetails;
  return record(one, "break", String(pod.friendlyName ?? `break ${index + 1}`));
}

function adSpan(one) {
  const ad = one.advertisingDetails;
  return { ...record(one, "ad", String(ad.friendlyName || ad.name || "ad")), outcome: one.outcome };
}

function chapterSpan(one, index) {
  const chapter = one.chapterDetails;
  return { ...record(one, "chapter", String(chapter.friendlyName || `chapter ${chapter.index ?? index + 1}`)), outcome: one.outcome };
}

function stateSpans(report, state) {
  const found = report.why?.[`states.${state.name}`] ?? [];
  return found.map((span) => ({ start: span.start, end: span.end, kind: "state", label: state.name }));
}

function qualitySpans(report) {
  const rates = [];
  for (const span of report.why?.bitrateAverage ?? []) {
    const last = rates.at(-1);
    if (last && last.label === span.label && last.end === span.start) last.end = span.end;
    else rates.push({ start: span.start, end: span.end, kind: "quality", label: span.label, value: parseFloat(span.label) });
  }
  return rates;
}
