/* The list of sessions: newest first, live, with a filter by text, outcome and state. */

import { h, icon, write } from "./dom.js";
import { count, short, timeOfDay, title } from "./format.js";

/** @import { BriefSession } from "./types.d.ts" */

/** @type {("bad" | "ignored" | "faulted")[]} */
const OUTCOMES = ["bad", "ignored", "faulted"];
/** @type {("good" | "bad" | "ignored" | "faulted")[]} */
const COUNTED = ["good", ...OUTCOMES];
const SHOWN = 300;

export class SessionList {
  /** @type {HTMLInputElement} */
  text;
  /** @type {HTMLSelectElement} */
  outcome;
  /** @type {HTMLSelectElement} */
  state;
  /** @type {HTMLElement} */
  items;
  /** @type {HTMLElement} */
  said;
  /** @type {HTMLElement} */
  all;
  /** @type {HTMLElement} */
  root;

  constructor() {
    /** @type {Map<string, ReturnType<typeof newRow>>} */
    this.rows = new Map();
    this.isKnown = false; // before the first `show`
    /** @type {BriefSession[]} */
    this.sessions = [];
    /** @type {string | null} */
    this.current = null;
    this.total = 0;
    this.offered = "";
    this.build();
  }

  build() {
    this.text = h("input", { type: "search", placeholder: "Filter by name, player or id", "aria-label": "Filter sessions by text", oninput: () => this.draw() });
    this.outcome = h("select", { "aria-label": "Filter sessions by outcome", onchange: () => this.draw() },
      h("option", { value: "" }, "any outcome"), OUTCOMES.map((one) => h("option", { value: one }, `with ${one}`)), h("option", { value: "findings" }, "with findings"));
    this.state = h("select", { "aria-label": "Filter sessions by state", onchange: () => this.draw() }, h("option", { value: "" }, "any state"));
    this.items = h("ul.items", {});
    this.said = h("p.found", { role: "status" });
    this.all = h("a.everything", { href: "#/log" }, "All requests");
    this.root = h("div.list", {}, h("h1.offstage", {}, "Sessions"), h("div.filters", {}, this.text, h("div.pair", {}, this.outcome, this.state)), h("div.list-head", {}, this.said, this.all), this.items);
  }

  /** `sessions` oldest first, the latest of `total`; `current` is the id of the one on the screen.
      @param {BriefSession[]} sessions
      @param {string | null} current
      @param {number} total */
  show(sessions, current, total) {
    this.isKnown = true;
    this.sessions = sessions;
    this.current = current;
    this.total = total;
    this.draw();
  }

  draw() {
    if (!this.isKnown) return;
    this.offerStates();
    const wanted = this.sessions.filter((session) => this.wants(session)).reverse();
    const shown = wanted.slice(0, SHOWN);
    write(this.said, this.sentence(wanted.length));
    this.all.toggleAttribute("aria-current", this.current === null && location.hash.startsWith("#/log"));
    const elements = shown.map((session) => this.row(session));
    const stays = new Set(/** @type {Element[]} */ (elements));
    for (const child of [...this.items.children]) if (!stays.has(child)) child.remove();
    elements.forEach((element, index) => {
      if (this.items.children[index] !== element) this.items.insertBefore(element, this.items.children[index] ?? null);
    });
  }

  /** @param {number} found */
  sentence(found) {
    const all = this.sessions.length;
    const known = this.total > all ? `the newest ${all} of ${count(this.total, "session")}` : count(all, "session");
    const some = found === all ? known : `${found} of ${known}`;
    return found > SHOWN ? `${some}, the newest ${SHOWN} shown` : some;
  }

  offerStates() {
    const states = [...new Set(this.sessions.map((session) => session.state))].sort();
    if (states.join() === this.offered) return;
    this.offered = states.join();
    const chosen = this.state.value;
    this.state.replaceChildren(h("option", { value: "" }, "any state"), ...states.map((state) => h("option", { value: state }, state)));
    this.state.value = states.includes(chosen) ? chosen : "";
  }

  /** @param {BriefSession} session */
  wants(session) {
    const needle = this.text.value.trim().toLowerCase();
    const hay = [session.id, ...Object.values(session.media ?? {})].join(" ").toLowerCase();
    if (needle && !hay.includes(needle)) return false;
    if (this.state.value && session.state !== this.state.value) return false;
    if (this.outcome.value === "findings") return troubles(session) > 0;
    const outcome = OUTCOMES.find((one) => one === this.outcome.value);
    return !outcome || session.counts[outcome] > 0;
  }

  /** The element of a session; the same one as long as it is shown, so that focus and scrolling stay where they are.
      @param {BriefSession} session */
  row(session) {
    let row = this.rows.get(session.id);
    if (!row) {
      row = newRow(session);
      this.rows.set(session.id, row);
    }
    row.fill(session, session.id === this.current);
    return row.element;
  }
}

/** @param {BriefSession} session */
function newRow(session) {
  const parts = { name: h("strong", {}), state: h("span.state", {}), player: h("span.player", {}), counts: h("span.counts", {}), badge: h("span.badge", {}) };
  const link = h("a", { href: `#/session/${session.id}` }, h("span.line", {}, parts.name, parts.state), h("span.line", {}, parts.player, h("span.right", {}, parts.counts, parts.badge)));
  const element = h("li", { "data-session": session.id }, link);
  return { element, fill: (/** @type {BriefSession} */ now, /** @type {boolean} */ current) => fillRow(now, current, link, parts) };
}

/** @param {BriefSession} session
    @param {boolean} current
    @param {HTMLElement} link
    @param {Record<string, HTMLElement>} parts */
function fillRow(session, current, link, parts) {
  if (current) link.setAttribute("aria-current", "page");
  else link.removeAttribute("aria-current");
  write(parts.name, title(session));
  write(parts.state, session.state);
  parts.state.dataset.state = session.state;
  const player = session.media?.["media.playerName"] ?? "";
  write(parts.player, [player, short(session.id), timeOfDay(session.openedAt)].filter(Boolean).join(" · "));
  const text = JSON.stringify([session.counts, session.findingCounts]);
  if (parts.counts.dataset.text === text) return;
  parts.counts.dataset.text = text;
  const shown = COUNTED.filter((one) => session.counts[one] > 0);
  parts.counts.replaceChildren(...shown.map((one) => h(`span.count.is-${one}`, {}, icon(one), h("span", {}, session.counts[one].toLocaleString("en")), h("span.offstage", {}, ` ${one} `))));
  const found = troubles(session);
  parts.badge.hidden = !found;
  parts.badge.classList.toggle("is-error", session.findingCounts?.error > 0);
  parts.badge.replaceChildren(`⚑ ${found}`, h("span.offstage", {}, found === 1 ? " finding" : " findings"));
}

/** Findings worth a badge: remarks are not.
    @param {BriefSession} session */
export const troubles = (session) => (session.findingCounts?.error ?? 0) + (session.findingCounts?.warning ?? 0);
