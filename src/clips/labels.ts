import { readFile } from 'node:fs/promises';
import { isAbsolute, join } from 'node:path';
import { parse } from 'yaml';
import { z } from 'zod';
import { FrameloomError, messageOf } from '../base/error.js';
import type { PixelFormat } from '../video/index.js';
import {
  ignoredOf,
  paletteOptions,
  type Palette,
  type PairedOptions,
} from './condition-options.js';
import { IGNORED_ID, idTable, UNKNOWN_ID, type IdRange, type IdRules } from './label-ids.js';
import { unknownLabels, type LabelMeaning, type UnknownLabel } from './unknown-labels.js';
import type { Colour } from './types.js';

/** Colours that are remembered; a lossy label video can hold millions. */
const REMEMBERED_COLOURS = 1 << 16;

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

/** What was met while reading label maps. */
export interface LabelTally {
  readonly classPixels: number[];
  /** Pixels of labels that count for nothing. */
  ignoredPixels: number;
  readonly unknown: Map<number, UnknownLabel>;
}

interface ReaderParts {
  readonly classNames: readonly string[];
  readonly colours: readonly Colour[];
  readonly tolerance: number;
  /** Colours that count for nothing. */
  readonly ignored: readonly Colour[];
  /** Of maps of ids. */
  readonly rules: IdRules | null;
}

/** Turns label pictures (colours by palette, or ids) into one id byte a pixel. */
export class LabelReader {
  readonly classNames: readonly string[];
  /** What frames must be decoded to: rgb24 for colours, gray for ids. */
  readonly pixelFormat: 'rgb24' | 'gray';
  /** Colours of the classes; none where maps hold ids. */
  readonly colours: readonly Colour[];
  readonly #parts: ReaderParts;
  /** The class of each id as it stands in a file. */
  readonly #byId: Int16Array;
  readonly #ids = new Map<number, number>();

  private constructor(parts: ReaderParts) {
    const { classNames, colours, rules } = parts;
    this.classNames = classNames;
    this.pixelFormat = colours.length > 0 ? 'rgb24' : 'gray';
    this.colours = colours;
    this.#parts = parts;
    this.#byId = rules ? storedIds(rules) : new Int16Array();
  }

  /** @throws FrameloomError not-found, bad-data where the palette file is unusable */
  static async create(options: LabelOptions, baseFolder: string): Promise<LabelReader> {
    const { palette: given, classes = 1, remap, divideIdsBy } = options;
    const ignored = ignoredOf(options.ignore, given !== undefined);
    if (given === undefined) {
      const ignore = ignored as IdRange[];
      return new LabelReader({
        classNames: Array.from({ length: classes }, (_, id) => String(id)),
        ...{ colours: [], tolerance: 0, ignored: [] },
        rules: { classes, ignore, remap, divideIdsBy },
      });
    }
    const palette = await loadPalette(given, baseFolder);
    const colours = Object.values(palette);
    if (ignored.length > 0 && colours.length > IGNORED_ID) {
      throw new FrameloomError(
        'bad-data',
        `a palette of ${colours.length} colours leaves no id for what is ignored`,
        { hint: `name at most ${IGNORED_ID}`, path: 'data.condition.palette' },
      );
    }
    return new LabelReader({
      classNames: Object.keys(palette),
      ...{ colours, tolerance: options.toleranceLevels, rules: null },
      ignored: ignored as Colour[],
    });
  }

  /** Whether maps hold ids, and not colours. */
  get holdsIds(): boolean {
    return this.#parts.rules !== null;
  }

  get classes(): number {
    return this.classNames.length;
  }

  /** Whether some labels count for nothing. */
  get ignores(): boolean {
    const { rules, ignored } = this.#parts;
    return rules
      ? this.classes <= IGNORED_ID && this.#byId.includes(IGNORED_ID)
      : ignored.length > 0;
  }

  /** Tells readers apart that would read the same map differently. */
  get fingerprint(): string {
    return JSON.stringify(this.#parts);
  }

  /**
   * ffmpeg's name of the colour that bars are filled with: of what is ignored where something is, else
   * of the first class.
   * @param isWide ids are of 16 bits, in two channels of a colour
   */
  padColour(isWide = false): string {
    const hex = (levels: readonly number[]): string =>
      `0x${levels.map((level) => level.toString(16).padStart(2, '0')).join('')}`;
    if (!this.holdsIds) return hex(this.#parts.ignored[0] ?? this.colours[0]!);
    const small = this.#byId.subarray(0, 256);
    const id = [IGNORED_ID, 0].map((wanted) => small.indexOf(wanted)).find((at) => at >= 0) ?? 0;
    return hex(isWide ? [0, 0, id] : [id, id, id]);
  }

  newTally(): LabelTally {
    const classPixels = new Array<number>(this.classes).fill(0);
    return { classPixels, ignoredPixels: 0, unknown: new Map() };
  }

  /**
   * @param bytes one frame in this reader's pixel format; ids may come as rgb24 too, of which all
   *   three channels have to be the id, or as gray16be
   * @param frame its number, for messages
   * @param tally where unknown labels are written down (their pixels become id 0); without it the
   *   first one is an error
   * @returns the class of each pixel; IGNORED_ID where it is of none
   * @throws FrameloomError bad-data
   */
  toIds(
    bytes: Uint8Array,
    frame: number,
    tally?: LabelTally,
    pixelFormat: PixelFormat = this.pixelFormat,
  ): Uint8Array {
    const step = STEPS[pixelFormat] ?? 1;
    const ids = new Uint8Array(bytes.length / step);
    const { holdsIds } = this;
    const unknown = tally?.unknown ?? new Map<number, UnknownLabel>();
    for (let i = 0, j = 0; i < ids.length; i += 1, j += step) {
      let key = bytes[j]!;
      if (step === 2) key = (key << 8) | bytes[j + 1]!;
      else if (step === 3) key = (key << 16) | (bytes[j + 1]! << 8) | bytes[j + 2]!;
      const id = !holdsIds ? this.#idOf(key) : step === 3 ? this.#grey(key) : this.#byId[key]!;
      if (id === UNKNOWN_ID) {
        const seen = unknown.get(key);
        if (seen) seen.pixels += 1;
        else if (unknown.size < REMEMBERED_COLOURS) {
          unknown.set(key, { value: this.#valueOf(key, step), frame, pixels: 1 });
        }
      } else {
        ids[i] = id;
        if (!tally) continue;
        if (id === IGNORED_ID && id >= this.classes) tally.ignoredPixels += 1;
        else tally.classPixels[id]! += 1;
      }
    }
    if (!tally && unknown.size > 0) {
      throw unknownLabels(this.#meaning(), { unknown, pixels: ids.length });
    }
    return ids;
  }

  /** The error that names the commonest unknown label, where it was met and what to do. */
  unknownError({ unknown, classPixels, ignoredPixels }: LabelTally, path: string): FrameloomError {
    let pixels = ignoredPixels;
    for (const count of classPixels) pixels += count;
    for (const label of unknown.values()) pixels += label.pixels;
    return unknownLabels(this.#meaning(), { unknown, pixels }, path);
  }

  #meaning(): LabelMeaning {
    const { rules } = this.#parts;
    const { classes } = this;
    return { rules, classes, nearest: (colour) => this.#nearest(colour) };
  }

  #valueOf(key: number, step: number): number[] {
    const levels = step === 3 ? [key >> 16, (key >> 8) & 255, key & 255] : [key];
    const isId = this.holdsIds && levels.every((level) => level === levels[0]);
    return isId ? levels.slice(0, 1) : levels;
  }

  /** The id that stands in all three channels. */
  #grey(key: number): number {
    const id = key & 255;
    return key === id * 0x010101 ? this.#byId[id]! : UNKNOWN_ID;
  }

  #idOf(key: number): number {
    const known = this.#ids.get(key);
    if (known !== undefined) return known;
    const { id, distance } = this.#nearest([key >> 16, (key >> 8) & 255, key & 255]);
    const found = distance <= this.#parts.tolerance ? id : UNKNOWN_ID;
    if (this.#ids.size >= REMEMBERED_COLOURS) this.#ids.clear();
    this.#ids.set(key, found);
    return found;
  }

  /** The class, or what is ignored, whose colour differs least in its worst channel. */
  #nearest(colour: readonly number[]): { id: number; name: string; distance: number } {
    let id = 0;
    let distance = Number.POSITIVE_INFINITY;
    const { colours, ignored } = this.#parts;
    const look = (candidate: Colour, own: number): void => {
      const worst = Math.max(...candidate.map((level, c) => Math.abs(level - colour[c]!)));
      if (worst < distance) [id, distance] = [own, worst];
    };
    colours.forEach(look);
    // A colour that is named in both is ignored.
    for (const one of ignored) {
      look(one, IGNORED_ID);
      if (distance === 0 && one.every((level, c) => level === colour[c])) id = IGNORED_ID;
    }
    return { id, name: this.classNames[id] ?? 'ignored', distance };
  }
}

/** Bytes of a pixel of each format that maps come in: colours, ids of 8 bits, ids of 16. */
const STEPS: Readonly<Partial<Record<PixelFormat, 1 | 2 | 3>>> = { gray: 1, gray16be: 2, rgb24: 3 };

/** The class of each id as it stands in a file, its instance with it. */
function storedIds(rules: IdRules): Int16Array {
  const { table } = idTable(rules);
  const { divideIdsBy } = rules;
  if (divideIdsBy === undefined) return table;
  return table.map((_, id) =>
    // Of a map that has no instances everywhere, nobody can tell class 7 from instance 7 of class 0.
    id > 0 && id < divideIdsBy ? UNKNOWN_ID : table[Math.floor(id / divideIdsBy)]!,
  );
}
