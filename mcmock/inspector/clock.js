/* The emulator's clock as the page knows it: asked for now and then, carried on in between. */

export class Clock {
  constructor() {
    Object.assign(this, { base: Date.now() / 1000, read: performance.now(), frozen: false });
  }

  set({ now, frozen }) {
    Object.assign(this, { base: now, read: performance.now(), frozen });
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
