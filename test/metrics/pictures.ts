import { readFileSync } from 'node:fs';
import type { Image } from '../../src/metrics/index.js';

/** An image whose value at (x, y, channel) is given, in [-1, 1]. */
export function paint(
  width: number,
  height: number,
  value: (x: number, y: number, channel: number) => number,
  channels = 3,
): Image {
  const data = new Float32Array(width * height * channels);
  for (let i = 0; i < data.length; i += 1) {
    const pixel = Math.floor(i / channels);
    data[i] = value(pixel % width, Math.floor(pixel / width), i % channels);
  }
  return { width, height, channels, data };
}

/** A smooth picture full of detail, moved right and down by (dx, dy) pixels. */
export const waves = (dx: number, dy: number, width = 64, height = 48): Image =>
  paint(width, height, (x, y) => {
    const [u, v] = [x - dx, y - dy];
    return (Math.sin(u / 3.1) + Math.cos(v / 4.3 + u / 7) + Math.sin((u + 2 * v) / 9)) / 3.2;
  });

export interface GoldenTensor {
  readonly shape: number[];
  readonly values: number[];
}

/** The cases of test/golden/NAME.json. */
export function golden<Case>(name: string): (Case & { name: string })[] {
  const url = new URL(`../golden/${name}.json`, import.meta.url);
  const document = JSON.parse(readFileSync(url, 'utf8')) as { cases: (Case & { name: string })[] };
  return document.cases;
}

/** A golden [H,W,C] tensor as an image. */
export function imageOf({ shape, values }: GoldenTensor): Image {
  const [height, width, channels] = shape as [number, number, number];
  return { width, height, channels, data: Float32Array.from(values) };
}
