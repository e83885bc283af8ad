// What readers of the guides have already: the names that the code blocks use and do not make.
import type { Frame } from '../../src/index.js';
import type { Image } from '../../src/entries/train.js';

const PIXELS = 32 * 24;

/** Ids of ten classes. */
export const labelIds = new Uint8Array(PIXELS).fill(1);
/** An outline. */
export const conditionBytes = new Uint8Array(PIXELS).fill(255);
export const drawEdges = (tick: number, width: number, height: number): Uint8Array =>
  new Uint8Array(width * height).map((_, i) => ((i + tick) % 7 === 0 ? 255 : 0));
/** What was shown, and how long it took. */
export const shown: [bytes: number, ms: number][] = [];
export const show = (frame: Uint8Array, ms: number): void => void shown.push([frame.length, ms]);
export const repaint = (frame: Frame): Promise<Frame> => Promise.resolve(frame);
const image = (level: number): Image => ({
  ...{ width: 16, height: 16, channels: 3 },
  data: new Float32Array(3 * 16 * 16).map((_, i) => ((i * level) % 17) / 17),
});
export const lastSeen = image(1);
export const frames = [2, 3, 5].map((level) => ({
  generated: image(level),
  real: image(level + 1),
}));
/** Of a generator, as the metadata of its file says. */
export const [L, F, C, width, height] = [2, 3, 1, 32, 24] as const;
