/* A form for a fault, made from the rule's JSON Schema and the vocabulary of Match: what the server can do, it offers. */

import { h, refill } from "./dom.js";
import { messageOf, words } from "./format.js";

/** @import { Vocabulary } from "./types.d.ts" */

/** @typedef {HTMLInputElement | HTMLSelectElement} Input */

const OFFERED = ["event", "kind", "session", "playhead"]; // Match fields with an input of their own
const ENVELOPE = ["skip", "times", "probability", "forSeconds", "per", "side"];

export class FaultForm {
  /** @type {HTMLSelectElement} */
  type;
  /** @type {HTMLElement} */
  about;
  /** @type {HTMLElement} */
  attributes;
  /** @type {HTMLElement} */
  error;
  /** @type {HTMLElement} */
  root;

  /** `vocabulary` has `faultRule`, a JSON Schema, `match` and `events`; `submit(rule)` is called with the rule made.
      @param {Vocabulary & { faultRule: any }} vocabulary
      @param {(rule: object) => Promise<unknown>} submit */
  constructor(vocabulary, submit) {
    this.vocabulary = vocabulary;
    this.submit = submit;
    /** @type {Map<string, { input: Input, schema: any }>} */
    this.inputs = new Map();
    /** @type {Map<string, any>} */
    this.effects = new Map(vocabulary.faultRule.properties.effect.oneOf.filter((/** @type {any} */ one) => one.properties).map((/** @type {any} */ one) => [one.properties.type.const, one]));
    this.build();
  }

  build() {
    this.type = h("select", { id: "fault-type", onchange: () => this.choose() }, [...this.effects.keys()].map((name) => h("option", { value: name }, name)));
    this.about = h("p.hint", {});
    this.attributes = h("div.fields", {});
    this.error = h("p.error", { role: "alert" });
    this.root = h("form.fault-form", { onsubmit: (/** @type {Event} */ event) => this.send(event), "aria-label": "Add a fault" },
      field("fault-type", "effect", this.type, null), this.about, this.attributes,
      h("fieldset", {}, h("legend", {}, "at which requests"), h("div.fields", {}, OFFERED.map((name) => this.matchField(name)))),
      h("fieldset", {}, h("legend", {}, "how often"), h("div.fields", {}, ENVELOPE.map((name) => this.field(name, this.vocabulary.faultRule.properties[name])))),
      this.error, h("button.primary", { type: "submit" }, "Add fault"));
    this.choose();
  }

  choose() {
    const effect = this.effects.get(this.type.value);
    this.about.textContent = `The client sees: ${effect.description}.`;
    for (const name of this.inputs.keys()) if (name.startsWith("effect.")) this.inputs.delete(name);
    const names = Object.keys(effect.properties).filter((name) => name !== "type");
    refill(this.attributes, names.map((name) => this.field(`effect.${name}`, effect.properties[name], effect.required.includes(name))));
  }

  /** @param {string} name */
  matchField(name) {
    const { about, words: choices } = this.vocabulary.match[name];
    const offered = name === "event" ? this.vocabulary.events : choices;
    return this.field(`match.${name}`, { description: about, ...(offered.length ? { enum: offered } : name === "playhead" ? { type: "number" } : {}) });
  }

  /** @param {string} name @param {any} schema */
  field(name, schema, required = false) {
    const input = inputFor(name, schema, required);
    this.inputs.set(name, { input, schema });
    return field(input.id, words(name.split(".").at(-1) ?? name), input, schema.description);
  }

  /** The rule as the inputs have it; what was left empty is left out. */
  rule() {
    /** @type {Record<string, any>} */
    const rule = { effect: { type: this.type.value }, match: {} };
    for (const [name, { input, schema }] of this.inputs) {
      const value = valueOf(input, schema, name);
      if (value === undefined) continue;
      const [part, key] = name.includes(".") ? name.split(".") : [null, name];
      if (part) rule[part][key] = value;
      else rule[key] = value;
    }
    return rule;
  }

  /** @param {Event} event */
  async send(event) {
    event.preventDefault();
    this.error.textContent = "";
    try {
      await this.submit(this.rule());
    } catch (error) {
      this.error.textContent = messageOf(error);
    }
  }
}

/** @param {string} id
    @param {string} label
    @param {HTMLInputElement | HTMLSelectElement} input
    @param {string | null | undefined} description */
function field(id, label, input, description) {
  if (description) input.title = description;
  return h("div.field", {}, h("label", { for: id }, label), input);
}

/** @param {string} name @param {any} schema @param {boolean} required */
function inputFor(name, schema, required) {
  const id = `fault-${name.replace(".", "-")}`;
  const kind = typeOf(schema);
  const attributes = { id, name, required };
  if (schema.enum) return h("select", attributes, h("option", { value: "" }, name.startsWith("match.") ? "any" : (schema.default ?? "by effect")), schema.enum.map((/** @type {string} */ one) => h("option", { value: one }, one)));
  if (kind === "boolean") return h("input", { ...attributes, type: "checkbox", required: false });
  if (kind === "integer" || kind === "number") return h("input", { ...attributes, type: "number", step: kind === "integer" ? 1 : "any", min: schema.minimum, max: schema.maximum, placeholder: schema.default ?? "" });
  return h("input", { ...attributes, type: "text", placeholder: example(schema, kind), spellcheck: "false", autocomplete: "off" });
}

/** What to type into a field for text or JSON.
    @param {any} schema
    @param {string} kind */
function example(schema, kind) {
  if (kind === "array") return `[${Array(schema.minItems ?? 1).fill("…").join(", ")}]`;
  if (kind === "object") return `{${Object.keys(schema.properties ?? { "…": 1 }).map((name) => `"${name}": …`).join(", ")}}`;
  return typeof schema.default === "string" ? schema.default : "";
}

/** The type of a schema, or of the one beside null.
    @param {any} schema */
const typeOf = (schema) => schema.type ?? schema.anyOf?.find((/** @type {any} */ one) => one.type !== "null")?.type ?? "any";

/** @param {HTMLInputElement | HTMLSelectElement} input @param {any} schema @param {string} name */
function valueOf(input, schema, name) {
  const kind = typeOf(schema);
  if (kind === "boolean") return (input instanceof HTMLInputElement && input.checked) || undefined;
  if (input.value === "") return undefined;
  if (kind === "integer" || kind === "number") return Number(input.value);
  if (kind === "object" || kind === "array") return parsed(input.value, name);
  return input.value;
}

/** @param {string} text @param {string} name */
function parsed(text, name) {
  try {
    return JSON.parse(text);
  } catch {
    throw new Error(`${name} must be JSON`);
  }
}
