/* What part of a session's time is on the screen, and where in it a moment stands. Pure arithmetic, no drawing. */

const CLOSEST = 200; // milliseconds across the whole width
const MARGIN = 0.02;

export class View {
  constructor() {
    this.from = 0;
    this.to = 1;
    this.width = 1;
    this.first = 0;
    this.last = 1;
    /** @type {"all" | "live" | "free"} */
    this.mode = "all";
  }

  /** The session reaches from `first` to `last` now: show all of it, keep its end in sight, or leave the view alone.
      @param {number} first
      @param {number} last */
  extend(first, last) {
    this.first = first;
    this.last = Math.max(last, first + 1000);
    if (this.mode === "all") this.fit();
    if (this.mode === "live") this.look(this.last - (this.to - this.from) * (1 - MARGIN), this.last + (this.to - this.from) * MARGIN);
  }

  fit() {
    const margin = (this.last - this.first) * MARGIN;
    this.look(this.first - margin, this.last + margin);
    this.mode = "all";
  }

  /** @param {number} from @param {number} to */
  look(from, to) {
    const most = (this.last - this.first) * (1 + 2 * MARGIN);
    const span = Math.min(Math.max(to - from, CLOSEST), Math.max(most, CLOSEST));
    const low = Math.min(Math.max((from + to - span) / 2, this.first - most * MARGIN), this.last + most * MARGIN - span);
    this.from = low;
    this.to = low + span;
  }

  /** Make things `factor` times larger, leaving the moment at pixel `at` where it is.
      @param {number} factor */
  zoom(factor, at = this.width / 2) {
    const fixed = this.moment(at);
    const span = (this.to - this.from) / factor;
    this.look(fixed - (at / this.width) * span, fixed + (1 - at / this.width) * span);
    this.leave();
  }

  /** Move by so many pixels.
      @param {number} pixels */
  pan(pixels) {
    const by = (pixels / this.width) * (this.to - this.from);
    this.look(this.from + by, this.to + by);
    this.leave();
  }

  /** Bring a moment into sight, if it is not.
      @param {number} moment */
  reveal(moment) {
    if (moment >= this.from && moment <= this.to) return;
    const half = (this.to - this.from) / 2;
    this.look(moment - half, moment + half);
    this.leave();
  }

  /** After a move by hand: at the end of the session the view stays there, elsewhere it stays where it is. */
  leave() {
    const whole = this.to - this.from >= (this.last - this.first) * (1 + MARGIN);
    this.mode = whole ? "all" : this.to >= this.last ? "live" : "free";
  }

  /** @param {number} moment */
  x(moment) {
    return ((moment - this.from) / (this.to - this.from)) * this.width;
  }

  /** @param {number} x */
  moment(x) {
    return this.from + (x / this.width) * (this.to - this.from);
  }
}

const MAX_STEP = 86400;
const STEPS = [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 43200, MAX_STEP];

/** Round moments for the axis, `{x, seconds}` since `origin`, at least `apart` pixels from each other.
    @param {View} view
    @param {number} origin */
export function ticks(view, origin, apart = 80) {
  const most = view.width / apart;
  const span = (view.to - view.from) / 1000;
  const step = STEPS.find((one) => span / one <= most) ?? MAX_STEP * Math.ceil(span / MAX_STEP / most);
  const made = [];
  for (let at = Math.ceil((view.from - origin) / 1000 / step); made.length < 200; at += 1) {
    const x = view.x(origin + at * step * 1000);
    if (x > view.width) break;
    made.push({ x, seconds: at * step, step });
  }
  return made;
}
