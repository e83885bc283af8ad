/** Levels between two bins of a histogram; a level between them counts for both, by nearness. */
const BIN_LEVELS = 32;
const BINS_PER_CHANNEL = 256 / BIN_LEVELS + 1;
const BINS = 3 * BINS_PER_CHANNEL;
/** A mean luma change of a quarter of the range counts as a wholly different picture. */
const FULL_LUMA_CHANGE = 64;
/** A cut changes one frame; a camera or a beak that rushes past changes several in a row. */
const STANDS_OUT = 1.75;
const NEIGHBOURS = 2;

/**
 * Measures how much each frame differs from the one before: half the mean absolute difference of
 * luma, half the total variation between the histograms of red, green and blue. 0 is the same
 * picture, 1 another one altogether. Bins are soft: a light that fades slowly changes little.
 */
export class SceneMeter {
  #luma: Uint8Array | undefined;
  #histogram: Float64Array | undefined;

  /** @param rgb HWC bytes of the next frame; kept no longer than the call. */
  push(rgb: Uint8Array): number {
    const pixels = Math.floor(rgb.length / 3);
    const luma = new Uint8Array(pixels);
    const levels = new Uint32Array(3 * 256);
    for (let i = 0, j = 0; i < pixels; i += 1, j += 3) {
      const r = rgb[j]!;
      const g = rgb[j + 1]!;
      const b = rgb[j + 2]!;
      luma[i] = (77 * r + 150 * g + 29 * b) >> 8;
      levels[r]! += 1;
      levels[256 + g]! += 1;
      levels[512 + b]! += 1;
    }
    const histogram = softHistogram(levels);
    const score =
      this.#luma && this.#histogram
        ? (lumaChange(this.#luma, luma) + histogramChange(this.#histogram, histogram, pixels)) / 2
        : 0;
    this.#luma = luma;
    this.#histogram = histogram;
    return score;
  }
}

function softHistogram(levels: Uint32Array): Float64Array {
  const histogram = new Float64Array(BINS);
  levels.forEach((count, i) => {
    const place = (i % 256) / BIN_LEVELS;
    const bin = Math.floor(i / 256) * BINS_PER_CHANNEL + Math.floor(place);
    const upper = place % 1;
    histogram[bin]! += count * (1 - upper);
    histogram[bin + 1]! += count * upper;
  });
  return histogram;
}

function lumaChange(before: Uint8Array, after: Uint8Array): number {
  let sum = 0;
  for (let i = 0; i < after.length; i += 1) sum += Math.abs(after[i]! - before[i]!);
  return Math.min(1, sum / after.length / FULL_LUMA_CHANGE);
}

function histogramChange(before: Float64Array, after: Float64Array, pixels: number): number {
  let sum = 0;
  for (let i = 0; i < BINS; i += 1) sum += Math.abs(after[i]! - before[i]!);
  return sum / (2 * 3 * pixels);
}

/**
 * The frames that begin a new scene: changed by at least `threshold`, and by 1.75 times the change
 * of each of the two frames before and after. A flash, which changes two frames, is no cut; nor is
 * a slow dissolve.
 * @param scores the change of each frame from the one before, as SceneMeter gives it
 */
export function findSceneCuts(scores: readonly number[], threshold: number): number[] {
  const cuts: number[] = [];
  for (let i = 1; i < scores.length; i += 1) {
    const score = scores[i]!;
    if (score < threshold) continue;
    const around = [
      ...scores.slice(Math.max(1, i - NEIGHBOURS), i),
      ...scores.slice(i + 1, i + 1 + NEIGHBOURS),
    ];
    if (score >= STANDS_OUT * Math.max(0, ...around)) cuts.push(i);
  }
  return cuts;
}
