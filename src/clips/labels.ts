import { readFile } from 'node:fs/promises';
import { isAbsolute, join } from 'node:path';
import { parse } from 'yaml';
import { z } from 'zod';
import { FrameloomError, messageOf } from '../base/error.js';
import type { PixelFormat } from '../video/index.js';
import { paletteOptions, type Palette, type PairedOptions } from './condition-options.js';
import type { Colour } from './types.js';

/** Colours that are remembered; a lossy label video can hold millions. */
const REMEMBERED_COLOURS = 1 << 16;
const UNKNOWN = -1;

export type LabelOptions = Extract<PairedOptions, { content: 'labels' }>;

/**
 * Reads a palette file: a JSON or YAML map of class name to [red, green, blue].
 * @throws FrameloomError not-found, bad-data
 */
export async function loadPalette(palette: string | Palette, baseFolder: string): Promise<Palette> {
  if (typeof palette !== 'string') return palette;
  const path = isAbsolute(palette) ? palette : join(baseFolder, palette);
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    throw new FrameloomError('not-found', `cannot read the palette ${path}: ${messageOf(error)}`, {
      hint: 'write the palette into the pipeline or give the path of a JSON or YAML file',
      path,
      cause: error,
    });
  }
  let content: unknown;
  try {
    content = parse(text);
  } catch (error) {
    throw new FrameloomError('bad-data', `${path} is neither JSON nor YAML: ${messageOf(error)}`, {
      path,
      cause: error,
    });
  }
  const parsed = paletteOptions.safeParse(content);
  if (!parsed.success) {
    throw new FrameloomError('bad-data', `${path}: ${z.prettifyError(parsed.error)}`, {
      hint: 'a palette is a map such as road: [128, 64, 128]',
      path,
    });
  }
  return parsed.data;
}

/** A colour, or an id, that no class has. */
export interface UnknownLabel {
  /** [red, green, blue], or [id]. */
  readonly value: readonly number[];
  /** The first frame it was seen in. */
  readonly frame: number;
  /** Pixels of that colour in all frames. */
  pixels: number;
}

/** What was met while reading label maps. */
export interface LabelTally {
  readonly classPixels: number[];
  /** Pixels of labels that count for nothing. */
  ignoredPixels: number;
  readonly unknown: Map<number, UnknownLabel>;
}

/** Turns label pictures (colours by palette, or grey ids) into one id byte a pixel. */
export class LabelReader {
  readonly classNames: readonly string[];
  /** What frames must be decoded to: rgb24 for colours, gray for ids. */
  readonly pixelFormat: 'rgb24' | 'gray';
  /** Colours of the classes; none where maps hold ids. */
  readonly colours: readonly Colour[];
  readonly #tolerance: number;
  readonly #ids = new Map<number, number>();

  private constructor(classNames: string[], colours: readonly Colour[], tolerance: number) {
    this.classNames = classNames;
    this.pixelFormat = colours.length > 0 ? 'rgb24' : 'gray';
    this.colours = colours;
    this.#tolerance = tolerance;
  }

  /** @throws FrameloomError not-found, bad-data where the palette file is unusable */
  static async create(options: LabelOptions, baseFolder: string): Promise<LabelReader> {
    if (options.palette === undefined) {
      const names = Array.from({ length: options.classes ?? 1 }, (_, id) => String(id));
      return new LabelReader(names, [], 0);
    }
    const palette = await loadPalette(options.palette, baseFolder);
    return new LabelReader(Object.keys(palette), Object.values(palette), options.toleranceLevels);
  }

  /** Whether maps hold ids, and not colours. */
  get holdsIds(): boolean {
    return this.colours.length === 0;
  }

  get classes(): number {
    return this.classNames.length;
  }

  /** Tells readers apart that would read the same map differently. */
  get fingerprint(): string {
    return JSON.stringify([this.classNames, this.colours, this.#tolerance]);
  }

  /** ffmpeg's name of the colour that bars are filled with: the first class. */
  get padColour(): string {
    const hex = (this.colours[0] ?? [0, 0, 0]).map((level) => level.toString(16).padStart(2, '0'));
    return `0x${hex.join('')}`;
  }

  newTally(): LabelTally {
    const classPixels = new Array<number>(this.classes).fill(0);
    return { classPixels, ignoredPixels: 0, unknown: new Map() };
  }

  /**
   * @param bytes one frame in this reader's pixel format; ids may come as rgb24 too, of which all
   *   three channels have to be the id
   * @param frame its number, for messages
   * @param tally where unknown labels are written down (their pixels become id 0); without it the
   *   first one is an error
   * @throws FrameloomError bad-data
   */
  toIds(
    bytes: Uint8Array,
    frame: number,
    tally?: LabelTally,
    pixelFormat: PixelFormat = this.pixelFormat,
  ): Uint8Array {
    const step = pixelFormat === 'rgb24' ? 3 : 1;
    const ids = new Uint8Array(bytes.length / step);
    const unknown = tally?.unknown ?? new Map<number, UnknownLabel>();
    for (let i = 0, j = 0; i < ids.length; i += 1, j += step) {
      const key = step === 1 ? bytes[j]! : (bytes[j]! << 16) | (bytes[j + 1]! << 8) | bytes[j + 2]!;
      const id = step === 1 ? this.#known(key) : this.holdsIds ? this.#grey(key) : this.#idOf(key);
      if (id === UNKNOWN) {
        const seen = unknown.get(key);
        if (seen) seen.pixels += 1;
        else if (unknown.size < REMEMBERED_COLOURS) {
          const value = Array.from(bytes.subarray(j, j + step));
          const isId = this.holdsIds && value.every((level) => level === value[0]);
          unknown.set(key, { value: isId ? value.slice(0, 1) : value, frame, pixels: 1 });
        }
      } else {
        ids[i] = id;
        if (tally) tally.classPixels[id]! += 1;
      }
    }
    if (!tally && unknown.size > 0) throw this.unknownError(unknown);
    return ids;
  }

  /** The error that names the commonest unknown label, where it was met and what to do. */
  unknownError(unknown: ReadonlyMap<number, UnknownLabel>, path?: string): FrameloomError {
    const worst = [...unknown.values()].sort((a, b) => b.pixels - a.pixels);
    const first = worst[0]!;
    const others =
      worst.length > 1 ? `, and ${worst.length - 1} other ${this.#what(worst.length - 1)}` : '';
    const pixels = `${first.pixels} pixel${first.pixels === 1 ? '' : 's'}`;
    const detail = path === undefined ? {} : { path };
    const where = `(first in frame ${first.frame}, ${pixels}${others})`;
    if (this.holdsIds && first.value.length > 1) {
      return new FrameloomError(
        'bad-data',
        `the label maps hold colours such as [${first.value.join(', ')}], and classes: ${this.classes} wants ids as grey levels ${where}`,
        { hint: 'give palette: {name: [red, green, blue], …} instead of classes', ...detail },
      );
    }
    if (this.holdsIds) {
      return new FrameloomError(
        'bad-data',
        `label id ${first.value.join()} is not below classes: ${this.classes} ${where}`,
        { hint: 'raise data.condition.classes, or mend the label maps', ...detail },
      );
    }
    const { name, distance } = this.#nearest(first.value);
    return new FrameloomError(
      'bad-data',
      `label colour [${first.value.join(', ')}] is not in the palette ${where}`,
      {
        hint: `the nearest is ${name}, ${distance} levels off; add the colour, store label videos without loss (FFV1, PNG), or raise toleranceLevels`,
        ...detail,
      },
    );
  }

  #known(id: number): number {
    return id < this.classes ? id : UNKNOWN;
  }

  /** The id that stands in all three channels. */
  #grey(key: number): number {
    const id = key & 255;
    return key === id * 0x010101 ? this.#known(id) : UNKNOWN;
  }

  #what(count: number): string {
    return `${this.holdsIds ? 'label' : 'colour'}${count === 1 ? '' : 's'}`;
  }

  #idOf(key: number): number {
    const known = this.#ids.get(key);
    if (known !== undefined) return known;
    const { id, distance } = this.#nearest([key >> 16, (key >> 8) & 255, key & 255]);
    const found = distance <= this.#tolerance ? id : UNKNOWN;
    if (this.#ids.size >= REMEMBERED_COLOURS) this.#ids.clear();
    this.#ids.set(key, found);
    return found;
  }

  /** The class whose colour differs least in its worst channel. */
  #nearest(colour: readonly number[]): { id: number; name: string; distance: number } {
    let id = 0;
    let distance = Number.POSITIVE_INFINITY;
    this.colours.forEach((candidate, i) => {
      const worst = Math.max(...candidate.map((level, c) => Math.abs(level - colour[c]!)));
      if (worst < distance) [id, distance] = [i, worst];
    });
    return { id, name: this.classNames[id] ?? '?', distance };
  }
}
