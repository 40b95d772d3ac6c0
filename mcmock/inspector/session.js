/* One session on the screen: its head, timeline, requests, report and the request that was opened. Fetches what it shows. */

import { copyButton, h, icon, refill, write } from "./dom.js";
import { findingCard, requestDetails } from "./details.js";
import { count, duration, messageOf, seconds, short, timeOfDay, title, trimmed, worst } from "./format.js";
import { lanesOf } from "./lanes.js";
import { FAR, Marks } from "./marks.js";
import { Refresh } from "./refresh.js";
import { ReportPanel } from "./report.js";
import { Table } from "./table.js";
import { Timeline } from "./timeline.js";

/** @import { Api } from "./api.js" */
/** @import { Clock } from "./clock.js" */
/** @import { Brief, Mark } from "./marks.js" */
/** @import { Evidence } from "./report.js" */
/** @import { Column } from "./table.js" */
/** @import { BriefSession, Finding, Report, Vocabulary } from "./types.d.ts" */

/** @type {("good" | "bad" | "ignored" | "faulted")[]} */
const OUTCOMES = ["good", "bad", "ignored", "faulted"];
const PAGE = 2000; // requests fetched at once, so that the server is never held for long
const CLOSED_BY_ITSELF = 600; // seconds without an event

/** @param {Mark} mark */
/** Which requests are listed, by the value of the choice.
    @type {Record<string, (mark: Mark) => boolean>} */
const SELECTIONS = {
  trouble: (mark) => note(mark) !== "" || mark.outcome !== "good",
  named: (mark) => !mark.ping,
};

/** @param {Mark} mark */
const note = (mark) => [mark.fault ? `fault ${mark.fault.rule}` : null, ...mark.rules].filter(Boolean).join(", ");

/** The columns of a table of requests; times count from `origin()`.
    @param {() => number} origin
    @returns {Column<Mark>[]} */
export const columns = (origin) => [
  { title: "#", cls: "number", text: (mark) => mark.seq },
  { title: "Time", cls: "number", text: (mark) => duration((mark.x - origin()) / 1000, 1) },
  { title: "Event", cls: "event", icon: (mark) => mark.outcome, text: (mark) => mark.eventType ?? `${mark.method} ${mark.path}` },
  { title: "Playhead", cls: "number", text: (mark) => (mark.playhead === null ? "" : trimmed(mark.playhead, 2)) },
  { title: "Status", cls: "number", text: (mark) => mark.status || "none" },
  { title: "Outcome", cls: "outcome", text: (mark) => mark.outcome },
  { title: "Findings", cls: "notes", text: note },
];

export class SessionPanel {
  /** @type {Timeline} */
  timeline;
  /** @type {Table<Mark>} */
  table;
  /** @type {ReportPanel} */
  numbers;
  /** @type {HTMLElement} */
  head;
  /** @type {HTMLElement} */
  findings;
  /** @type {HTMLElement} */
  details;
  /** @type {HTMLElement} */
  side;
  /** @type {HTMLSelectElement} */
  only;
  /** @type {HTMLElement} */
  listed;
  /** @type {HTMLElement} */
  root;

  /** @param {Api} api @param {Clock} clock
      @param {{ go: (sid: string | null, seq: number | null) => void, failed: (text: string) => void }} hooks */
  constructor(api, clock, { go, failed }) {
    this.api = api;
    this.clock = clock;
    this.go = go;
    this.failed = failed;
    /** @type {string | null} */
    this.sid = null;
    /** @type {BriefSession | null} */
    this.session = null;
    /** @type {Report | null} */
    this.report = null;
    this.marks = new Marks();
    /** @type {Pick<Vocabulary, "rules" | "metrics">} */
    this.vocabulary = { rules: {}, metrics: {} };
    /** @type {number | null} */
    this.opened = null;
    /** @type {string | null} */
    this.headKey = null;
    this.findingsKey = "";
    this.fromTable = false;
    this.follows = false;
    this.stepping = false;
    this.age = h("span.age", {});
    this.reload = new Refresh(() => this.fetchSession(), 250);
    this.redraw = new Refresh(async () => this.draw(), 80);
    this.build();
  }

  build() {
    this.timeline = new Timeline({ open: (/** @type {number} */ seq) => this.go(this.sid, seq), unlight: () => this.numbers.putOut() });
    this.table = new Table({ label: "Requests of this session", columns: columns(() => this.origin), open: (mark) => this.go(this.sid, mark.seq), empty: "No request yet." });
    this.numbers = new ReportPanel(() => this.light(true));
    this.head = h("header.session-head", {});
    this.findings = h("div.session-findings", {});
    this.details = h("section.request", { "aria-label": "Request", hidden: true });
    this.details.addEventListener("keydown", (event) => event.key === "Escape" && this.go(this.sid, null));
    this.side = h("section.side", { "aria-label": "Report" }, h("h2", {}, "Report"), this.findings, this.numbers.root);
    this.only = h("select", { "aria-label": "Which requests to list", onchange: () => this.list() },
      [["", "all requests"], ["trouble", "problems only"], ["named", "without pings"]].map(([value, text]) => h("option", { value }, text)));
    this.listed = h("span.found", {});
    this.root = h("div.session", {},
      this.head, this.timeline.root,
      h("div.split", {},
        h("section.requests", { "aria-label": "Requests" }, h("div.list-head", {}, h("h2", {}, "Requests"), this.listed, this.only), this.table.root),
        h("div.aside", {}, this.side, this.details)));
  }

  // -- which session, which request ---------------------------------------------------------------------------------------

  /** @param {string} sid */
  async show(sid) {
    if (sid === this.sid) return;
    this.sid = sid;
    this.session = null;
    this.report = null;
    this.marks = new Marks();
    this.closeRequest();
    if (this.numbers.asked) this.numbers.ask(this.numbers.asked);
    this.numbers.show(null);
    this.table.root.scrollTop = 0;
    this.headKey = null;
    this.follows = false;
    await Promise.all([this.fetchMarks(0), this.fetchSession()]);
    this.follows = this.isOpen; // to its end: what comes last may come with the news that it ended
    this.draw();
    if (this.follows) this.table.toEnd();
  }

  /** @param {number} since */
  async fetchMarks(since) {
    const { sid } = this;
    for (let next = since; next !== null; ) {
      const page = await this.api.get(`requests?session=${sid}&brief=1&limit=${PAGE}&since=${next}`);
      if (sid !== this.sid) return;
      page.requests.forEach((/** @type {Brief} */ brief) => this.marks.put(brief));
      next = page.next;
      this.redraw.ask();
    }
  }

  async fetchSession() {
    const { sid } = this;
    if (!sid) return;
    const [session, report] = await Promise.all([this.api.get(`sessions/${sid}?brief=1`), this.api.get(`sessions/${sid}/report`)]);
    if (sid !== this.sid) return;
    this.session = session;
    this.report = report;
    this.redraw.ask();
  }

  drawFindings() {
    const findings = this.session?.findings ?? [];
    const key = JSON.stringify(findings);
    if (key === this.findingsKey) return;
    this.findingsKey = key;
    refill(this.findings, findings.length ? this.wholeFindings(findings) : null);
  }

  /** @param {Finding[]} findings */
  wholeFindings(findings) {
    return h("details.whole", { open: worst(findings) !== "info" },
      h("summary", {}, `${count(findings.length, "finding")} in the session as a whole`), findings.map((finding) => findingCard(finding, this.vocabulary)));
  }

  // -- live ---------------------------------------------------------------------------------------------------------------

  /** An exchange of this session arrived or changed.
      @param {Brief} brief */
  take(brief) {
    this.marks.put(brief);
    this.redraw.ask();
    this.reload.ask();
    if (this.opened === brief.seq) this.openRequest(brief.seq);
  }

  /** @param {number} seq @param {Brief["delivery"]} delivery */
  settle(seq, delivery) {
    for (const mark of this.marks.bySeq.get(seq) ?? []) mark.delivery = delivery;
  }

  /** Whatever came, or changed, after request `since` while nobody told.
      @param {number} since */
  async catchUp(since) {
    if (!this.sid) return;
    await this.fetchMarks(since);
    this.reload.ask();
  }

  get last() {
    return this.marks.latest?.seq ?? 0;
  }

  /** The list knows more than we do: a session that timed out, say, sends nothing that would tell.
      @param {BriefSession | undefined} session */
  compare(session) {
    if (session && this.session && JSON.stringify(session) !== JSON.stringify(this.session)) this.reload.ask();
  }

  tick() {
    if (this.sid && this.isOpen && !document.hidden) this.redraw.ask();
  }

  get isOpen() {
    return this.session?.phase === "open";
  }

  /** Where the session's time begins on the player's clock, also when the log has lost its first requests. */
  get origin() {
    const first = this.report?.exact.firstTs;
    return typeof first === "number" && Number.isFinite(first) && Math.abs(first - this.marks.start) < FAR ? Math.min(first, this.marks.start) : this.marks.start;
  }

  /** The moment on the player's clock that the session has come to; null once it is closed. */
  get now() {
    const last = this.marks.latest;
    return this.isOpen && last ? last.x + Math.max(0, this.clock.now - last.at) * 1000 : null;
  }

  // -- drawing ------------------------------------------------------------------------------------------------------------

  draw() {
    if (!this.sid) return;
    this.drawHead();
    const length = Number(this.session?.media["media.length"]) || null;
    this.timeline.show({ marks: this.marks, origin: this.origin, lanes: lanesOf(this.report), now: this.now, length: length !== null && length < 86400 ? length : null, closed: !this.isOpen });
    this.numbers.show(this.report);
    this.drawFindings();
    this.light(false);
    this.list();
  }

  list() {
    const kept = SELECTIONS[this.only.value] ?? (() => true);
    const rows = numbered(this.marks.all).filter(kept);
    const [some, all] = [rows.length, this.marks.all.length].map((number) => number.toLocaleString("en"));
    write(this.listed, some === all ? all : `${some} of ${all}`);
    this.table.show(rows, { follow: this.follows });
  }

  /** The API that its requests were sent to; empty until one is here. */
  get protocol() {
    return this.marks.all[0]?.protocol ?? "";
  }

  drawHead() {
    const { session } = this;
    const key = JSON.stringify([session?.id, session?.state, session?.counts, session?.media, this.protocol]);
    if (key !== this.headKey) {
      this.headKey = key;
      document.title = `${session ? title(session) : short(this.sid)} · mcmock`;
      refill(this.head, session ? this.headParts(session) : h("h1", { tabindex: "-1" }, `Session ${short(this.sid)}`));
    }
    if (session) write(this.age, this.ageText(session));
  }

  /** @param {BriefSession} session */
  headParts(session) {
    const { media } = session;
    this.age = h("span.age", {});
    const told = [media["media.playerName"], media["media.channel"], media["media.contentType"], lengthText(media["media.length"]), this.protocol, `opened ${timeOfDay(session.openedAt)}`];
    return [
      h("div.headline", {}, h("h1", { tabindex: "-1" }, title(session)), h("span.state", { "data-state": session.state }, session.state), this.age),
      h("p.told", {}, told.filter(Boolean).join(" · "), " · ", h("code", { title: session.id }, short(session.id)), copyButton("copy id", () => session.id, { "data-key": "copy" })),
      h("div.actions", {},
        h("span.counts", {}, OUTCOMES.map((one) => h(`span.count.is-${one}${session.counts[one] ? "" : ".is-zero"}`, {}, icon(one), `${session.counts[one].toLocaleString("en")} ${one}`))),
        h("a.quiet", { href: `#/compare/${session.id}`, "data-key": "compare", title: "Beside another session" }, "Compare"),
        h("button.quiet", { type: "button", "data-key": "expire", title: "The next event is answered 410", onclick: () => this.act("expire") }, "Expire"),
        h("button.quiet", { type: "button", "data-key": "forget", title: "The next event is answered 404", onclick: () => this.act("forget") }, "Forget")),
    ];
  }

  /** How long an open session has been silent, once that is worth a word.
      @param {BriefSession} session */
  ageText(session) {
    if (!this.isOpen) return session.closedAt ? `closed ${timeOfDay(session.closedAt)}` : "";
    const silent = this.clock.now - session.lastEventAt;
    return silent < 15 ? "" : `silent for ${seconds(Math.floor(silent))}; closes by itself at ${duration(CLOSED_BY_ITSELF)}`;
  }

  /** @param {string} what */
  async act(what) {
    try {
      await this.api.command("POST", `sessions/${this.sid}/${what}`);
    } catch (error) {
      this.failed(`This did not work: ${messageOf(error)}`);
    }
    this.reload.hurry();
  }

  /** @param {boolean} bring */
  light(bring) {
    const { latest } = this.marks;
    const { spans, sentence } = this.numbers.answer({ ts: this.origin, playhead: 0, arrival: (this.session?.openedAt ?? 0) * 1000 });
    const shift = latest ? latest.x - latest.at * 1000 : 0; // from the emulator's clock to the player's
    /** @param {Evidence} span */
    const moved = (/** @type {Evidence} */ span) => ({ ...span, axis: /** @type {const} */ ("ts"), start: span.start + shift, end: span.end + shift });
    this.timeline.light(spans.map((span) => (span.axis === "arrival" ? moved(span) : span)), sentence, bring);
  }

  // -- one request ----------------------------------------------------------------------------------------------------------

  /** @param {number} seq */
  async openRequest(seq) {
    const fresh = this.opened !== seq;
    if (!this.opened) this.fromTable = this.table.body.contains(document.activeElement);
    this.opened = seq;
    const exchange = await this.api.get(`requests/${seq}`).catch((/** @type {unknown} */ error) => ({ error }));
    if (this.opened !== seq) return;
    const close = () => this.go(this.sid, null);
    const parts = exchange.error ? [h("h2", { tabindex: "-1" }, `#${seq}`), h("p.none", {}, messageOf(exchange.error)), h("button.quiet", { type: "button", onclick: close }, "Close")]
      : requestDetails(exchange, this.vocabulary, { step: (/** @type {number} */ by) => this.step(by), close });
    refill(this.details, parts);
    this.details.hidden = false;
    this.side.hidden = true;
    this.timeline.select(this.marks.bySeq.get(seq)?.[0] ?? null);
    this.table.choose(seq);
    if (fresh && !this.stepping) this.details.querySelector("h2")?.focus({ preventScroll: true });
    this.stepping = false;
  }

  closeRequest() {
    const back = this.details.contains(document.activeElement);
    this.opened = null;
    this.details.hidden = true;
    this.side.hidden = false;
    this.timeline.select(null);
    this.table.choose(null);
    if (back && this.fromTable) this.table.focus();
    else if (back) this.timeline.handle.focus({ preventScroll: true });
  }

  /** @param {number} by */
  step(by) {
    const { all } = this.marks;
    const index = all.findIndex((mark) => mark.seq === this.opened);
    let next = index + by;
    while (all[next]?.seq === this.opened) next += by;
    if (!all[next]) return;
    this.stepping = true;
    this.go(this.sid, all[next].seq);
  }
}

/** Tell the events of one array apart.
    @param {Mark[]} all */
function numbered(all) {
  /** @type {Map<number, number>} */
  const seen = new Map();
  for (const mark of all) {
    if (!mark.parts) continue;
    mark.part = seen.get(mark.seq) ?? 0;
    seen.set(mark.seq, mark.part + 1);
  }
  return all;
}

/** @param {unknown} length */
const lengthText = (length) => (Number(length) >= 86400 ? "unknown length" : Number(length) > 0 ? duration(Number(length)) : null);
