/* Draws the timeline on a canvas: lanes, the playhead's line, a mark for every request. Only what is in sight is drawn,
   and where marks stand closer than a pixel the worst of them is shown. It knows no session and keeps nothing. */

import { drawsPlayhead } from "./marks.js";
import { SEVERITIES, duration } from "./format.js";
import { ticks } from "./view.js";

/** @import { Lane, Span } from "./lanes.js" */
/** @import { Mark, Marks } from "./marks.js" */
/** @import { Evidence } from "./report.js" */
/** @import { View } from "./view.js" */

/** A lane in its place.
    @typedef {Lane & { y: number, height: number }} Row */
/** @typedef {Pick<Row, "y" | "height">} Place */
/** @typedef {Pick<Span, "start" | "end" | "open">} Reach */
/** @typedef {Record<string, string>} Colours */
/** How an event differs from that of another session.
    @typedef {"lost" | "new" | "different" | "known"} Flag */
/** `lit` are the spans that a number was summed from; `length` is the content's, in seconds; `flags` mark events, by seq.
    @typedef {{ view: View, rows: Row[], height: number, marks: Marks, origin: number, now: number | null, lit: Evidence[],
    selected: Mark | null, colours: Colours, length: number | null, flags: Map<number, Flag> }} Scene */

export const AXIS = 22;
/** @type {Record<string, number>} */
export const HEIGHTS = { playhead: 52, main: 22, breaks: 16, ads: 20, chapters: 20, state: 16, quality: 20, events: 46, pings: 22 };
/** @type {Record<string, number>} */
const LOW_HEIGHTS = { playhead: 40, main: 18, breaks: 14, ads: 16, chapters: 16, state: 14, quality: 16, events: 44, pings: 18 };
const GAP = 5;
const LOW_GAP = 3;
const FONT = '11px ui-sans-serif, system-ui, -apple-system, "Segoe UI", Roboto, sans-serif';
const LEAST_GLYPH = 9; // pixels between two glyphs before they become ticks
const DENSE = 3; // pixels between two ticks before they fade, so that a long session stays calm
const MAX_LABELLED = 400;

/** @type {Record<Mark["outcome"], number>} */
const RANK = { other: 0, good: 1, ignored: 2, faulted: 3, bad: 4 };
const PATTERNED = new Set(["buffer", "stall", "gap"]);
/** @type {Record<string, string>} */
const SEVERITY_COLOUR = { error: "bad", warning: "ignored" };

/** The rows of a drawing from top to bottom, `{…lane, y, height}`, and the height of them all; closer on a low screen.
    @param {Lane[]} lanes
    @param {boolean} low */
export function layout(lanes, low) {
  const [heights, gap] = low ? [LOW_HEIGHTS, LOW_GAP] : [HEIGHTS, GAP];
  let y = AXIS;
  const place = (/** @type {Lane} */ lane) => {
    const row = { ...lane, y, height: heights[lane.id] };
    y += row.height + gap;
    return row;
  };
  const rows = [
    { id: "playhead", title: "Playhead", spans: [] },
    ...lanes,
    { id: "events", title: "Requests", spans: [] },
    { id: "pings", title: "Pings", spans: [] },
  ].map(place);
  return { rows, height: y };
}

/** The colours in force, read from the style sheet so that light and dark are written down once.
    @param {Element} element */
export function palette(element) {
  const style = getComputedStyle(element);
  const names = [
    "text", "muted", "line", "surface", "accent", "good", "bad", "ignored", "faulted", "other", "content", "ad", "pause",
    "buffer", "stall", "starting", "gap", "completed", "break", "chapter", "state", "quality", "on-span",
  ];
  return Object.fromEntries(names.map((name) => [name, style.getPropertyValue(`--${name}`).trim()]));
}

export class Painter {
  /** @type {Scene} */
  scene;

  /** @param {HTMLCanvasElement} canvas */
  constructor(canvas) {
    this.canvas = canvas;
    this.context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
    /** @type {Map<string, number>} */
    this.widths = new Map();
  }

  /** @param {Scene} scene */
  paint(scene) {
    this.scene = scene;
    this.size(scene.view.width, scene.height);
    const context = this.context;
    context.clearRect(0, 0, scene.view.width, scene.height);
    context.font = FONT;
    context.textBaseline = "middle";
    this.axis();
    for (const row of scene.rows) this.row(row);
    this.light();
    this.now();
    this.selection();
  }

  /** @param {number} width @param {number} height */
  size(width, height) {
    const ratio = window.devicePixelRatio || 1;
    const [wide, high] = [Math.round(width * ratio), Math.round(height * ratio)];
    if (this.canvas.width !== wide || this.canvas.height !== high) {
      Object.assign(this.canvas, { width: wide, height: high });
      this.canvas.style.height = `${height}px`;
    }
    this.context.setTransform(ratio, 0, 0, ratio, 0, 0);
  }

  axis() {
    const { context, scene } = this;
    context.strokeStyle = scene.colours.line;
    context.fillStyle = scene.colours.muted;
    context.lineWidth = 1;
    for (const { x, seconds, step } of ticks(scene.view, scene.origin)) {
      this.vertical(x, AXIS - 4, scene.height);
      const label = duration(seconds, step < 0.1 ? 2 : step < 1 ? 1 : 0);
      if (x >= 0 && x + 3 + this.width(label) <= scene.view.width) context.fillText(label, x + 3, AXIS / 2 - 1);
    }
  }

  /** @param {number} x @param {number} top @param {number} bottom */
  vertical(x, top, bottom) {
    this.context.beginPath();
    this.context.moveTo(Math.round(x) + 0.5, top);
    this.context.lineTo(Math.round(x) + 0.5, bottom);
    this.context.stroke();
  }

  /** @param {Row} row */
  row(row) {
    if (row.id === "playhead") return this.playhead(row);
    if (row.id === "events") return this.events(row);
    if (row.id === "pings") return this.pings(row);
    this.track(row);
    if (row.id === "quality") return this.steps(row);
    return row.spans.forEach((span) => this.span(row, span));
  }

  /** @param {Place} row */
  track(row) {
    this.context.fillStyle = this.scene.colours.line;
    this.context.globalAlpha = 0.35;
    this.context.fillRect(0, row.y + row.height - 1, this.scene.view.width, 1);
    this.context.globalAlpha = 1;
  }

  // -- spans ------------------------------------------------------------------------------------------------------------

  /** From and to in pixels, cut to what is in sight; null if nothing is. An open span reaches until now.
      @param {Reach} span
      @returns {[number, number] | null} */
  extent(span) {
    const { view, now } = this.scene;
    const end = span.open && now !== null ? Math.max(now, span.end ?? span.start) : (span.end ?? view.last);
    const [left, right] = [view.x(span.start), view.x(end)];
    if (right < 0 || left > view.width) return null;
    return [Math.max(left, -2), Math.max(Math.min(right, view.width + 2), Math.max(left, -2) + 1)];
  }

  /** @param {Place} row @param {Span} span */
  span(row, span) {
    const extent = this.extent(span);
    if (!extent) return;
    const { context, scene } = this;
    const [left, right] = extent;
    const width = Math.max(right - left - 1, 1);
    context.fillStyle = scene.colours[span.kind];
    context.globalAlpha = PATTERNED.has(span.kind) ? 0.55 : 1;
    this.box(left, row.y, width, row.height, width > 6 ? 3 : 0);
    context.globalAlpha = 1;
    if (PATTERNED.has(span.kind)) this.hatch(left, row.y, width, row.height, scene.colours[span.kind]);
    if (span.outcome === "abandoned" || span.outcome === "skip") this.cutEnd(left + width, row);
    this.inside(span.label, left, width, row);
  }

  /** @param {number} x @param {number} y @param {number} width @param {number} height @param {number} radius */
  box(x, y, width, height, radius) {
    this.context.beginPath();
    this.context.roundRect(x, y, width, height, radius);
    this.context.fill();
  }

  /** @param {number} left @param {number} top @param {number} width @param {number} height @param {string} colour */
  hatch(left, top, width, height, colour) {
    const { context } = this;
    context.save();
    context.beginPath();
    context.rect(left, top, width, height);
    context.clip();
    context.strokeStyle = colour;
    context.lineWidth = 1.5;
    context.beginPath();
    for (let x = left - height - ((left - height) % 6); x < left + width; x += 6) {
      context.moveTo(x, top + height);
      context.lineTo(x + height, top);
    }
    context.stroke();
    context.restore();
  }

  /** What was skipped or abandoned has no straight end.
      @param {number} x
      @param {Place} row */
  cutEnd(x, row) {
    const { context } = this;
    context.fillStyle = this.scene.colours.surface;
    context.beginPath();
    context.moveTo(x + 1, row.y);
    context.lineTo(x + 1, row.y + row.height);
    context.lineTo(x - 5, row.y + row.height);
    context.fill();
  }

  /** @param {string} label @param {number} left @param {number} width @param {Place} row */
  inside(label, left, width, row) {
    const start = Math.max(left, 0) + 5;
    const room = Math.min(left + width, this.scene.view.width) - start - 4;
    const shown = this.fitting(label, room);
    if (!shown) return;
    this.context.fillStyle = this.scene.colours["on-span"];
    this.context.fillText(shown, start, row.y + row.height / 2 + 0.5);
  }

  /** @param {string} label @param {number} room */
  fitting(label, room) {
    if (room < 14) return null;
    if (this.width(label) <= room) return label;
    const letters = Math.floor((room / this.width(label)) * label.length) - 1;
    return letters > 2 ? `${label.slice(0, letters)}…` : null;
  }

  /** @param {string} text */
  width(text) {
    const known = this.widths.get(text);
    if (known !== undefined) return known;
    if (this.widths.size > 2000) this.widths.clear();
    const { width } = this.context.measureText(text);
    this.widths.set(text, width);
    return width;
  }

  /** @param {Row} row */
  steps(row) {
    const { context, scene } = this;
    const most = Math.max(...row.spans.map((span) => span.value ?? 0), 1);
    for (const span of row.spans) {
      const extent = this.extent(span);
      if (!extent) continue;
      const height = Math.max(3, ((span.value ?? 0) / most) * row.height);
      context.fillStyle = scene.colours.quality;
      context.fillRect(extent[0], row.y + row.height - height, extent[1] - extent[0] - 1, height);
      this.inside(span.label, extent[0], extent[1] - extent[0], { y: row.y + row.height - height, height });
    }
  }

  // -- the playhead -------------------------------------------------------------------------------------------------------

  /** @param {Place} row */
  playhead(row) {
    const bounds = this.scene.marks.playheads;
    this.track(row);
    if (!bounds) return;
    const [low, high] = this.range(bounds);
    this.line(this.scale(row, bounds));
    const { context, scene } = this;
    context.fillStyle = scene.colours.muted;
    context.textAlign = "right";
    this.haloed(duration(high), scene.view.width - 4, row.y + 6);
    this.haloed(duration(low), scene.view.width - 4, row.y + row.height - 8);
    context.textAlign = "left";
  }

  /** Text that can be read on top of lines.
      @param {string} text
      @param {number} x
      @param {number} y */
  haloed(text, x, y) {
    this.context.strokeStyle = this.scene.colours.surface;
    this.context.lineWidth = 4;
    this.context.strokeText(text, x, y);
    this.context.fillText(text, x, y);
  }

  /** From a playhead to its height in the lane.
      @param {Place} row
      @param {[number, number]} bounds */
  scale(row, bounds) {
    const [low, high] = this.range(bounds);
    return (/** @type {number} */ playhead) => row.y + row.height - 3 - ((playhead - low) / (high - low)) * (row.height - 8);
  }

  /** From the start of the content to its end where it has one; otherwise what was seen of it.
      @param {[number, number]} bounds
      @returns {[number, number]} */
  range([low, high]) {
    const length = this.scene.length;
    if (length && low >= 0 && high <= length * 1.5) return [0, Math.max(length, high, 1)];
    return high > low ? [low, high] : [low, low + 1];
  }

  /** @param {(playhead: number) => number} y */
  line(y) {
    const { context, scene } = this;
    const [from, to] = scene.marks.within(scene.view.from, scene.view.to);
    context.strokeStyle = scene.colours.accent;
    context.lineWidth = 1.75;
    context.lineJoin = "round";
    context.beginPath();
    let [begun, lastX] = [false, -Infinity];
    for (let index = from; index < to; index += 1) {
      const mark = scene.marks.all[index];
      if (!mark || mark.playhead === null || !drawsPlayhead(mark)) continue;
      const x = scene.view.x(mark.x);
      if (begun && x - lastX < 0.5 && index < to - 1) continue;
      if (begun) context.lineTo(x, y(mark.playhead));
      else context.moveTo(x, y(mark.playhead));
      [begun, lastX] = [true, x];
    }
    context.stroke();
  }

  // -- marks --------------------------------------------------------------------------------------------------------------

  /** @param {Place} row */
  events(row) {
    this.track({ ...row, height: 14 });
    this.marks(row, (mark) => !mark.ping);
    this.labels(row);
    this.flagged(row, (mark) => !mark.ping);
  }

  /** @param {Place} row */
  pings(row) {
    this.gaps(row);
    this.marks(row, (mark) => mark.ping);
    this.flagged(row, (mark) => mark.ping);
  }

  /** What differs between two sessions: a sign over the mark, small where it is a known difference.
      @param {Place} row
      @param {(mark: Mark) => boolean} wanted */
  flagged(row, wanted) {
    const { context, scene } = this;
    if (!scene.flags.size) return;
    const [from, to] = scene.marks.within(scene.view.from, scene.view.to);
    for (const mark of scene.marks.all.slice(from, to).filter(wanted)) {
      const flag = scene.flags.get(mark.seq);
      if (!flag) continue;
      const [x, y] = [scene.view.x(mark.x), row.y + 8];
      const { colour, sign } = FLAGS[flag];
      context.fillStyle = scene.colours.surface;
      context.beginPath();
      context.arc(x, y, sign ? 8 : 4.5, 0, 7);
      context.fill();
      context.fillStyle = context.strokeStyle = scene.colours[colour];
      context.lineWidth = 1.5;
      context.beginPath();
      context.arc(x, y, sign ? 7 : 3.5, 0, 7);
      if (!sign) context.stroke();
      else {
        context.fill();
        context.fillStyle = scene.colours.surface;
        context.textAlign = "center";
        context.fillText(sign, x, y + 0.5);
        context.textAlign = "left";
      }
    }
  }

  /** One glyph a mark where there is room, one tick a pixel column where there is not; the worst wins.
      @param {Place} row
      @param {(mark: Mark) => boolean} wanted */
  marks(row, wanted) {
    const { scene } = this;
    const [from, to] = scene.marks.within(scene.view.from, scene.view.to);
    let [column, lastX] = [-Infinity, -Infinity];
    /** @type {Mark | null} */
    let shown = null;
    for (let index = from; index < to; index += 1) {
      const mark = scene.marks.all[index];
      if (!wanted(mark)) continue;
      const x = Math.round(scene.view.x(mark.x));
      if (x !== column) {
        if (shown) lastX = this.mark(row, shown, column, lastX);
        column = x;
        shown = mark;
      } else if (shown && weight(mark) > weight(shown)) shown = mark;
    }
    if (shown) this.mark(row, shown, column, lastX);
  }

  /** @param {Place} row @param {Mark} mark @param {number} x @param {number} lastX */
  mark(row, mark, x, lastX) {
    const { context, scene } = this;
    const middle = row.y + 8;
    context.fillStyle = scene.colours[mark.outcome];
    if (mark.outcome === "good" || mark.outcome === "other") this.tick(x, row.y + 2, x - lastX < DENSE);
    else if (x - lastX < LEAST_GLYPH) context.fillRect(x - 1, row.y, 2, 15);
    else this.glyph(mark.outcome, x, middle);
    if (mark.fault && mark.outcome !== "faulted") this.small("faulted", x, row.y + 1);
    else if (mark.worst && mark.worst in SEVERITY_COLOUR && mark.outcome === "good") this.dot(SEVERITY_COLOUR[mark.worst] ?? "other", x, row.y + 1);
    return x;
  }

  /** @param {number} x @param {number} y @param {boolean} dense */
  tick(x, y, dense) {
    this.context.globalAlpha = dense ? 0.4 : 1;
    this.context.fillRect(x - 0.75, y, 1.5, 12);
    this.context.globalAlpha = 1;
  }

  /** A shape of its own for each outcome, so that colour is not all that tells them apart.
      @param {string} outcome
      @param {number} x
      @param {number} y */
  glyph(outcome, x, y) {
    const { context, scene } = this;
    context.fillStyle = scene.colours[outcome];
    context.strokeStyle = scene.colours.surface;
    context.lineWidth = 1.5;
    context.beginPath();
    GLYPHS[outcome](context, x, y);
    context.stroke();
    context.fill();
    if (outcome !== "ignored") return;
    context.fillStyle = scene.colours.surface;
    context.beginPath();
    context.arc(x, y, 2.4, 0, 7);
    context.fill();
  }

  /** @param {string} outcome @param {number} x @param {number} y */
  small(outcome, x, y) {
    this.context.fillStyle = this.scene.colours[outcome];
    this.context.beginPath();
    this.context.moveTo(x - 3.5, y - 3);
    this.context.lineTo(x + 3.5, y - 3);
    this.context.lineTo(x, y + 3);
    this.context.fill();
  }

  /** @param {string} colour @param {number} x @param {number} y */
  dot(colour, x, y) {
    this.context.fillStyle = this.scene.colours[colour];
    this.context.beginPath();
    this.context.arc(x, y, 2.5, 0, 7);
    this.context.fill();
  }

  /** Names beside the marks, in two rows, as many as there is room for; problems first.
      @param {Place} row */
  labels(row) {
    const { context, scene } = this;
    const [from, to] = scene.marks.within(scene.view.from, scene.view.to);
    /** @type {[number, number][][]} */
    const taken = [[], []];
    const shown = scene.marks.all.slice(from, to).filter((mark) => !mark.ping);
    if (shown.length > MAX_LABELLED) return;
    /** @param {Mark} mark */
    const rank = (mark) => (RANK[mark.outcome] > 1 ? 0 : 1);
    for (const mark of shown.sort((one, other) => rank(one) - rank(other) || one.x - other.x)) {
      const label = mark.eventType ?? String(mark.status);
      const after = scene.view.x(mark.x) + 3;
      const left = after + this.width(label) <= scene.view.width ? after : after - 6 - this.width(label);
      const right = left + this.width(label);
      if (after < 3 || left < 0 || after - 3 > scene.view.width) continue;
      const line = taken.findIndex((spans) => spans.every(([low, high]) => right + 6 < low || left - 6 > high));
      if (line < 0) continue;
      taken[line]?.push([left, right]);
      context.fillStyle = RANK[mark.outcome] > 1 ? scene.colours[mark.outcome] : scene.colours.muted;
      context.fillText(label, left, row.y + 22 + line * 14);
    }
  }

  /** The silence before a request that came too late, with its length.
      @param {Place} row */
  gaps(row) {
    const { scene } = this;
    const [from, to] = scene.marks.within(scene.view.from, scene.view.to);
    for (let index = Math.max(from, 1); index < Math.min(to + 1, scene.marks.all.length); index += 1) {
      const mark = scene.marks.all[index];
      if (!mark.rules.some((rule) => rule.startsWith("ping-gap"))) continue;
      const before = scene.marks.acceptedBefore(index);
      if (before) this.gap(row, before.x, mark.x);
    }
  }

  /** @param {Place} row @param {number} start @param {number} end */
  gap(row, start, end) {
    const extent = this.extent({ start, end });
    if (!extent) return;
    const [left, right] = extent;
    const { context, scene } = this;
    context.globalAlpha = 0.5;
    this.hatch(left + 2, row.y + 2, Math.max(right - left - 4, 1), 12, scene.colours.ignored);
    context.globalAlpha = 1;
    const label = `${Math.round((end - start) / 1000)} s silent`;
    if (this.width(label) > right - left - 12) return;
    const middle = (left + right) / 2 - this.width(label) / 2;
    context.fillStyle = scene.colours.surface;
    context.fillRect(middle - 4, row.y + 1, this.width(label) + 8, 14);
    context.fillStyle = scene.colours.ignored;
    context.fillText(label, middle, row.y + 8.5);
  }

  // -- what lies over all of it ---------------------------------------------------------------------------------------------

  /** The spans that a number was summed from. */
  light() {
    const { context, scene } = this;
    context.fillStyle = context.strokeStyle = scene.colours.accent;
    for (const span of scene.lit.filter((one) => one.axis === "playhead")) this.lightContent(span);
    for (const span of scene.lit.filter((one) => one.axis === "ts")) {
      const extent = this.extent(span);
      if (!extent) continue;
      const [left, right] = extent;
      context.globalAlpha = 0.16;
      if (span.end > span.start) context.fillRect(left, AXIS - 4, right - left, scene.height);
      context.globalAlpha = 1;
      context.fillRect(left, AXIS - 4, Math.max(right - left, 2), 3);
      if (span.end === span.start) this.vertical(left, AXIS - 4, scene.height);
    }
  }

  /** A part of the content is a band across the playhead's lane.
      @param {Evidence} span */
  lightContent(span) {
    const bounds = this.scene.marks.playheads;
    if (!bounds) return;
    const y = this.scale(this.scene.rows[0], bounds);
    this.context.globalAlpha = 0.16;
    this.context.fillRect(0, y(span.end / 1000), this.scene.view.width, Math.max(y(span.start / 1000) - y(span.end / 1000), 2));
    this.context.globalAlpha = 1;
  }

  now() {
    const { context, scene } = this;
    if (scene.now === null) return;
    context.strokeStyle = scene.colours.good;
    context.lineWidth = 1;
    context.setLineDash([2, 3]);
    this.vertical(scene.view.x(scene.now), AXIS - 4, scene.height);
    context.setLineDash([]);
  }

  selection() {
    const { context, scene } = this;
    const { selected } = scene;
    if (!selected) return;
    context.strokeStyle = scene.colours.text;
    context.lineWidth = 1;
    const row = scene.rows.find((one) => one.id === (selected.ping ? "pings" : "events"));
    if (!row) return;
    const x = scene.view.x(selected.x);
    context.globalAlpha = 0.45;
    this.vertical(x - 0.5, AXIS - 4, row.y - 2);
    context.globalAlpha = 1;
    context.beginPath();
    context.roundRect(x - 7, row.y - 2, 14, 20, 4);
    context.stroke();
  }
}

/** @type {Record<string, (context: CanvasRenderingContext2D, x: number, y: number) => void>} */
const GLYPHS = {
  bad: (context, x, y) => {
    context.moveTo(x, y - 7);
    context.lineTo(x + 6, y);
    context.lineTo(x, y + 7);
    context.lineTo(x - 6, y);
    context.closePath();
  },
  ignored: (context, x, y) => context.arc(x, y, 5.5, 0, 7),
  faulted: (context, x, y) => {
    context.moveTo(x - 6, y - 5);
    context.lineTo(x + 6, y - 5);
    context.lineTo(x, y + 6);
    context.closePath();
  },
};

/** How a flag is drawn; the sign tells them apart, not the colour alone.
    @type {Record<Flag, { colour: string, sign: string }>} */
const FLAGS = {
  lost: { colour: "bad", sign: "−" }, new: { colour: "good", sign: "+" }, different: { colour: "ignored", sign: "≠" }, known: { colour: "other", sign: "" },
};

/** @param {Mark} mark */
const weight = (mark) => RANK[mark.outcome] * 4 + (mark.fault ? 3 : (mark.worst ? SEVERITIES.indexOf(mark.worst) : -1) + 0.5);
