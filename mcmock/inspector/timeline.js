/* The timeline as a thing one can use: wheel, pinch, drag, buttons and keys; a tip on hover, a request on click.

   Keys go to one button, the cursor, which stands on one request at a time: its name and a live region say which. What it
   shows is also in the table of requests below it, row by row. */

import { h, icon, write } from "./dom.js";
import { count, duration, seconds } from "./format.js";
import { Marks, describe } from "./marks.js";
import { AXIS, Painter, layout, palette } from "./paint.js";
import { View } from "./view.js";

/** @import { Lane, Span } from "./lanes.js" */
/** @import { Mark } from "./marks.js" */
/** @import { Colours, Flag, Row, Scene } from "./paint.js" */
/** @import { Evidence } from "./report.js" */

/** Pixels from the corner of the drawing.
    @typedef {{ x: number, y: number }} Point */
/** A finger or a mouse button that is down; `moved` is how far it went.
    @typedef {Point & { moved: number }} Pointer */
/** What the panel hands over: `now` is the moment the session has come to, null once it is closed; `until` a moment that the drawing
    reaches at least; `flags` what is marked, by seq.
    @typedef {{ marks: Marks, origin: number, lanes: Lane[], now: number | null, length: number | null, closed: boolean, until?: number,
    flags?: Map<number, Flag> }} Shown */

const REACH = 9; // pixels within which a mark is hit
const STEP = 1.5; // one press of a zoom button
const LOW_SCREEN = 860; // pixels of height under which the lanes move together
const DRAG = 4; // pixels before a press is a drag

/** @type {Record<Flag, string>} */
const FLAGGED = { lost: "the new session has it not", new: "the old session has it not", different: "differs", known: "differs as is known" };

let built = 0; // timelines on the page, whose elements have ids of their own

const HELP = "Arrow left and right: from request to request. Up and down: from problem to problem. Enter opens. " +
  "Plus, minus and 0 zoom, Shift and an arrow pans.";

export class Timeline {
  /** @type {HTMLCanvasElement} */
  canvas;
  /** @type {HTMLElement} */
  tip;
  /** @type {HTMLElement} */
  spoken;
  /** @type {HTMLButtonElement} */
  handle;
  /** @type {HTMLElement} */
  stage;
  /** @type {HTMLElement} */
  labels;
  /** @type {HTMLElement} */
  said;
  /** @type {HTMLElement} */
  why;
  /** @type {HTMLButtonElement} */
  dark;
  /** @type {HTMLOutputElement} */
  range;
  /** @type {HTMLButtonElement} */
  live;
  /** @type {HTMLElement} */
  root;

  /** `open(seq)` is called for a chosen request, `unlight()` when the lit spans are put out, `moved()` after a zoom or a pan.
      @param {{ open: (seq: number) => void, unlight: () => void, moved?: () => void }} hooks */
  constructor({ open, unlight, moved = () => undefined }) {
    this.open = open;
    this.moved = moved;
    this.view = new View();
    /** @type {Map<number, Pointer>} */
    this.pointers = new Map();
    /** @type {Omit<Scene, "view" | "colours">} */
    this.scene = { lit: [], selected: null, marks: new Marks(), rows: [], height: 0, now: null, origin: 0, length: null, flags: new Map() };
    /** @type {Mark | null} */
    this.cursor = null;
    /** @type {Colours | null} */
    this.colours = null;
    /** @type {Painter | undefined} */
    this.painter = undefined;
    /** @type {number | null} */
    this.due = null;
    this.named = "";
    this.isShown = false; // before the first `show` it may not be part of the page, and has no colours
    this.build(unlight);
    new ResizeObserver(() => this.resize()).observe(this.stage);
    const dark = matchMedia("(prefers-color-scheme: dark)");
    dark.addEventListener("change", () => this.recolour());
    new MutationObserver(() => this.recolour()).observe(document.documentElement, { attributeFilter: ["data-theme"] });
  }

  // -- parts ------------------------------------------------------------------------------------------------------------

  /** @param {() => void} unlight */
  build(unlight) {
    /** @param {string} label @param {string} text @param {() => unknown} act */
    const tool = (label, text, act, name = "") =>
      h("button.tool", { type: "button", "aria-label": label, title: label, onclick: act, "data-key": name || null }, text);
    this.canvas = h("canvas", { role: "img", "aria-label": "Timeline" });
    this.tip = h("div.tip", { "aria-hidden": "true", hidden: true });
    this.spoken = h("span.offstage", {}, "No request yet");
    const help = `timeline-help-${(built += 1)}`;
    this.handle = h("button.cursor", { type: "button", "aria-describedby": help }, this.spoken);
    this.stage = h("div.stage", {}, this.canvas, this.handle, this.tip);
    this.labels = h("div.lanes", { "aria-hidden": "true" });
    this.said = h("p.offstage", { role: "status", "aria-live": "polite" });
    this.why = h("p.why", { role: "status", "aria-live": "polite" });
    this.dark = h("button.quiet", { type: "button", hidden: true, onclick: unlight }, "Clear");
    this.range = h("output.range", { "aria-label": "Time in sight" });
    this.live = tool("Follow the end of the session", "Live", () => this.follow(), "live");
    this.root = h("section.timeline", { "aria-label": "Timeline" },
      h("div.tools", {},
        h("div.legend", { "aria-hidden": "true" }, ["good", "bad", "ignored", "faulted"].map((one) => h("span.key", {}, icon(one), one))),
        this.range,
        h("div.group", { role: "group", "aria-label": "Zoom and pan" },
          tool("Pan left", "←", () => this.move(() => this.view.pan(-this.view.width / 3))),
          tool("Pan right", "→", () => this.move(() => this.view.pan(this.view.width / 3))),
          tool("Zoom out", "−", () => this.move(() => this.view.zoom(1 / STEP))),
          tool("Zoom in", "+", () => this.move(() => this.view.zoom(STEP))),
          tool("Show the whole session", "All", () => this.move(() => this.view.fit()), "all"),
          this.live)),
      h("div.drawing", {}, this.labels, this.stage),
      h("div.lit", {}, this.why, this.dark),
      h("p.offstage", { id: help }, HELP), this.said);
    this.listen();
  }

  listen() {
    const { stage, handle } = this;
    stage.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
    stage.addEventListener("pointerdown", (event) => this.press(event));
    stage.addEventListener("pointermove", (event) => this.drag(event));
    for (const end of /** @type {const} */ (["pointerup", "pointercancel"])) stage.addEventListener(end, (event) => this.release(event));
    stage.addEventListener("pointerleave", () => this.hideTip());
    handle.addEventListener("keydown", (event) => this.key(event));
    handle.addEventListener("focus", () => this.stand(this.cursor ?? this.scene.marks.all.at(-1)));
    handle.addEventListener("blur", () => this.hideTip());
    handle.addEventListener("click", (event) => event.detail === 0 && this.cursor && this.open(this.cursor.seq));
  }

  // -- what is shown ----------------------------------------------------------------------------------------------------

  /** Show `marks` and `lanes`; `now` is the moment the session has come to, null once it is closed.
      @param {Shown} shown */
  show({ marks, origin, lanes, now, length, closed, until = 0, flags = new Map() }) {
    const { rows, height } = layout(lanes, window.innerHeight < LOW_SCREEN);
    if (marks !== this.scene.marks) this.change();
    this.isShown = true;
    Object.assign(this.scene, { marks, rows, height, now, length, origin, flags });
    const ends = rows.flatMap((row) => row.spans.map((span) => span.end ?? 0));
    this.view.extend(origin, Math.max(marks.end, now ?? 0, until, ...ends));
    this.live.hidden = closed;
    this.name(rows);
    this.draw();
  }

  change() {
    this.view.mode = "all";
    this.cursor = null;
    this.scene.selected = null;
    this.handle.classList.remove("placed");
    this.hideTip();
    if (document.activeElement === this.handle) this.handle.blur();
  }

  /** @param {Row[]} rows */
  name(rows) {
    const key = rows.map((row) => `${row.y}/${row.title}`).join();
    if (this.named === key) return;
    this.named = key;
    this.labels.replaceChildren(...rows.map((row) => {
      const label = h("span.lane", { title: row.title }, row.title);
      label.style.top = `${row.y}px`;
      label.style.lineHeight = `${Math.min(row.height, 22)}px`;
      return label;
    }));
  }

  /** Light up the spans a number was summed from, and say what they come to; `bring` them into sight if need be.
      @param {Evidence[]} spans
      @param {string} sentence
      @param {boolean} bring */
  light(spans, sentence, bring) {
    this.scene.lit = spans;
    write(this.why, sentence);
    this.dark.hidden = !sentence;
    const first = spans.find((span) => span.axis === "ts");
    if (bring && first) this.view.reveal(first.start);
    this.draw();
    if (bring && sentence) this.root.scrollIntoView({ block: "nearest" }); // on a phone the report stands below
  }

  /** @param {Mark | null} mark */
  select(mark) {
    this.scene.selected = mark;
    if (mark) this.view.reveal(mark.x);
    this.draw();
  }

  resize() {
    this.view.width = Math.max(this.stage.clientWidth, 1);
    this.draw();
  }

  recolour() {
    this.colours = null;
    this.draw();
  }

  follow() {
    const span = Math.min(this.view.to - this.view.from, 120_000);
    this.move(() => {
      this.view.mode = "live";
      this.view.look(this.view.last - span, this.view.last);
      this.view.mode = "live";
    });
  }

  draw() {
    if (this.due || !this.isShown) return;
    this.due = requestAnimationFrame(() => {
      this.due = null;
      this.paint();
    });
  }

  paint() {
    this.colours ??= palette(this.root);
    this.painter ??= new Painter(this.canvas);
    this.painter.paint({ ...this.scene, view: this.view, colours: this.colours });
    this.labels.style.height = this.stage.style.height = `${this.scene.height}px`;
    for (const mode of ["all", "live"]) {
      this.root.querySelector(`[data-key=${mode}]`)?.setAttribute("aria-pressed", String(this.view.mode === mode));
    }
    write(this.range, `${this.since(Math.max(this.view.from, this.view.first))} – ${this.since(Math.min(this.view.to, this.view.last))}`);
    this.place();
    this.canvas.setAttribute("aria-label", this.sentence());
  }

  /** @param {number} moment */
  since(moment) {
    return duration((moment - this.scene.origin) / 1000, this.view.to - this.view.from < 60_000 ? 1 : 0);
  }

  sentence() {
    const { marks } = this.scene;
    const wrong = marks.all.filter((mark) => mark.outcome === "bad" || mark.outcome === "ignored").length;
    const problems = wrong ? `, ${count(wrong, "of them bad or ignored", "of them bad or ignored")}` : "";
    return `Timeline: ${count(marks.size, "request")} in ${seconds((marks.end - marks.start) / 1000)}${problems}. The table below lists them.`;
  }

  // -- moving -------------------------------------------------------------------------------------------------------------

  /** @param {() => unknown} act */
  move(act) {
    act();
    this.draw();
    this.moved();
  }

  /** @param {WheelEvent} event */
  wheel(event) {
    event.preventDefault();
    const across = event.shiftKey ? event.deltaY || event.deltaX : event.deltaX;
    if (event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY)) return this.move(() => this.view.pan(across));
    return this.move(() => this.view.zoom(Math.exp(-event.deltaY * 0.0025), this.at(event).x));
  }

  /** @param {MouseEvent} event */
  at(event) {
    const box = this.stage.getBoundingClientRect();
    return { x: event.clientX - box.left, y: event.clientY - box.top };
  }

  /** @param {PointerEvent} event */
  press(event) {
    if (event.button !== 0) return;
    this.pointers.set(event.pointerId, { ...this.at(event), moved: 0 });
    this.hideTip();
  }

  /** @param {PointerEvent} event */
  drag(event) {
    const before = this.pointers.get(event.pointerId);
    const now = this.at(event);
    if (!before) return event.pointerType === "mouse" ? this.hover(now) : undefined;
    const moved = before.moved + Math.abs(now.x - before.x);
    if (this.pointers.size === 2) this.pinch(event.pointerId, before, now);
    else if (moved > DRAG) {
      this.stage.setPointerCapture(event.pointerId);
      this.move(() => this.view.pan(before.x - now.x));
    }
    if (moved > DRAG || this.pointers.size === 2) this.pointers.set(event.pointerId, { ...now, moved });
    else before.moved = moved;
    return undefined;
  }

  /** @param {number} moving @param {Pointer} before @param {Point} now */
  pinch(moving, before, now) {
    const other = [...this.pointers].find(([id]) => id !== moving)?.[1];
    if (!other) return;
    other.moved = DRAG + 1;
    const [was, is] = [Math.abs(before.x - other.x), Math.abs(now.x - other.x)];
    if (was > 8 && is > 8) this.move(() => this.view.zoom(is / was, (now.x + other.x) / 2));
  }

  /** @param {PointerEvent} event */
  release(event) {
    const pressed = this.pointers.get(event.pointerId);
    this.pointers.delete(event.pointerId);
    if (!pressed || pressed.moved > DRAG || event.type === "pointercancel") return;
    const found = this.hit(this.at(event));
    if (found.mark) {
      this.stand(found.mark);
      this.open(found.mark.seq);
    } else if (found.span?.seq) this.open(found.span.seq);
  }

  // -- hover and keys -----------------------------------------------------------------------------------------------------

  /** The mark or the span at a point.
      @param {Point} point
      @returns {{ mark?: Mark | null, span?: Span }} */
  hit({ x, y }) {
    const row = this.scene.rows.find((one) => y >= one.y && y < one.y + one.height + 4);
    if (!row) return {};
    if (row.id === "events" || row.id === "pings") return { mark: this.nearest(x, (mark) => mark.ping === (row.id === "pings")) };
    if (row.id === "playhead") return { mark: this.nearest(x, (mark) => mark.playhead !== null) };
    const moment = this.view.moment(x);
    return { span: row.spans.find((span) => moment >= span.start && moment <= (span.end ?? Infinity)) };
  }

  /** @param {number} x @param {(mark: Mark) => boolean} wanted */
  nearest(x, wanted) {
    const { marks } = this.scene;
    const [from, to] = marks.within(this.view.moment(x - REACH), this.view.moment(x + REACH));
    /** @type {Mark | null} */
    let best = null;
    let distance = REACH;
    for (const mark of marks.all.slice(from, to).filter(wanted)) {
      const away = Math.abs(this.view.x(mark.x) - x) - (mark.outcome === "good" ? 0 : 2);
      if (away >= distance) continue;
      best = mark;
      distance = away;
    }
    return best;
  }

  /** @param {Point} point */
  hover(point) {
    const { mark, span } = this.hit(point);
    this.stage.classList.toggle("over", Boolean(mark || span?.seq));
    if (mark) this.showTip(this.lines(mark), point.x, point.y);
    else if (span) this.showTip([span.label, this.reach(span)], point.x, point.y);
    else this.hideTip();
  }

  /** @param {Span} span */
  reach(span) {
    const end = span.open ? (this.scene.now ?? span.end) : span.end;
    const from = duration((span.start - this.scene.origin) / 1000, 1);
    return end === null ? `from ${from}` : `${from} – ${duration((end - this.scene.origin) / 1000, 1)} (${seconds((end - span.start) / 1000)})`;
  }

  /** @param {Mark} mark */
  lines(mark) {
    const when = `${duration((mark.x - this.scene.origin) / 1000, 1)}${mark.playhead === null ? "" : ` · playhead ${seconds(mark.playhead)}`}`;
    return [`#${mark.seq} ${mark.eventType ?? `${mark.method} ${mark.path}`}`, `${mark.status || "no answer,"} ${mark.outcome}`, when,
      ...(mark.fault ? [`fault ${mark.fault.rule}`] : []), ...mark.rules, ...(this.scene.flags.has(mark.seq) ? [FLAGGED[this.scene.flags.get(mark.seq) ?? "known"]] : [])];
  }

  /** @param {string[]} lines @param {number} x @param {number} y */
  showTip([first = "", ...rest], x, y) {
    this.tip.replaceChildren(h("strong", {}, first), ...rest.map((line) => h("span", {}, line)));
    this.tip.hidden = false;
    const left = Math.min(Math.max(x + 12, 0), Math.max(this.view.width - this.tip.offsetWidth - 4, 0));
    this.tip.style.left = `${left}px`;
    this.tip.style.top = `${Math.max(Math.min(y + 14, this.scene.height - this.tip.offsetHeight), AXIS)}px`;
  }

  hideTip() {
    this.tip.hidden = true;
  }

  /** @param {KeyboardEvent} event */
  key(event) {
    const act = this.keys()[`${event.shiftKey ? "Shift+" : ""}${event.key}`] ?? this.keys()[event.key];
    if (!act || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    act();
  }

  /** What each key does.
      @returns {Record<string, () => unknown>} */
  keys() {
    const { view } = this;
    return {
      ArrowRight: () => this.step(1), ArrowLeft: () => this.step(-1),
      ArrowDown: () => this.step(1, isProblem), ArrowUp: () => this.step(-1, isProblem),
      PageDown: () => this.step(10), PageUp: () => this.step(-10),
      Home: () => this.stand(this.scene.marks.all[0]), End: () => this.stand(this.scene.marks.all.at(-1)),
      "Shift+ArrowRight": () => this.move(() => view.pan(view.width / 8)),
      "Shift+ArrowLeft": () => this.move(() => view.pan(-view.width / 8)),
      "+": () => this.move(() => view.zoom(STEP, this.cursorX())), "=": () => this.move(() => view.zoom(STEP, this.cursorX())),
      "-": () => this.move(() => view.zoom(1 / STEP, this.cursorX())), 0: () => this.move(() => view.fit()),
    };
  }

  cursorX() {
    return this.cursor ? view01(this.view.x(this.cursor.x), this.view.width) : this.view.width / 2;
  }

  /** Go `by` requests further, or to the next of the `wanted` ones.
      @param {number} by
      @param {(mark: Mark) => boolean} [wanted] */
  step(by, wanted) {
    const { all } = this.scene.marks;
    let index = this.cursor ? all.indexOf(this.cursor) : -1;
    if (wanted) {
      do index += by; while (index >= 0 && index < all.length && !wanted(all[index]));
      if (index < 0 || index >= all.length) return write(this.said, "No further problem");
    } else index = Math.min(Math.max(index + by, 0), all.length - 1);
    return this.stand(all[index]);
  }

  /** @param {Mark | undefined} mark */
  stand(mark) {
    if (!mark) return;
    this.cursor = mark;
    this.view.reveal(mark.x);
    const place = `${this.scene.marks.all.indexOf(mark) + 1} of ${this.scene.marks.all.length}`;
    const when = `at ${duration((mark.x - this.scene.origin) / 1000, 1)}`;
    write(this.said, `${describe(mark)} ${when}, request ${place}`);
    write(this.spoken, `Request ${mark.seq}: ${describe(mark)} ${when}`);
    this.handle.classList.add("placed");
    this.draw();
    if (document.activeElement === this.handle && this.handle.matches(":focus-visible")) this.tipAt(mark);
  }

  /** @param {Mark} mark */
  tipAt(mark) {
    this.showTip(this.lines(mark), this.view.x(mark.x), this.top(mark) - 60);
  }

  /** The top of the row that a mark stands in, in pixels.
      @param {Mark} mark */
  top(mark) {
    return this.scene.rows.find((one) => one.id === (mark.ping ? "pings" : "events"))?.y ?? 0;
  }

  /** Put the cursor's button over its mark. */
  place() {
    if (!this.cursor) return;
    this.handle.style.left = `${view01(this.view.x(this.cursor.x), this.view.width) - 9}px`;
    this.handle.style.top = `${this.top(this.cursor) - 2}px`;
  }
}

/** @param {Mark} mark */
const isProblem = (mark) => mark.outcome === "bad" || mark.outcome === "ignored" || mark.fault !== null || mark.worst === "error" || mark.worst === "warning";
/** @param {number} x @param {number} width */
const view01 = (x, width) => Math.min(Math.max(x, 0), width);
