/* The page: the bar on top, the list of sessions, and beside it a session or the whole log. Wires the parts together.

   #/                  the newest session, whichever that is
   #/session/ID[/SEQ]  one session, one request of it
   #/log[/SEQ]         every request
   #/compare/OLD[/NEW] two sessions side by side; without NEW, beside the one before it */

import { Api, DEFAULT, emulated } from "./api.js";
import { Clock } from "./clock.js";
import { ComparePanel } from "./compare.js";
import { Controls } from "./controls.js";
import { copyButton, h, icon, refill, write } from "./dom.js";
import { count, firstLine, messageOf, short } from "./format.js";
import { SessionList } from "./list.js";
import { LogPanel } from "./log.js";
import { Refresh } from "./refresh.js";
import { playSample, sampleCommand } from "./sample.js";
import { SessionPanel } from "./session.js";
import { Stream } from "./stream.js";

/** @import { Child } from "./dom.js" */
/** @import { Brief } from "./marks.js" */
/** @import { State } from "./stream.js" */
/** @import { BriefSession, Exchange, Summary, Verdict, Vocabulary } from "./types.d.ts" */

const SHOWN_SESSIONS = 500;
const FEW = 6; // changed sessions fetched one by one; more than that, the whole list
/** @type {("good" | "bad" | "ignored" | "faulted")[]} */
const OUTCOMES = ["good", "bad", "ignored", "faulted"];
const TIMEOUTS_LOOKED_FOR = 10_000;
/** @type {Omit<Summary, "total" | "other" | "forgotten">} */
const NOTHING = { good: 0, bad: 0, ignored: 0, faulted: 0, evicted: 0, broken: 0, sessions: 0 };

/** @type {Record<State, string>} */
const STATES = { live: "live", waiting: "waiting", lost: "disconnected" };
/** @type {Record<string, string>} */
const THEMES = { auto: "◐", light: "☀", dark: "☾" };

/** An element of index.html.
    @param {string} id */
const place = (id) => /** @type {HTMLElement} */ (document.getElementById(id));

class App {
  /** @type {HTMLElement} */
  state;
  /** @type {HTMLElement} */
  totals;
  /** @type {HTMLElement} */
  time;
  /** @type {HTMLSelectElement} */
  scope;
  /** @type {HTMLButtonElement} */
  theme;
  /** @type {HTMLElement} */
  main;
  /** @type {HTMLElement} */
  verdict;
  /** @type {HTMLElement} */
  notices;
  /** @type {HTMLElement} */
  toasts;

  constructor() {
    this.api = new Api((wrong) => this.askToken(wrong), (command) => this.did(command));
    this.clock = new Clock();
    /** @type {Map<string, BriefSession>} */
    this.sessions = new Map();
    /** @type {Set<string>} */
    this.changed = new Set();
    this.summary = NOTHING;
    this.offered = "";
    this.chosenTheme = "auto";
    /** Which change of address is being shown.
        @type {object} */
    this.turn = {};
    /** @type {Refresh | undefined} */
    this.logDrawn = undefined;
    this.list = new SessionList();
    this.panel = new SessionPanel(this.api, this.clock, { go: (sid, seq) => this.go(sid, seq), failed: (text) => this.toast("error", text) });
    this.pair = new ComparePanel(this.api);
    this.log = new LogPanel(this.api, { go: (seq) => (location.hash = seq === null ? "#/log" : `#/log/${seq}`) });
    this.controls = new Controls(this.api, this.clock, { cleared: () => this.refetch.hurry() });
    this.refetch = new Refresh(() => this.fetchAll(), 500);
    this.follow = new Refresh(() => this.fetchChanged(), 300);
    this.count = new Refresh(() => this.fetchSummary(), 500);
    this.judge = new Refresh(() => this.fetchVerdict(), 1000, 20); // of a long log it is dear
    this.stream = new Stream(this.api, (name, value) => this.hear(name, value), (state, pause) => this.connection(state, pause));
    this.build();
  }

  build() {
    this.state = h("span.connection", { "data-state": "waiting", role: "status" }, "connecting");
    this.totals = h("span.totals", {});
    this.time = h("span.time", {});
    this.scope = h("select.scope", { "aria-label": "Scope", hidden: true, onchange: () => this.chooseScope(this.scope.value) });
    this.theme = h("button.tool", { type: "button", onclick: () => this.nextTheme() });
    const open = h("button.primary", { type: "button", onclick: () => this.controls.open() }, "Controls");
    place("bar").append(h("a.home", { href: "#/" }, h("b", {}, "mcmock")), this.state, this.totals, this.time, this.scope, h("span.stretch", {}), this.theme, open);
    place("sessions").append(this.list.root);
    this.main = place("main");
    document.querySelector(".skip")?.addEventListener("click", (event) => {
      event.preventDefault(); // the address says which session is shown, so it must not change
      this.main.focus();
    });
    this.verdict = place("verdict");
    this.notices = place("notices");
    this.toasts = place("toasts");
    document.body.append(this.controls.dialog);
    this.setTheme(localStorage.getItem("mcmock-theme") ?? "auto");
  }

  async start() {
    const [vocabulary, faultRule] = await Promise.all([this.api.get("vocabulary"), this.api.get("faults.schema.json")]);
    for (const part of [this.panel, this.panel.numbers, this.pair, this.log]) part.vocabulary = vocabulary;
    this.controls.offerForm({ ...vocabulary, faultRule });
    await Promise.all([this.fetchAll(), this.fetchScopes()]);
    window.addEventListener("hashchange", () => this.route());
    await this.route();
    this.stream.run();
    this.tick();
    setInterval(() => this.tick(), 1000);
    setInterval(() => document.hidden || this.lookAround(), TIMEOUTS_LOOKED_FOR);
  }

  /** What the stream does not tell: sessions that timed out, scopes of others. */
  lookAround() {
    this.refetch.ask();
    this.fetchScopes().catch(() => null);
  }

  // -- what is on the screen ------------------------------------------------------------------------------------------------

  /** @param {string | null} sid @param {number | null} seq */
  go(sid, seq) {
    location.hash = seq === null ? `#/session/${sid}` : `#/session/${sid}/${seq}`;
  }

  async route() {
    const [, where, first, second] = location.hash.replace(/^#/, "").split("/");
    document.body.dataset.place = where || "home";
    const turn = {};
    this.turn = turn;
    const isOver = () => this.turn !== turn; // somebody went on while this was being fetched
    if (where === "log") await this.showLog(first, isOver);
    else if (where === "compare" && first) await this.showPair(first, second);
    else await this.showSession(where === "session" ? first : this.newest(), where === "session" ? second : undefined, isOver);
    this.showList();
  }

  newest() {
    return [...this.sessions.keys()].at(-1) ?? null;
  }

  /** @param {string | undefined} seq @param {() => boolean} isOver */
  async showLog(seq, isOver) {
    this.put(this.log.root);
    document.title = "All requests · mcmock";
    await this.log.show(true);
    if (isOver()) return;
    if (seq) await this.log.openRequest(Number(seq));
    else this.log.closeRequest();
  }

  /** @param {string} first @param {string | undefined} second */
  async showPair(first, second) {
    this.log.show(false);
    this.put(this.pair.root);
    const ids = [...this.sessions.keys()];
    const before = ids[ids.indexOf(first) - 1] ?? ids[ids.indexOf(first) + 1] ?? first;
    if (second) await this.pair.show(first, second, [...this.sessions.values()]);
    else location.replace(`#/compare/${before}/${first}`);
  }

  /** @param {string | null} sid @param {string | undefined} seq @param {() => boolean} isOver */
  async showSession(sid, seq, isOver) {
    this.log.show(false);
    if (!sid) return this.welcome();
    this.put(this.panel.root);
    try {
      await this.panel.show(sid);
      if (isOver()) return undefined;
      if (seq) await this.panel.openRequest(Number(seq));
      else if (this.panel.opened) this.panel.closeRequest();
    } catch (error) {
      if (isOver()) return undefined;
      this.put(h("div.empty", {}, h("h1", {}, "No such session"), h("p", {}, messageOf(error)), h("p", {}, h("a", { href: "#/" }, "The newest session"))));
      this.panel.sid = null;
    }
    return undefined;
  }

  /** @param {HTMLElement} element */
  put(element) {
    if (this.main.firstElementChild !== element) this.main.replaceChildren(element);
  }

  welcome() {
    const place = emulated(this.api.scope);
    const command = sampleCommand(place);
    document.title = "mcmock";
    const sample = h("button.primary", { type: "button", onclick: () => this.sample(sample, place) }, "Play a sample session");
    this.put(h("div.empty", {}, h("h1", {}, "Waiting for a player"),
      h("p", {}, "Point it at ", h("code", {}, place), " and its session is drawn here, as it happens."),
      h("p", {}, "Without a player at hand: ", sample),
      h("p", {}, "Or open a session from a shell:"),
      h("pre", { tabindex: "0", "aria-label": "A command that opens a session" }, command), copyButton("Copy", () => command),
      h("p.hint", {}, "Requests that never became a session are under ", h("a", { href: "#/log" }, "All requests"), ".")));
  }

  /** @param {HTMLButtonElement} button @param {string} origin */
  async sample(button, origin) {
    button.disabled = true;
    try {
      await playSample(origin);
    } catch (error) {
      this.toast("error", messageOf(error));
    }
    button.disabled = false;
  }

  showList() {
    const current = ["log", "compare"].includes(document.body.dataset.place ?? "") ? null : this.panel.sid;
    this.list.show([...this.sessions.values()], current, this.summary?.sessions ?? 0);
  }

  // -- fetching -------------------------------------------------------------------------------------------------------------

  async fetchAll() {
    const { scope } = this.api;
    const [{ sessions }, clock] = await Promise.all([this.api.get(`sessions?brief=1&limit=${SHOWN_SESSIONS}`, { sessions: [] }), this.api.get("clock", null)]);
    if (scope !== this.api.scope) return; // another was chosen meanwhile
    if (clock) this.clock.set(clock);
    this.sessions = new Map(sessions.map((/** @type {BriefSession} */ session) => [session.id, session]));
    this.count.ask();
    this.afterChange();
  }

  async fetchChanged() {
    const { scope } = this.api;
    const changed = [...this.changed];
    this.changed.clear();
    if (changed.length > FEW) return this.fetchAll();
    const found = await Promise.all(changed.map((sid) => this.api.get(`sessions/${sid}?brief=1`).catch(() => null)));
    if (scope !== this.api.scope) return undefined;
    for (const session of found.filter(Boolean)) this.sessions.set(session.id, session);
    return this.afterChange();
  }

  afterChange() {
    this.panel.compare(this.sessions.get(this.panel.sid ?? ""));
    if (document.body.dataset.place === "home" && this.newest() !== this.panel.sid) this.route();
    else this.showList();
  }

  async fetchSummary() {
    this.summary = await this.api.get("summary", NOTHING);
    refill(this.totals, OUTCOMES.map((one) => h(`span.count.is-${one}${this.summary[one] ? "" : ".is-zero"}`, { title: `${one} requests` }, icon(one), h("span", {}, this.summary[one].toLocaleString("en")), h("span.word", {}, one))));
    this.notice("evicted", this.summary.evicted ? `${count(this.summary.evicted, "older request")} left the log, which is full. Raise --max-log-bytes to keep more.` : null);
    this.notice("broken", this.summary.broken ? `mcmock itself failed at ${count(this.summary.broken, "request")}: see the verdict “broken” under All requests.` : null);
    this.judge.ask();
  }

  async fetchVerdict() {
    const { scope } = this.api;
    const verdict = await this.api.get("verdict?limit=1", null);
    if (scope === this.api.scope) this.showVerdict(verdict);
  }

  /** In a line: what was lost, in the server's words, and the way to the first of it.
      @param {Verdict | null} verdict */
  showVerdict(verdict) {
    const said = verdict ? firstLine(verdict.message) : "";
    const [first] = verdict?.requests ?? [];
    const sid = first?.sessionId ?? verdict?.findings[0]?.sessionId;
    const where = sid && this.sessions.has(sid) ? `#/session/${sid}` : "#/log";
    const told = first ? `#${first.seq} ${first.eventType ?? `${first.method} ${first.path}`}` : `session ${short(sid ?? null)}`;
    const key = [said, where, told].join();
    this.verdict.hidden = !verdict;
    if (!verdict || this.verdict.dataset.said === key) return; // said again, a screen reader would read it again
    Object.assign(this.verdict.dataset, { said: key, result: verdict.result });
    refill(this.verdict, said, verdict.result === "fail" && [". First: ", h("a", { href: first ? `${where}/${first.seq}` : where, "data-key": "verdict" }, told)]);
  }

  // -- scopes: several who share a server -----------------------------------------------------------------------------------

  async fetchScopes() {
    const { scopes } = await this.api.get("scopes?brief=1");
    const current = this.api.scope ?? DEFAULT;
    const names = [...new Set([...scopes.map((/** @type {{ name: string }} */ scope) => scope.name), current])];
    this.scope.hidden = names.length < 2;
    if (names.join() === this.offered) return;
    this.offered = names.join();
    this.scope.replaceChildren(...names.map((name) => h("option", { value: name }, name)));
    this.scope.value = current;
  }

  /** Another scope has other sessions, another log and another clock.
      @param {string} name */
  chooseScope(name) {
    this.api.choose(name);
    this.sessions.clear();
    this.changed.clear();
    this.log.loaded = false;
    this.log.clear();
    this.panel.sid = null;
    location.hash = "#/";
    this.stream.restart();
    this.fetchAll().then(() => this.route());
  }

  // -- the stream -------------------------------------------------------------------------------------------------------------

  /** @param {string} name @param {any} value */
  hear(name, value) {
    /** @type {Record<string, () => unknown>} */
    const acts = {
      exchange: () => this.arrived(value),
      outcome: () => this.judged(value),
      delivery: () => this.panel.settle(value.seq, value.delivery),
      evicted: () => this.count.ask(),
      missed: () => this.caughtUp(),
      cleared: () => this.emptied(),
      reset: () => this.emptied(),
      clock: () => this.refetch.ask(),
      faults: () => this.controls.dialog.open && this.controls.refresh(),
    };
    acts[name]?.();
  }

  /** @param {Exchange} exchange */
  arrived(exchange) {
    const brief = briefOf(exchange);
    this.log.take(brief);
    if (this.log.active) this.drawLog();
    const sid = brief.sessionId ?? "";
    if (mayBeSession(brief) || this.sessions.has(sid)) this.changed.add(sid);
    if (brief.sessionId === this.panel.sid) this.panel.take(brief);
    if (brief.fault && this.controls.dialog.open) this.controls.refresh();
    this.follow.ask();
    this.count.ask();
  }

  drawLog() {
    this.logDrawn ??= new Refresh(async () => {
      if (this.log.active) this.log.draw();
    }, 100);
    this.logDrawn.ask();
  }

  /** @param {Pick<Brief, "seq" | "outcome" | "findings"> & { sessionId: string }} judgement */
  judged({ seq, sessionId, outcome, findings }) {
    const row = this.log.places.get(seq);
    if (row) Object.assign(row, { outcome, findings });
    const [mark] = (sessionId === this.panel.sid && this.panel.marks.bySeq.get(seq)) || [];
    if (mark) this.panel.take({ ...mark, outcome, findings });
    this.changed.add(sessionId);
    this.follow.ask();
    this.count.ask();
  }

  /** The stream tells what is new from now on: fetch what came before that, after request `since`. */
  async caughtUp(since = 0) {
    this.refetch.ask();
    if (this.log.loaded) await this.log.load();
    await this.panel.catchUp(since);
  }

  /** The log was emptied, and with a reset the sessions, too. */
  emptied() {
    this.log.clear();
    const { sid } = this.panel;
    this.panel.sid = null;
    this.fetchAll().then(() => (this.sessions.has(sid ?? "") ? this.route() : (location.hash = "#/", this.route())));
  }

  /** @param {State} state @param {number} pause */
  connection(state, pause) {
    const before = this.state.dataset.state;
    this.state.dataset.state = state;
    write(this.state, STATES[state]);
    this.notice("lost", state !== "lost" ? null : `Disconnected: what you see may be old. Trying again every ${Math.ceil(pause / 1000)} s.`);
    if (state === "live") this.caughtUp(before === "waiting" ? this.panel.last : 0);
  }

  /** @param {string} key @param {string | null} text */
  notice(key, text) {
    const known = this.notices.querySelector(`[data-notice=${key}]`);
    if (!text) known?.remove();
    else if (known) write(known, text);
    else this.notices.append(h("p", { "data-notice": key }, text));
  }

  tick() {
    write(this.time, this.clock.frozen ? "clock frozen" : Math.abs(this.clock.ahead) > 2 ? "clock moved" : "");
    this.controls.tick();
    this.panel.tick();
  }

  // -- token, commands, theme ---------------------------------------------------------------------------------------------------

  /** @param {boolean} wrong */
  askToken(wrong) {
    return new Promise((resolve) => {
      const input = h("input", { id: "token", type: "password", autocomplete: "off", required: true });
      const dialog = h("dialog.token", { "aria-label": "Token" },
        h("form", { method: "dialog", onsubmit: () => resolve(input.value) },
          h("h2", {}, "This server asks for its token"),
          h("p", {}, wrong ? "That was not it. " : "", "It was given as --admin-token, or printed when the server started. It is kept until this tab is closed."),
          h("label", { for: "token" }, "Token"), input, h("button.primary", { type: "submit" }, "Go on")));
      dialog.addEventListener("cancel", (event) => event.preventDefault());
      dialog.addEventListener("close", () => dialog.remove());
      document.body.append(dialog);
      dialog.showModal();
    });
  }

  /** @param {string} command */
  did(command) {
    this.controls.did(command);
    this.toast("done", h("code", {}, command), copyButton("copy", () => command));
  }

  /** Say something for a moment: over the drawer, too, which else would cover it.
      @param {string} kind
      @param {...Child} content */
  toast(kind, ...content) {
    const place = this.controls.dialog.open ? this.controls.dialog : document.body;
    if (this.toasts.parentElement !== place) place.append(this.toasts);
    const toast = h(`p.toast.is-${kind}`, {}, content);
    this.toasts.replaceChildren(toast);
    setTimeout(() => toast.remove(), 6000);
  }

  nextTheme() {
    const themes = Object.keys(THEMES);
    this.setTheme(themes[(themes.indexOf(this.chosenTheme) + 1) % themes.length]);
  }

  /** @param {string} theme */
  setTheme(theme) {
    this.chosenTheme = theme;
    localStorage.setItem("mcmock-theme", theme);
    if (theme === "auto") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = theme;
    write(this.theme, THEMES[theme] ?? "");
    this.theme.setAttribute("aria-label", `Theme: ${theme}`);
    this.theme.title = `Theme: ${theme}`;
  }
}

/** An Exchange as `?brief=1` has it.
    @param {Exchange} exchange */
function briefOf(exchange) {
  const { requestHeaders, responseHeaders, responseBody, body, ...brief } = exchange;
  return brief;
}

/** Whether the id in a request is a session's: a player may name any id in a path, and be refused. */
const mayBeSession = (/** @type {Brief} */ { sessionId, kind, verdict }) => sessionId !== null
  && (["event", "interact"].includes(kind) ? ["created", "accepted", "gone"].includes(verdict) : ["session", "downloaded"].includes(kind));

const app = new App();
app.start().catch((error) => {
  console.error(error);
  app.put(h("div.empty", {}, h("h1", {}, "The server does not answer"), h("p", {}, error.message)));
});
