/* A table of any length: only the rows in sight exist. One row at a time can be reached by Tab, the arrows go on from it. */

import { h, icon, write } from "./dom.js";

const ROW = 30; // pixels, as in the style sheet
const SPARE = 8; // rows kept beyond each edge

/** @import { Brief, Mark } from "./marks.js" */

/** A request, or one event of an array.
    @typedef {Brief & { part?: number }} Entry */
/** @template {Entry} Kind
    @typedef {{ title: string, text: (row: Kind) => string | number | null, cls?: string, icon?: (row: Kind) => string }} Column */

/** @template {Entry} Kind */
export class Table {
  /** `columns`: {title, text(row), cls?}; `open(row)` is called for a chosen row; `empty` says that there is none.
      @param {{ label: string, columns: Column<Kind>[], open: (row: Kind) => void, empty: string }} options */
  constructor({ label, columns, open, empty }) {
    this.columns = columns;
    this.open = open;
    /** @type {Kind[]} */
    this.rows = [];
    this.at = 0;
    /** @type {number | null} */
    this.chosen = null;
    /** @type {Map<string, HTMLElement>} */
    this.drawn = new Map();
    /** @type {number | null} */
    this.due = null;
    this.dirty = false;
    this.from = 0;
    this.to = 0;
    this.stop = 0;
    this.head = h("tr", { role: "row" }, columns.map((column) => h(`th.${column.cls ?? "plain"}`, { scope: "col", role: "columnheader" }, column.title)));
    this.above = h("tr.spacer", { "aria-hidden": "true" });
    this.below = h("tr.spacer", { "aria-hidden": "true" });
    this.body = h("tbody", {});
    this.table = h("table.rows", { role: "grid", "aria-label": label, "aria-rowcount": 1 }, h("thead", {}, this.head), this.body);
    this.empty = h("p.none", { hidden: true }, empty);
    this.root = h("div.scroller", {}, this.table, this.empty);
    this.root.addEventListener("scroll", () => this.later());
    this.body.addEventListener("click", (event) => this.pick(event));
    this.body.addEventListener("focusin", (event) => (this.at = indexOf(event) ?? this.at));
    this.body.addEventListener("keydown", (event) => this.key(event));
    new ResizeObserver(() => this.later()).observe(this.root);
  }

  /** Show these rows; `follow` keeps the newest in sight for who stands at the end.
      @param {Kind[]} rows */
  show(rows, { follow = false } = {}) {
    const atEnd = this.root.scrollHeight - this.root.scrollTop - this.root.clientHeight < ROW * 2;
    this.rows = rows;
    this.at = Math.min(this.at, Math.max(rows.length - 1, 0));
    this.table.setAttribute("aria-rowcount", String(rows.length + 1));
    this.empty.hidden = rows.length > 0;
    this.dirty = true;
    this.draw();
    if (follow && atEnd) this.root.scrollTop = this.root.scrollHeight;
  }

  toEnd() {
    this.root.scrollTop = this.root.scrollHeight;
    this.draw();
  }

  /** @param {number | null} seq */
  choose(seq) {
    this.chosen = seq;
    const index = this.rows.findIndex((row) => row.seq === seq);
    if (index >= 0) {
      this.at = index;
      this.reveal(index);
    }
    this.dirty = true;
    this.draw();
  }

  later() {
    this.due ??= requestAnimationFrame(() => {
      this.due = null;
      this.draw();
    });
  }

  draw() {
    const from = Math.max(0, Math.floor(this.root.scrollTop / ROW) - SPARE);
    const to = Math.min(this.rows.length, Math.ceil((this.root.scrollTop + this.root.clientHeight) / ROW) + SPARE);
    if (!this.dirty && from === this.from && to === this.to) return;
    Object.assign(this, { from, to, dirty: false });
    this.above.style.height = `${from * ROW}px`;
    this.below.style.height = `${(this.rows.length - to) * ROW}px`;
    this.stop = Math.min(Math.max(this.at, from), to - 1); // Tab must find a row, wherever the table is scrolled to
    const focused = this.body.contains(document.activeElement) ? document.activeElement?.getAttribute("data-seq") : null;
    /** @type {Map<string, HTMLElement>} */
    const kept = new Map();
    const shown = [];
    for (let index = from; index < to; index += 1) {
      const row = this.rows[index];
      const id = row.part === undefined ? String(row.seq) : `${row.seq}.${row.part}`;
      const element = this.drawn.get(id) ?? h("tr", { role: "row", "data-seq": id }, this.columns.map((column) => h(`td.${column.cls ?? "plain"}`, { role: "gridcell" })));
      this.fill(element, row, index);
      kept.set(id, element);
      shown.push(element);
    }
    this.drawn = kept;
    this.arrange([this.above, ...shown, this.below]);
    if (focused && !this.body.contains(document.activeElement)) kept.get(focused)?.focus({ preventScroll: true });
  }

  /** Put the rows in place without taking out those that stay, which would lose the focus.
      @param {Element[]} wanted */
  arrange(wanted) {
    const stays = new Set(wanted);
    for (const child of [...this.body.children]) if (!stays.has(child)) child.remove();
    wanted.forEach((element, index) => {
      if (this.body.children[index] !== element) this.body.insertBefore(element, this.body.children[index] ?? null);
    });
  }

  /** @param {HTMLElement} element @param {Kind} row @param {number} index */
  fill(element, row, index) {
    element.setAttribute("aria-rowindex", String(index + 2));
    element.setAttribute("aria-selected", String(row.seq === this.chosen));
    element.tabIndex = index === this.stop ? 0 : -1;
    element.dataset.index = String(index);
    element.dataset.outcome = row.outcome;
    this.columns.forEach((column, place) => {
      const cell = /** @type {HTMLElement} */ (element.children[place]);
      const text = String(column.text(row) ?? "");
      if (cell.dataset.text === text) return;
      cell.dataset.text = text;
      if (column.icon) cell.replaceChildren(icon(column.icon(row)), h("span", {}, text));
      else write(cell, text);
      cell.title = column.cls === "notes" ? text : "";
    });
  }

  /** @param {Event} event */
  pick(event) {
    const index = indexOf(event);
    if (index === null) return;
    this.go(index);
    this.open(this.rows[this.at]);
  }

  /** @param {KeyboardEvent} event */
  key(event) {
    const page = Math.max(1, Math.floor(this.root.clientHeight / ROW) - 2);
    /** @type {Record<string, number>} */
    const steps = { ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page, Home: -this.rows.length, End: this.rows.length };
    if (event.key === "Enter" || event.key === " ") this.open(this.rows[this.at]);
    else if (event.key in steps) this.go(this.at + steps[event.key]);
    else return;
    event.preventDefault();
  }

  /** @param {number} index */
  go(index) {
    this.at = Math.min(Math.max(index, 0), this.rows.length - 1);
    this.reveal(this.at);
    this.dirty = true;
    this.draw();
    /** @type {HTMLElement | null} */ (this.body.querySelector(`tr[data-index="${this.at}"]`))?.focus({ preventScroll: true });
  }

  /** Back to the row that was left. */
  focus() {
    this.go(this.at);
  }

  /** @param {number} index */
  reveal(index) {
    const head = this.head.offsetHeight;
    const [top, bottom] = [index * ROW, (index + 1) * ROW + head];
    if (top < this.root.scrollTop) this.root.scrollTop = top;
    else if (bottom > this.root.scrollTop + this.root.clientHeight) this.root.scrollTop = bottom - this.root.clientHeight;
  }
}

/** The index of the row that an event came from.
    @param {Event} event */
function indexOf(event) {
  const row = event.target instanceof Element ? event.target.closest("tr[data-index]") : null;
  return row ? Number(row.getAttribute("data-index")) : null;
}
