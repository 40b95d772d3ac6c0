/* Follows /__admin/stream: server-sent events by fetch, since EventSource cannot send the token. Reconnects by itself. */

/** @import { Api } from "./api.js" */

/** @typedef {"live" | "lost" | "waiting"} State */

const FIRST_PAUSE = 500;
const MAX_PAUSE = 8000;
const EARLY_PAUSE = 1000;

export class Stream {
  /** `onEvent(name, value)` for each event; `onState(state, milliseconds until the next attempt)`: live, lost, or waiting for a
      scope's first request.
      @param {Api} api
      @param {(name: string, value: any) => void} onEvent
      @param {(state: State, pause: number) => void} onState */
  constructor(api, onEvent, onState) {
    this.api = api;
    this.onEvent = onEvent;
    this.onState = onState;
    /** @type {string | null} */
    this.lastId = null;
    this.pause = FIRST_PAUSE;
    this.stopped = false;
    this.isEarly = false;
    /** @type {AbortController | undefined} */
    this.abort = undefined;
  }

  async run() {
    while (!this.stopped) {
      this.isEarly = false;
      try {
        await this.follow();
      } catch {
        // lost or refused: either way it is tried again
      }
      if (this.isEarly) this.pause = EARLY_PAUSE;
      this.onState(this.isEarly ? "waiting" : "lost", this.pause);
      await new Promise((resolve) => setTimeout(resolve, this.pause));
      this.pause = Math.min(this.pause * 2, MAX_PAUSE);
    }
  }

  /** Forget where the stream was and connect anew, as after a change of scope. */
  restart() {
    this.lastId = null;
    this.pause = FIRST_PAUSE;
    this.abort?.abort();
  }

  async follow() {
    this.abort = new AbortController();
    /** @type {Record<string, string>} */
    const headers = { Accept: "text/event-stream", ...(this.lastId ? { "Last-Event-ID": this.lastId } : {}) };
    const response = await this.api.fetch("stream", { headers, signal: this.abort.signal, cache: "no-store" });
    this.isEarly = response.status === 404; // there is no such scope yet
    if (!response.ok || !response.body) throw new Error(`the stream answered ${response.status}`);
    this.pause = FIRST_PAUSE;
    this.onState("live", 0);
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    for (let rest = ""; ; ) {
      const { value, done } = await reader.read();
      if (done) return;
      const blocks = (rest + value).split(/\r?\n\r?\n/);
      rest = blocks.pop() ?? "";
      blocks.forEach((block) => this.take(block));
    }
  }

  /** @param {string} block */
  take(block) {
    const event = parse(block);
    if (event.id !== null) this.lastId = event.id;
    if (event.data !== null) this.onEvent(event.name, event.data);
  }
}

/** One block of an event stream; `data` is its JSON, null for a comment.
    @param {string} block
    @returns {{ name: string, id: string | null, data: any }} */
export function parse(block) {
  /** @type {ReturnType<typeof parse>} */
  const event = { name: "message", id: null, data: null };
  const lines = [];
  for (const line of block.split(/\r?\n/)) {
    const [, field, value] = /^([^:]*):? ?(.*)$/.exec(line) ?? [];
    if (field === "event") event.name = value;
    else if (field === "id") event.id = value;
    else if (field === "data") lines.push(value);
  }
  if (lines.length) event.data = JSON.parse(lines.join("\n"));
  return event;
}
