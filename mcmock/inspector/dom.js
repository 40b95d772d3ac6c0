/* Makes elements. Text is only ever set as text: nothing that was recorded can become markup. */

/** An element: `h("button.primary", {onclick, "aria-label": "Close"}, "×")`. Children are nodes, text or nothing. */
export function h(name, attributes = {}, ...children) {
  const [tag, ...classes] = name.split(".");
  const made = document.createElement(tag);
  if (classes.length) made.className = classes.join(" ");
  for (const [key, value] of Object.entries(attributes)) set(made, key, value);
  made.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return made;
}

function set(element, key, value) {
  if (value === null || value === undefined || value === false) return;
  if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
  else if (key === "value") element.value = value;
  else element.setAttribute(key, value === true ? "" : String(value));
}

let pressed = null; // what a finger or a mouse button is down on: taken away now, it would never be clicked
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
    `parent` is being pressed, after that; `children` may be a function that makes them then. */
export function refill(parent, ...children) {
  held.delete(parent);
  if (pressed !== null && parent.contains(pressed)) {
    held.set(parent, children);
    return;
  }
  const back = parent.contains(document.activeElement) ? wayBack(parent, document.activeElement) : null;
  const made = children.map((one) => (typeof one === "function" ? one() : one));
  parent.replaceChildren(...made.flat(Infinity).filter(Boolean));
  back?.();
}

/** What puts the focus on `element` again, or on what has its `data-key` and its turn among those with the same one. */
export function wayBack(parent, element) {
  const { key } = element.dataset;
  const alike = () => [...parent.querySelectorAll("[data-key]")].filter((one) => one.dataset.key === key);
  const turn = alike().indexOf(element);
  return () => key && (alike()[turn] ?? alike()[0])?.focus();
}

/** Change an element's text, if it is another. */
export function write(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

export const icon = (name) => h(`span.icon.icon-${name}`, { "aria-hidden": "true" });

/** Put `text` on the clipboard; over plain HTTP from another device browsers only offer the old way. */
export async function copy(text) {
  if (navigator.clipboard && window.isSecureContext) return navigator.clipboard.writeText(text);
  const area = h("textarea.offstage", { value: text, readonly: true });
  (document.querySelector("dialog[open]") ?? document.body).append(area);
  area.select();
  document.execCommand("copy");
  area.remove();
}

/** A button that copies what `text()` gives and says so on itself for a moment. */
export function copyButton(label, text, attributes = {}) {
  const button = h("button.quiet", { type: "button", ...attributes }, label);
  button.addEventListener("click", async () => {
    await copy(text());
    button.textContent = "Copied";
    setTimeout(() => (button.textContent = label), 1200);
  });
  return button;
}
