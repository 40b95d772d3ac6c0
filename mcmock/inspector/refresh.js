/* Fetches again what has changed, never more often than the server can bear. */

const SHARE = 4;
const LONGEST = 10_000;

/** Runs `work` soon after `ask`: at once when idle, then `least` ms apart, or four times as long as it took. */
export class Refresh {
  constructor(work, least = 200) {
    Object.assign(this, { work, least, timer: null, running: false, wanted: false, hurried: false, notBefore: 0 });
  }

  ask() {
    this.wanted = true;
    if (this.running || this.timer !== null) return;
    this.timer = setTimeout(() => this.run(), this.hurried ? 0 : Math.max(0, this.notBefore - performance.now()));
  }

  /** What somebody has just done is shown without a pause. */
  hurry() {
    this.hurried = true;
    clearTimeout(this.timer);
    this.timer = null;
    this.ask();
  }

  async run() {
    this.timer = null;
    this.running = true;
    this.wanted = this.hurried = false;
    const started = performance.now();
    try {
      await this.work();
    } catch (error) {
      console.warn("mcmock:", error.message); // the stream's state tells the user; the next change tries again
    }
    const took = performance.now() - started;
    this.notBefore = performance.now() + Math.max(this.least, Math.min(took * SHARE, LONGEST));
    this.running = false;
    if (this.wanted) this.ask();
  }
}
