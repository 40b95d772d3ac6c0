/* Two sessions on the screen: their timelines above each other, the differences marked in both, and listed below.

   The server compares; this draws what it says. Both timelines begin at their sessions' starts and move together. */

import { h, refill, write } from "./dom.js";
import { messageOf, seconds, short, timeOfDay, title, trimmed, words } from "./format.js";
import { lanesOf } from "./lanes.js";
import { Marks } from "./marks.js";
import { Timeline } from "./timeline.js";

/** @import { Api } from "./api.js" */
/** @import { Brief } from "./marks.js" */
/** @import { Flag } from "./paint.js" */
/** @import { BriefSession, Comparison, Difference, Report, Vocabulary } from "./types.d.ts" */

/** @typedef {"old" | "new"} Which */

const PAGE = 2000;
const MAX_ROWS = 500;
/** @type {Which[]} */
const SIDES = ["old", "new"];
/** @type {Record<Difference["change"], string>} */
export const SIGNS = { lost: "−", new: "+", different: "≠" };
/** @type {Record<Difference["part"], string>} */
const PARTS = { report: "Report", events: "Events", params: "Params", metadata: "Custom metadata", quality: "Quality" };
const TIMES = new Set(["time", "playhead", "timeSpent"]);

/** One of the two: what is shown of it, and where. */
class Side {
  /** @param {Which} which @param {() => string | null} sid @param {(side: Side) => void} moved */
  constructor(which, sid, moved) {
    this.which = which;
    this.marks = new Marks();
    /** @type {Report | null} */
    this.report = null;
    this.choice = h("select", { "aria-label": `The ${which} session` });
    this.told = h("span.told", {});
    this.timeline = new Timeline({ open: (seq) => (location.hash = `#/session/${sid()}/${seq}`), unlight: () => null, moved: () => moved(this) });
    this.timeline.root.setAttribute("aria-label", `Timeline of the ${which} session`);
    this.root = h("section.side-by-side", { "aria-label": `The ${which} session` }, h("div.list-head", {}, h("h2", {}, which === "old" ? "Old" : "New"), this.choice, this.told), this.timeline.root);
  }

  get origin() {
    const first = this.report?.exact.firstTs;
    return typeof first === "number" && Number.isFinite(first) ? Math.min(first, this.marks.start) : this.marks.start;
  }

  get length() {
    return Math.max(this.marks.end - this.origin, 0);
  }
}

export class ComparePanel {
  /** @param {Api} api */
  constructor(api) {
    this.api = api;
    /** @type {Record<Which, string | null>} */
    this.ids = { old: null, new: null };
    /** What is being shown; another is asked for while this one is fetched.
        @type {object} */
    this.turn = {};
    this.sides = SIDES.map((which) => new Side(which, () => this.ids[which], (side) => this.together(side)));
    for (const { which, choice } of this.sides) choice.addEventListener("change", () => this.go({ ...this.ids, [which]: choice.value }));
    /** @type {Pick<Vocabulary, "metrics">} */
    this.vocabulary = { metrics: {} };
    this.verdict = h("p.verdict", { role: "status" });
    this.list = h("div.differences", {});
    /** @type {BriefSession[]} */
    this.offered = [];
    const again = h("button.quiet", { type: "button", onclick: () => this.show(this.ids.old ?? "", this.ids.new ?? "", this.offered) }, "Compare again");
    const swap = h("button.quiet", { type: "button", onclick: () => this.go({ old: this.ids.new, new: this.ids.old }) }, "Swap");
    this.root = h("div.session.compare", {},
      h("header.session-head", {}, h("div.headline", {}, h("h1", { tabindex: "-1" }, "Compare"), this.verdict), h("div.actions", {}, again, swap)),
      this.sides.map((side) => side.root), this.list);
  }

  /** @param {Record<Which, string | null>} ids */
  go(ids) {
    location.hash = `#/compare/${ids.old}/${ids.new}`;
  }

  /** Offer `sessions`, oldest first, to choose from.
      @param {BriefSession[]} sessions */
  offer(sessions) {
    for (const { which, choice } of this.sides) {
      choice.replaceChildren(...[...sessions].reverse().map((one) => h("option", { value: one.id }, `${title(one)} · ${short(one.id)} · ${timeOfDay(one.openedAt)}`)));
      choice.value = this.ids[which] ?? "";
    }
  }

  /** @param {string} old @param {string} other @param {BriefSession[]} sessions */
  async show(old, other, sessions) {
    const turn = {};
    this.turn = turn;
    this.ids = { old, new: other };
    this.offered = sessions;
    this.offer(sessions);
    document.title = `${short(old)} and ${short(other)} · mcmock`;
    /** @type {[Comparison, ...unknown[]]} */
    let found;
    try {
      found = await Promise.all([this.api.get(`compare?old=${old}&new=${other}`), ...this.sides.map((side) => this.fetch(side))]);
    } catch (error) {
      if (this.turn === turn) this.fail(messageOf(error));
      return;
    }
    if (this.turn === turn) this.draw(found[0]);
  }

  /** @param {Side} side */
  async fetch(side) {
    const sid = this.ids[side.which];
    const marks = new Marks();
    for (let next = 0; next !== null; ) {
      const page = await this.api.get(`requests?session=${sid}&brief=1&limit=${PAGE}&since=${next}`);
      page.requests.forEach((/** @type {Brief} */ brief) => marks.put(brief));
      next = page.next;
    }
    const report = await this.api.get(`sessions/${sid}/report`);
    if (sid === this.ids[side.which]) Object.assign(side, { marks, report });
  }

  /** @param {string} said */
  fail(said) {
    write(this.verdict, said);
    refill(this.list);
  }

  /** @param {Comparison} found */
  draw(found) {
    const [first = "", ...rest] = found.message.split("\n\n");
    this.verdict.dataset.result = found.result;
    write(this.verdict, (rest[0] ?? first).split("\n")[0] ?? "");
    const longest = Math.max(...this.sides.map((side) => side.length));
    for (const side of this.sides) {
      write(side.told, found[side.which].protocol);
      const length = Number(found[side.which].media["media.length"]) || null;
      side.timeline.show({
        marks: side.marks, origin: side.origin, lanes: lanesOf(side.report), now: null, closed: true, until: side.origin + longest,
        length: length !== null && length < 86400 ? length : null, flags: flagsOf(found, side.which),
      });
    }
    refill(this.list, this.groups(found));
  }

  /** Show the same time of both, as the one that was moved does.
      @param {Side} moved */
  together(moved) {
    const { view } = moved.timeline;
    for (const side of this.sides) {
      if (side === moved) continue;
      side.timeline.view.look(view.from - moved.origin + side.origin, view.to - moved.origin + side.origin);
      side.timeline.view.mode = view.mode;
      side.timeline.draw();
    }
  }

  /** @param {Comparison} found */
  groups(found) {
    const parts = /** @type {Difference["part"][]} */ (Object.keys(PARTS));
    const counted = parts.map((part) => this.group(PARTS[part], found.differences.filter((one) => one.part === part)));
    const known = found.known.map((one) => h("details.more", {}, h("summary", {}, `${one.name} (${one.differences.length}): ${one.about}`), h("p.hint", {}, one.source), this.table(one.name, one.differences)));
    return [...counted, known.length ? h("section", { "aria-label": "Known" }, h("h2", {}, "Set apart, because SDKs are known to differ so"), known) : null];
  }

  /** @param {string} name @param {Difference[]} differences */
  group(name, differences) {
    return differences.length ? h("section", { "aria-label": name }, h("h2", {}, name), this.table(name, differences)) : null;
  }

  /** @param {string} name @param {Difference[]} differences */
  table(name, differences) {
    const rows = differences.slice(0, MAX_ROWS).map((one) => this.row(one));
    const more = differences.length - rows.length;
    return [
      h("table.compared", { "aria-label": `Differences: ${name}` }, h("thead", {}, h("tr", {}, ["Change", "What", "Old", "New"].map((text, at) => h("th", { scope: "col" }, at ? text : h("span.offstage", {}, text))))), h("tbody", {}, rows)),
      more > 0 && h("p.hint", {}, `and ${more} more`),
    ];
  }

  /** @param {Difference} one */
  row(one) {
    const named = one.part === "events" && one.name === "event" ? one.about : one.part === "events" ? `${one.about}: ${one.name}` : [one.part === "report" ? words(one.name) : one.name, one.about && `(${one.about})`].filter(Boolean).join(" ");
    const unit = one.part === "report" ? this.vocabulary.metrics[one.name]?.unit : undefined;
    const what = one.oldSeq === null && one.newSeq === null ? named : h("button.link", { type: "button", onclick: () => this.bring(one) }, named);
    return h(`tr.is-${one.change}`, {}, h("td.sign", { title: one.change }, SIGNS[one.change], h("span.offstage", {}, one.change)), h("td", {}, what), SIDES.map((which) => h("td", {}, told(one, which, unit))));
  }

  /** Bring the events of a difference into sight.
      @param {Difference} one */
  bring(one) {
    for (const side of this.sides) {
      const seq = side.which === "old" ? one.oldSeq : one.newSeq;
      side.timeline.select(seq === null ? null : (side.marks.bySeq.get(seq)?.[0] ?? null));
    }
    this.sides[0]?.root.scrollIntoView({ block: "nearest" });
  }
}

/** What is marked on a side's timeline, by seq: the gravest of what is said of the event.
    @param {Pick<Comparison, "pairs">} found @param {Which} which
    @returns {Map<number, Flag>} */
export function flagsOf({ pairs }, which) {
  /** @type {Map<number, Flag>} */
  const flags = new Map();
  for (const pair of pairs) {
    const seq = which === "old" ? pair.oldSeq : pair.newSeq;
    const flag = pair.known !== null && pair.change !== "different" ? "known" : pair.change;
    if (seq !== null && flag !== null && (!flags.has(seq) || flags.get(seq) === "known")) flags.set(seq, flag);
  }
  return flags;
}

/** A value of a difference, for a person.
    @param {Difference} one @param {Which} which @param {string} [unit] that of the metric, if it is one */
export function told(one, which, unit = "") {
  const value = one[which];
  if (one.part === "events" && one.name === "event" && one.old === null && one.new === null) {
    return (one.change === "lost") === (which === "old") ? "sent" : "–";
  }
  if (value === null || value === undefined) return "–";
  if (typeof value === "number" && (unit === "s" || TIMES.has(one.name))) return seconds(value);
  if (typeof value === "number") return trimmed(value, 3);
  if (typeof value === "boolean") return value ? "yes" : "no";
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}
