/* Fetches again what has changed, never more often than the server can bear. */

import { messageOf } from "./format.js";

const SHARE = 4;
const LONGEST = 10_000;

/** Runs `work` soon after `ask`: at once when idle, then `least` ms apart, or `share` times as long as it took. */
export class Refresh {
  /** @param {() => Promise<void>} work */
  constructor(work, least = 200, share = SHARE) {
    this.work = work;
    this.least = least;
    this.share = share;
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    this.timer = undefined;
    this.running = false;
    this.wanted = false;
    this.hurried = false;
    this.notBefore = 0;
  }

  ask() {
    this.wanted = true;
    if (this.running || this.timer !== undefined) return;
    this.timer = setTimeout(() => this.run(), this.hurried ? 0 : Math.max(0, this.notBefore - performance.now()));
  }

  /** What somebody has just done is shown without a pause. */
  hurry() {
    this.hurried = true;
    clearTimeout(this.timer);
    this.timer = undefined;
    this.ask();
  }

  async run() {
    this.timer = undefined;
    this.running = true;
    this.wanted = this.hurried = false;
    const started = performance.now();
    try {
      await this.work();
    } catch (error) {
      console.warn("mcmock:", messageOf(error)); // the stream's state tells the user; the next change tries again
    }
    const took = performance.now() - started;
    this.notBefore = performance.now() + Math.max(this.least, Math.min(took * this.share, LONGEST));
    this.running = false;
    if (this.wanted) this.ask();
  }
}
