/* All requests, whatever they were: also those that never became a session. Newest last, as they came. */

import { h, refill, write } from "./dom.js";
import { requestDetails } from "./details.js";
import { count, messageOf, short, timeOfDay, trimmed, worst } from "./format.js";
import { Table } from "./table.js";

/** @import { Api } from "./api.js" */
/** @import { Brief } from "./marks.js" */
/** @import { Vocabulary } from "./types.d.ts" */

const KEPT = 20_000; // rows held in the page
const PAGE = 2000;

/** @param {Brief} row */
const note = (row) => [row.fault ? `fault ${row.fault.rule}` : null, ...row.findings.map((finding) => finding.rule)].filter(Boolean).join(", ");

export class LogPanel {
  /** @type {Table<Brief>} */
  table;
  /** @type {HTMLInputElement} */
  text;
  /** @type {HTMLSelectElement} */
  outcome;
  /** @type {HTMLElement} */
  said;
  /** @type {HTMLElement} */
  details;
  /** @type {HTMLElement} */
  root;

  /** @param {Api} api @param {{ go: (seq: number | null) => void }} moves */
  constructor(api, { go }) {
    this.api = api;
    this.go = go;
    /** @type {Brief[]} */
    this.rows = [];
    /** @type {Map<number, Brief>} */
    this.places = new Map();
    /** @type {Pick<Vocabulary, "rules">} */
    this.vocabulary = { rules: {} };
    this.active = false;
    this.loaded = false;
    /** @type {number | null} */
    this.opened = null;
    this.build();
  }

  build() {
    this.table = new Table({
      label: "All requests",
      columns: [
        { title: "#", cls: "number", text: (row) => row.seq },
        { title: "Arrived", cls: "number", text: (row) => timeOfDay(row.at) },
        { title: "Event", cls: "event", icon: (row) => row.outcome, text: (row) => row.eventType ?? `${row.method} ${row.path}` },
        { title: "Session", cls: "sid", text: (row) => (row.sessionId ? short(row.sessionId) : "") },
        { title: "Playhead", cls: "number", text: (row) => (row.playhead === null ? "" : trimmed(row.playhead, 2)) },
        { title: "Status", cls: "number", text: (row) => row.status || "none" },
        { title: "Outcome", cls: "outcome", text: (row) => row.outcome },
        { title: "Findings", cls: "notes", text: note },
      ],
      open: (row) => this.go(row.seq),
      empty: "No request yet.",
    });
    this.text = h("input", { type: "search", placeholder: "Filter by event, path, session or finding", "aria-label": "Filter requests by text", oninput: () => this.draw() });
    this.outcome = h("select", { "aria-label": "Filter requests by outcome", onchange: () => this.draw() },
      h("option", { value: "" }, "any outcome"), ["good", "bad", "ignored", "faulted", "other"].map((one) => h("option", { value: one }, one)));
    this.said = h("span.found", { role: "status" });
    this.details = h("section.request", { "aria-label": "Request", hidden: true });
    this.details.addEventListener("keydown", (event) => event.key === "Escape" && this.go(null));
    this.root = h("div.session.log", {},
      h("header.session-head", {}, h("div.headline", {}, h("h1", { tabindex: "-1" }, "All requests"), this.said), h("div.filters.across", {}, this.text, this.outcome)),
      h("div.split", {}, h("section.requests", { "aria-label": "Requests" }, this.table.root), h("div.aside", {}, this.details)));
  }

  /** Fetch the newest requests, once the panel is first shown or after a loss. */
  async load() {
    const { requests } = await this.api.get(`requests?brief=1&order=desc&limit=${PAGE}`, { requests: [] });
    requests.reverse().forEach((/** @type {Brief} */ row) => this.take(row));
    this.loaded = true;
    this.draw();
  }

  /** @param {boolean} active */
  async show(active) {
    this.active = active;
    if (active && !this.loaded) await this.load();
    if (active) this.draw();
  }

  /** @param {Brief} row */
  take(row) {
    const known = this.places.get(row.seq);
    if (known) Object.assign(known, row);
    else this.insert(row);
    if (this.rows.length > KEPT) this.rows.splice(0, this.rows.length - KEPT).forEach((old) => this.places.delete(old.seq));
  }

  /** By seq; what is new is nearly always last.
      @param {Brief} row */
  insert(row) {
    let place = this.rows.length;
    while (place > 0 && this.rows[place - 1].seq > row.seq) place -= 1;
    this.rows.splice(place, 0, row);
    this.places.set(row.seq, row);
  }

  clear() {
    this.rows = [];
    this.places = new Map();
    if (this.active) this.draw();
  }

  draw() {
    const needle = this.text.value.trim().toLowerCase();
    /** @param {Brief} row */
    const wanted = (row) => (!this.outcome.value || row.outcome === this.outcome.value) && (!needle || hay(row).includes(needle));
    const rows = this.rows.filter(wanted);
    const all = count(this.rows.length, "request");
    write(this.said, rows.length === this.rows.length ? all : `${rows.length.toLocaleString("en")} of ${all}`);
    this.table.show(rows, { follow: true });
  }

  /** @param {number} seq */
  async openRequest(seq) {
    this.opened = seq;
    const exchange = await this.api.get(`requests/${seq}`).catch((/** @type {unknown} */ error) => ({ error }));
    if (this.opened !== seq) return;
    const close = () => this.go(null);
    const parts = exchange.error ? [h("h2", { tabindex: "-1" }, `#${seq}`), h("p.none", {}, messageOf(exchange.error))] : requestDetails(exchange, this.vocabulary, { step: (/** @type {number} */ by) => this.step(by), close });
    refill(this.details, parts);
    this.details.hidden = false;
    this.table.choose(seq);
    this.details.querySelector("h2")?.focus({ preventScroll: true });
  }

  closeRequest() {
    const back = this.details.contains(document.activeElement);
    this.opened = null;
    this.details.hidden = true;
    this.table.choose(null);
    if (back) this.table.focus();
  }

  /** @param {number} by */
  step(by) {
    const index = this.table.rows.findIndex((row) => row.seq === this.opened);
    const next = this.table.rows[index + by];
    if (next) this.go(next.seq);
  }
}

/** @param {Brief} row */
const hay = (row) => `${row.eventType ?? ""} ${row.method} ${row.path} ${row.sessionId ?? ""} ${row.status} ${note(row)} ${worst(row.findings) ?? ""}`.toLowerCase();
