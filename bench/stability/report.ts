import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { decode } from 'fast-png';
import { BACKGROUND, splitStrip, writeStrip, type RgbImage } from '../../src/training/run/strip.js';
import type { Result } from './one-run.js';
import { BASE, SETTINGS, type Setting } from './settings.js';

type Measured = NonNullable<Result['measured']>;

const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |\n`;

/** `0.93 … 1.21` of the seeds; a dash where nothing could be measured. */
function rangeOf(results: readonly Result[], key: keyof Measured, digits: number): string {
  const known = results.flatMap(({ measured }) => measured?.[key] ?? []);
  if (known.length === 0) return '–';
  const [least, most] = [Math.min(...known).toFixed(digits), Math.max(...known).toFixed(digits)];
  return least === most ? least : `${least} … ${most}`;
}

const countsOf = (words: readonly string[]): string =>
  [...new Set(words)]
    .map((word) => `${words.filter((one) => one === word).length} ${word}`)
    .join(', ');

/** `2 of 3: 2 dots, 1 frozen`, or `0 of 3`. */
export function endingOf(results: readonly Result[]): string {
  if (results.length === 0) return '–';
  const bad = results.filter(({ collapsed }) => Object.keys(collapsed).length > 0);
  const words = countsOf(bad.flatMap(({ collapsed }) => Object.keys(collapsed)));
  return `${bad.length} of ${results.length}${words === '' ? '' : `: ${words}`}`;
}

const COLUMNS = [
  ['checker', 'checker', 2],
  ['motion', 'motion', 2],
  ['condition use', 'conditionUse', 2],
  ['diversity', 'diversity', 2],
  ['PSNR dB', 'psnr', 2],
  ['SSIM', 'ssim', 3],
] as const;

const resultsOf = (results: readonly Result[], { name }: Setting, control: string): Result[] =>
  results.filter((one) => one.setting === name && one.control === control);

/** Markdown: a row for each hostile setting and side of control, with how its runs ended. */
export function hostileTable(results: readonly Result[]): string {
  const titles = ['setting', 'control', 'collapsed', ...COLUMNS.map(([title]) => title), 'acts'];
  const rows = SETTINGS.filter(({ healthy }) => !healthy).flatMap((setting) =>
    (['off', 'on'] as const).flatMap((control) => {
      const of = resultsOf(results, setting, control);
      if (of.length === 0) return [];
      const acts = countsOf(
        of.flatMap((one) =>
          Object.entries(one.acts).flatMap(([act, times]) => Array<string>(times).fill(act)),
        ),
      );
      const cells = COLUMNS.map(([, key, digits]) => rangeOf(of, key, digits));
      return [line([setting.name, control, endingOf(of), ...cells, acts || '–'])];
    }),
  );
  return line(titles) + line(titles.map(() => '---')) + rows.join('');
}

const meanOf = (results: readonly Result[], key: 'psnr' | 'ssim'): number | null => {
  const known = results.flatMap(({ measured }) => measured?.[key] ?? []);
  return known.length === 0 ? null : known.reduce((sum, value) => sum + value, 0) / known.length;
};

/** How much less, in percent, healthy settings reach with control. */
export function healthyTable(results: readonly Result[]): string {
  const titles = ['setting', 'PSNR dB off', 'on', 'change', 'SSIM off', 'on', 'change'];
  const rows = SETTINGS.filter(({ healthy }) => healthy).flatMap((setting) => {
    const [off, on] = (['off', 'on'] as const).map((control) =>
      resultsOf(results, setting, control),
    );
    if (off!.length + on!.length === 0) return [];
    const cells = (['psnr', 'ssim'] as const).flatMap((key) => {
      const [without, withIt] = [meanOf(off!, key), meanOf(on!, key)];
      const digits = key === 'psnr' ? 2 : 3;
      const change =
        without === null || withIt === null
          ? '–'
          : `${((100 * (withIt - without)) / without).toFixed(1)} %`;
      return [without?.toFixed(digits) ?? '–', withIt?.toFixed(digits) ?? '–', change];
    });
    return [line([setting.name, ...cells])];
  });
  return line(titles) + line(titles.map(() => '---')) + rows.join('');
}

function sizeOf({ keys }: Setting): { width: number; height: number } {
  const size = keys['data.size'] ?? BASE['data.size'];
  if (typeof size !== 'string') throw new Error('data.size is written as WIDTHxHEIGHT');
  const [width = 0, height = 0] = size.split('x').map(Number);
  return { width, height };
}

/** What `evaluate` left of a run: condition | generated | real, a row for each moment. */
async function lastMoment(path: string, setting: Setting): Promise<RgbImage[] | undefined> {
  if (!existsSync(path)) return undefined;
  const { width, height, data } = decode(await readFile(path));
  if (!(data instanceof Uint8Array)) throw new Error(`${path} is no picture of 8 bits`);
  return splitStrip({ width, height, data }, sizeOf(setting)).at(-1);
}

const TIMES = 2;

/** Each pixel as a square of `TIMES`: pictures of 64×48 are small on a screen. */
function enlarged({ width, height, data }: RgbImage): RgbImage {
  const made = new Uint8Array(width * height * 3 * TIMES * TIMES);
  for (let y = 0; y < height * TIMES; y += 1) {
    for (let x = 0; x < width * TIMES; x += 1) {
      const from = (Math.floor(y / TIMES) * width + Math.floor(x / TIMES)) * 3;
      made.set(data.subarray(from, from + 3), (y * width * TIMES + x) * 3);
    }
  }
  return { width: width * TIMES, height: height * TIMES, data: made };
}

/**
 * One row for each setting that collapses without control, by the first seed that does: condition, what was
 * generated without, with control, and the real frame. What a run did not leave is grey.
 * @param pictureOf the path of a run's evaluation.png
 * @returns the settings of the rows; none where none collapsed, and then there is no picture
 */
export async function writePicture(
  path: string,
  results: readonly Result[],
  pictureOf: (setting: string, seed: number, control: 'off' | 'on') => string,
): Promise<string[]> {
  const names: string[] = [];
  const rows: RgbImage[][] = [];
  for (const setting of SETTINGS) {
    const tipped = resultsOf(results, setting, 'off').find(
      ({ collapsed }) => Object.keys(collapsed).length > 0,
    );
    if (tipped === undefined) continue;
    const [off, on] = await Promise.all(
      (['off', 'on'] as const).map((control) =>
        lastMoment(pictureOf(setting.name, tipped.seed, control), setting),
      ),
    );
    const size = sizeOf(setting);
    const blank = { ...size, data: new Uint8Array(size.width * size.height * 3).fill(BACKGROUND) };
    const seen = on ?? off;
    const condition = seen?.length === 3 ? seen[0]! : blank;
    const row = [condition, off?.at(-2) ?? blank, on?.at(-2) ?? blank, seen?.at(-1) ?? blank];
    names.push(setting.name);
    rows.push(row.map(enlarged));
  }
  if (rows.length > 0) await writeStrip(path, rows, { gapPixels: 4 });
  return names;
}
