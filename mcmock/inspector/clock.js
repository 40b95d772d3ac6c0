/* The emulator's clock as the page knows it: asked for now and then, carried on in between. */

export class Clock {
  constructor() {
    this.base = Date.now() / 1000;
    this.read = performance.now();
    this.frozen = false;
  }

  /** @param {{ now: number, frozen: boolean }} told */
  set({ now, frozen }) {
    this.base = now;
    this.read = performance.now();
    this.frozen = frozen;
  }

  /** Seconds since the epoch, by the emulator. */
  get now() {
    return this.frozen ? this.base : this.base + (performance.now() - this.read) / 1000;
  }

  /** Seconds by which it is ahead of this device's clock. */
  get ahead() {
    return this.now - Date.now() / 1000;
  }
}
