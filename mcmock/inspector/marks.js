/* The requests of one session, placed in time. Pure: no drawing, no fetching.

   A request stands where the player says it happened (`ts`), since that is what durations are counted by. One without a
   usable `ts` stands where its arrival puts it, measured from the request before it. */

import { worst } from "./format.js";

/** @typedef {import("./types.d.ts").BriefExchange} Brief */
/** A request in its place: `x` is milliseconds on the player's clock. `part` tells the events of one array apart.
    @typedef {Brief & { x: number, worst: import("./format.js").Severity | null, rules: string[], ping: boolean, part?: number }} Mark */

/** Milliseconds between two requests of a session beyond which a `ts` is not believed. */
export const FAR = 86_400_000;

export class Marks {
  constructor() {
    /** @type {Mark[]} */
    this.all = []; // by x, then seq
    /** @type {Map<number, Mark[]>} */
    this.bySeq = new Map();
    /** @type {Mark | null} */
    this.latest = null; // the last one that arrived
    /** @type {[number, number] | null} */
    this.bounds = null;
  }

  get size() {
    return this.bySeq.size;
  }

  /** Add an exchange in its brief form, or replace what is known of it.
      @param {Brief} brief */
  put(brief) {
    for (const old of this.bySeq.get(brief.seq) ?? []) this.all.splice(this.all.indexOf(old), 1);
    const made = (brief.parts ?? [brief]).map((part) => this.mark(brief, part));
    this.bySeq.set(brief.seq, made);
    for (const mark of made) this.all.splice(this.place(mark.x, mark.seq), 0, mark);
    if (!this.latest || brief.seq >= this.latest.seq) this.latest = made.at(-1) ?? this.latest;
    this.bounds = null;
  }

  /** @param {Brief} brief @param {Pick<Brief, "eventType" | "playhead" | "ts">} part */
  mark(brief, part) {
    return {
      ...brief,
      eventType: part.eventType ?? brief.eventType,
      playhead: Number.isFinite(part.playhead) ? part.playhead : null,
      x: this.x(brief.at * 1000, part.ts),
      worst: worst(brief.findings),
      rules: brief.findings.map((finding) => finding.rule),
      ping: part.eventType === "ping",
    };
  }

  /** @param {number} arrival @param {number | null} ts */
  x(arrival, ts) {
    const before = this.latest;
    const expected = before ? before.x + (arrival - before.at * 1000) : arrival;
    if (ts === null || !Number.isFinite(ts)) return expected;
    return before && Math.abs(ts - expected) > FAR ? expected : ts;
  }

  /** Where in `all` a mark at `x` belongs; binary search.
      @param {number} x */
  place(x, seq = Infinity) {
    let [low, high] = [0, this.all.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      const one = this.all[middle];
      if (one.x < x || (one.x === x && one.seq < seq)) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** Index range of the marks within [from, to], with one more at each side so that lines reach the edge.
      @param {number} from
      @param {number} to */
  within(from, to) {
    return [Math.max(0, this.place(from, -1) - 1), Math.min(this.all.length, this.place(to) + 1)];
  }

  /** The last mark before place `index` that was taken.
      @param {number} index */
  acceptedBefore(index) {
    for (let place = index - 1; place >= 0; place -= 1) if (isAccepted(this.all[place])) return this.all[place];
    return null;
  }

  get start() {
    return this.all[0]?.x ?? 0;
  }

  get end() {
    return this.all.at(-1)?.x ?? 0;
  }

  /** The lowest and highest playhead that was accepted. */
  get playheads() {
    if (this.bounds) return this.bounds;
    let [low, high] = [Infinity, -Infinity];
    for (const mark of this.all) {
      if (!drawsPlayhead(mark) || mark.playhead === null) continue;
      low = Math.min(low, mark.playhead);
      high = Math.max(high, mark.playhead);
    }
    this.bounds = low > high ? null : [low, high];
    return this.bounds;
  }
}

/** @param {Mark} mark */
const isAccepted = (mark) => mark.outcome === "good" || mark.outcome === "ignored";

/** @param {Mark} mark */
export const drawsPlayhead = (mark) => mark.playhead !== null && isAccepted(mark);

/** What a mark is, in words: for the tip, the screen reader and the table.
    @param {Mark} mark */
export function describe(mark) {
  const said = [`${mark.eventType ?? `${mark.method} ${mark.path}`}`, mark.status ? String(mark.status) : "no answer", mark.outcome];
  if (mark.fault) said.push(`fault ${mark.fault.rule}`);
  if (mark.rules.length) said.push(mark.rules.join(", "));
  return said.join(" · ");
}
