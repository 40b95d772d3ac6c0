/* Makes elements. Text is only ever set as text: nothing that was recorded can become markup. */

/** @typedef {Node | string | null | undefined | false | readonly any[]} Child */
/** @typedef {Record<string, any>} Attributes */

/** The element of a tag.
    @template {string} Tag
    @typedef {Tag extends keyof HTMLElementTagNameMap ? HTMLElementTagNameMap[Tag] : HTMLElement} Tagged */
/** The element of a name such as "button.primary".
    @template {string} N
    @typedef {N extends `${infer Tag}.${string}` ? Tagged<Tag> : Tagged<N>} Made */

/** An element: `h("button.primary", {onclick, "aria-label": "Close"}, "×")`. Children are nodes, text or nothing.
    @template {string} N
    @param {N} name
    @param {Attributes} [attributes]
    @param {...Child} children
    @returns {Made<N>} */
export function h(name, attributes = {}, ...children) {
  const [tag, ...classes] = name.split(".");
  const made = document.createElement(tag ?? "");
  if (classes.length) made.className = classes.join(" ");
  for (const [key, value] of Object.entries(attributes)) set(made, key, value);
  made.append(...present(children));
  return /** @type {Made<N>} */ (made);
}

/** What there is of `children`, in one list.
    @param {Child[]} children
    @returns {(Node | string)[]} */
function present(children) {
  return children.flatMap((child) => {
    if (child === null || child === undefined || child === false) return [];
    return Array.isArray(child) ? present(child) : [/** @type {Node | string} */ (child)];
  });
}

/** @param {Element} element @param {string} key @param {any} value */
function set(element, key, value) {
  if (value === null || value === undefined || value === false) return;
  if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
  else if (key === "value") /** @type {HTMLInputElement} */ (element).value = value;
  else element.setAttribute(key, value === true ? "" : String(value));
}

/** @typedef {Child | (() => Child)} Late */

/** @type {EventTarget | null} */
let pressed = null; // what a finger or a mouse button is down on: taken away now, it would never be clicked
/** @type {Map<Element, Late[]>} */
const held = new Map();

document.addEventListener("pointerdown", (event) => (pressed = event.target), true);
document.addEventListener("click", () => (pressed = null), true);
for (const end of ["pointerup", "pointercancel"]) document.addEventListener(end, () => setTimeout(release), true);
window.addEventListener("blur", release);

function release() {
  pressed = null;
  const late = [...held];
  held.clear();
  for (const [parent, children] of late) refill(parent, ...children);
}

/** Put `children` in place of what `parent` holds, and the focus back on the element with the same `data-key`. Where something in
    `parent` is being pressed, after that; `children` may be a function that makes them then.
    @param {Element} parent
    @param {...Late} children */
export function refill(parent, ...children) {
  held.delete(parent);
  if (pressed instanceof Node && parent.contains(pressed)) {
    held.set(parent, children);
    return;
  }
  const focused = document.activeElement;
  const back = focused instanceof HTMLElement && parent.contains(focused) ? wayBack(parent, focused) : null;
  const made = children.map((one) => (typeof one === "function" ? one() : one));
  parent.replaceChildren(...present(made));
  back?.();
}

/** What puts the focus on `element` again, or on what has its `data-key` and its turn among those with the same one.
    @param {Element} parent
    @param {HTMLElement} element */
export function wayBack(parent, element) {
  const { key } = element.dataset;
  const keyed = () => /** @type {HTMLElement[]} */ ([...parent.querySelectorAll("[data-key]")]);
  const alike = () => keyed().filter((one) => one.dataset.key === key);
  const turn = alike().indexOf(element);
  return () => key && (alike()[turn] ?? alike()[0])?.focus();
}

/** Change an element's text, if it is another.
    @param {Element} element
    @param {string} text */
export function write(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** @param {string} name */
export const icon = (name) => h(`span.icon.icon-${name}`, { "aria-hidden": "true" });

/** Put `text` on the clipboard; over plain HTTP from another device browsers only offer the old way.
    @param {string} text */
export async function copy(text) {
  if (navigator.clipboard && window.isSecureContext) return navigator.clipboard.writeText(text);
  const area = h("textarea.offstage", { value: text, readonly: true });
  (document.querySelector("dialog[open]") ?? document.body).append(area);
  area.select();
  document.execCommand("copy");
  area.remove();
}

/** A button that copies what `text()` gives and says so on itself for a moment.
    @param {string} label
    @param {() => string} text
    @param {Attributes} [attributes] */
export function copyButton(label, text, attributes = {}) {
  const button = h("button.quiet", { type: "button", ...attributes }, label);
  button.addEventListener("click", async () => {
    await copy(text());
    button.textContent = "Copied";
    setTimeout(() => (button.textContent = label), 1200);
  });
  return button;
}
