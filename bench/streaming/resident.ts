const MIB = 2 ** 20;

/** Memory that is looked at only now and then says the same and costs less. */
const LOOK_EVERY_FRAMES = 50;

/** Follows this process's resident memory from a frame on, when everything has been loaded. */
export class ResidentMemory {
  readonly #settledFrames: number;
  #settled = Number.NaN;
  #least = Infinity;
  #most = 0;
  #seen = 0;

  constructor(settledFrames: number) {
    this.#settledFrames = settledFrames;
  }

  /** To be called at each frame. */
  see(): void {
    this.#seen += 1;
    if (this.#seen < this.#settledFrames || this.#seen % LOOK_EVERY_FRAMES !== 0) return;
    const resident = process.memoryUsage.rss() / MIB;
    this.#settled = Number.isNaN(this.#settled) ? resident : this.#settled;
    this.#least = Math.min(this.#least, resident);
    this.#most = Math.max(this.#most, resident);
  }

  /** @returns whether it stayed within ± `allowedMib` of what it was, and words that say so */
  judge(allowedMib: number): { flat: boolean; words: string } {
    const [down, up] = [this.#least - this.#settled, this.#most - this.#settled];
    const flat = up <= allowedMib && -down <= allowedMib;
    const words =
      `resident memory: ${this.#settled.toFixed(1)} MiB after ${this.#settledFrames} frames, then ` +
      `${down.toFixed(1)} to +${up.toFixed(1)} MiB: ${flat ? 'flat' : 'NOT flat'} (±${allowedMib} MiB)`;
    return { flat, words };
  }
}
