/* The drawer of controls: faults, clock, log. Whatever it does is shown as the curl command that does the same. */

import { copyButton, h, refill, write } from "./dom.js";
import { FaultForm } from "./faultform.js";
import { count, messageOf, seconds, timeOfDay } from "./format.js";

/** @import { Api } from "./api.js" */
/** @import { Clock } from "./clock.js" */
/** @import { Preset, Vocabulary } from "./types.d.ts" */

const REMEMBERED = 30;
/** @type {[number, string][]} */
const JUMPS = [[10, "+10 s"], [60, "+1 min"], [601, "+10 min"], [1801, "+30 min"]];

export class Controls {
  /** @type {HTMLElement} */
  faults;
  /** @type {HTMLSelectElement} */
  presets;
  /** @type {HTMLElement} */
  presetAbout;
  /** @type {HTMLElement} */
  formPlace;
  /** @type {HTMLOutputElement} */
  time;
  /** @type {HTMLButtonElement} */
  freezing;
  /** @type {HTMLInputElement} */
  jump;
  /** @type {HTMLElement} */
  done;
  /** @type {HTMLElement} */
  error;
  /** @type {HTMLDialogElement} */
  dialog;

  /** @param {Api} api @param {Clock} clock @param {{ cleared: () => void }} hooks */
  constructor(api, clock, { cleared }) {
    this.api = api;
    this.clock = clock;
    this.cleared = cleared;
    /** @type {string[]} */
    this.commands = [];
    /** @type {Map<string, Preset>} */
    this.known = new Map();
    this.count = 0;
    this.build();
  }

  build() {
    this.faults = h("ul.faults", { "aria-label": "Faults in force" });
    this.presets = h("select", { id: "preset", "aria-label": "Preset" });
    this.presetAbout = h("p.hint", {});
    this.presets.addEventListener("change", () => this.tellPreset());
    this.formPlace = h("details.more", {}, h("summary", {}, "A fault of your own"));
    this.time = h("output.time", {});
    this.freezing = h("button.quiet", { type: "button", onclick: () => this.freeze() }, "Freeze");
    this.jump = h("input", { type: "number", min: 0, step: "any", placeholder: "seconds", "aria-label": "Seconds to advance" });
    this.done = h("ol.commands", { "aria-label": "Commands this page has run" });
    this.error = h("p.error", { role: "alert" });
    this.dialog = h("dialog.controls", { "aria-label": "Controls" },
      h("header", {}, h("h2", {}, "Controls"), h("button.tool", { type: "button", "aria-label": "Close the controls", onclick: () => this.dialog.close() }, "✕")),
      this.error, this.faultPart(), this.clockPart(), this.logPart(),
      h("section", { "aria-label": "As curl" }, h("h3", {}, "What this page did, as curl"), this.done));
    this.dialog.addEventListener("click", (event) => event.target === this.dialog && this.dialog.close());
  }

  faultPart() {
    const add = h("button.primary", { type: "button", onclick: () => this.try(() => this.api.command("POST", `presets/${this.presets.value}`)) }, "Add preset");
    const none = h("button.quiet", { type: "button", onclick: () => this.try(() => this.api.command("DELETE", "faults")) }, "Remove all");
    return h("section", { "aria-label": "Faults" }, h("h3", {}, "Faults"), this.faults,
      h("div.row", {}, this.presets, add, none), this.presetAbout, this.formPlace);
  }

  clockPart() {
    const jumps = JUMPS.map(([by, label]) => h("button.quiet", { type: "button", onclick: () => this.advance(by) }, label));
    const own = h("form.row", { "aria-label": "Advance the clock", onsubmit: (/** @type {SubmitEvent} */ event) => {
      event.preventDefault();
      if (this.jump.value !== "") this.advance(Number(this.jump.value));
    } }, this.jump, h("button.quiet", { type: "submit" }, "Advance"));
    return h("section", { "aria-label": "Clock" }, h("h3", {}, "Clock"), h("div.row", {}, this.time, this.freezing), h("div.row", {}, jumps), own);
  }

  logPart() {
    /** @param {string} label @param {() => unknown} act */
    const action = (label, act) => h("button.quiet", { type: "button", onclick: () => this.try(act) }, label);
    return h("section", { "aria-label": "Log" }, h("h3", {}, "Log"), h("div.row", {},
      action("Download NDJSON", () => this.api.download("requests.ndjson", "mcmock.ndjson")),
      action("Download HAR", () => this.api.download("requests.har", "mcmock.har")),
      action("Clear the log", () => this.api.command("DELETE", "requests").then(this.cleared)),
      action("Reset everything", () => this.api.command("POST", "reset").then(this.cleared))));
  }

  // -- open, and what it shows --------------------------------------------------------------------------------------------

  open() {
    this.dialog.showModal();
    this.refresh();
  }

  async refresh() {
    await this.try(async () => {
      const [faults, presets, clock] = await Promise.all([this.api.get("faults", { faults: [] }), this.api.get("presets"), this.api.get("clock", null)]);
      if (clock) this.clock.set(clock);
      this.showFaults(faults.faults);
      this.showPresets(presets.presets);
    }, false);
    this.tick();
  }

  /** @param {Vocabulary & { faultRule: any }} vocabulary */
  offerForm(vocabulary) {
    const form = new FaultForm(vocabulary, (rule) => this.api.command("POST", "faults", rule).then(() => this.refresh()));
    this.formPlace.append(form.root);
  }

  /** Run `act`, and show what the server says if it refuses.
      @param {() => unknown} act */
  async try(act, then = true) {
    write(this.error, "");
    try {
      await act();
      if (then) await this.refresh();
    } catch (error) {
      write(this.error, messageOf(error));
    }
  }

  /** @param {Record<string, any>[]} faults */
  showFaults(faults) {
    this.count = faults.length;
    refill(this.faults, faults.length ? faults.map((fault) => this.faultItem(fault)) : h("li.none", {}, "No fault in force: every request gets its true answer."));
  }

  /** @param {Record<string, any>} fault */
  faultItem(fault) {
    const { type, ...attributes } = fault.effect;
    const told = Object.entries(attributes).filter(([, value]) => !isEmpty(value)).map(([name, value]) => `${name} ${phrase(value)}`);
    return h("li", {}, h("div", {}, h("strong", {}, fault.name), h("p", {}, [type, ...told].join(" · ")), h("p.hint", {}, this.conditions(fault))),
      h("span.hits", {}, count(fault.hits ?? 0, "hit")),
      h("button.tool", { type: "button", "data-key": `remove-${fault.name}`, "aria-label": `Remove ${fault.name}`, onclick: () => this.try(() => this.api.command("DELETE", `faults/${encodeURIComponent(fault.name)}`)) }, "✕"));
  }

  /** @param {Record<string, any>} fault */
  conditions(fault) {
    const match = Object.entries(fault.match ?? {}).map(([name, value]) => `${name} ${phrase(value)}`);
    return [
      match.length ? `at ${match.join(", ")}` : "at every request", `${fault.side} processing`,
      fault.times === null ? null : count(fault.times, "time"), fault.skip ? `after the first ${fault.skip}` : null,
      fault.probability < 1 ? `${Math.round(fault.probability * 100)} % of them` : null,
      fault.forSeconds ? `for ${seconds(fault.forSeconds)}` : null, fault.per === "session" ? "per session" : null,
      fault.active === false ? "spent" : null,
    ].filter(Boolean).join(" · ");
  }

  /** @param {Preset[]} presets */
  showPresets(presets) {
    this.known = new Map(presets.map((preset) => [preset.name, preset]));
    if (this.presets.options.length !== presets.length) this.presets.replaceChildren(...presets.map((one) => h("option", { value: one.name }, one.name)));
    this.tellPreset();
  }

  tellPreset() {
    write(this.presetAbout, this.known.get(this.presets.value)?.about ?? "");
  }

  // -- the clock ------------------------------------------------------------------------------------------------------------

  /** @param {number} by */
  advance(by) {
    return this.try(() => this.api.command("POST", "clock/advance", { seconds: by }));
  }

  freeze() {
    return this.try(() => this.api.command("POST", this.clock.frozen ? "clock/resume" : "clock/freeze"));
  }

  tick() {
    if (!this.dialog.open) return;
    const ahead = Math.round(this.clock.ahead);
    const shift = Math.abs(ahead) < 2 ? "" : `, ${seconds(Math.abs(ahead))} ${ahead > 0 ? "ahead" : "behind"}`;
    write(this.time, `${timeOfDay(this.clock.now)}${this.clock.frozen ? ", frozen" : ""}${shift}`);
    write(this.freezing, this.clock.frozen ? "Let it run" : "Freeze");
  }

  // -- as curl --------------------------------------------------------------------------------------------------------------

  /** @param {string} command */
  did(command) {
    this.commands.unshift(command);
    this.commands.splice(REMEMBERED);
    refill(this.done, this.commands.map((line) => h("li", {}, h("code", {}, line), copyButton("copy", () => line))));
  }
}

/** @param {unknown} value */
const isEmpty = (value) => typeof value === "object" && value !== null && !Object.keys(value).length;

/** A wanted value or an attribute in words: a list is any of its members.
    @param {unknown} value */
function phrase(value) {
  if (Array.isArray(value)) return value.join(" or ");
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}
