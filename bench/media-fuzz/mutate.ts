import { cp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { randomStream, type RandomStream } from '../../src/base/random.js';
import type { Whole } from './corpus.js';

/** A damaged file; a pure function of the whole file, the seed and the number. */
export interface Mutant {
  readonly number: number;
  readonly container: string;
  /** What was done to it. */
  readonly damage: string;
  readonly path: string;
}

type Change = (bytes: Buffer, random: RandomStream) => Buffer;

/** A stretch of some bytes, mostly a short one. */
function stretch(bytes: Buffer, random: RandomStream): readonly [from: number, to: number] {
  const most = random.uniform() < 0.7 ? Math.min(400, bytes.length) : bytes.length >> 1;
  const length = random.integer(1, Math.max(1, most));
  const from = random.integer(0, Math.max(0, bytes.length - length));
  return [from, Math.min(bytes.length, from + length)];
}

function flipBytes(bytes: Buffer, random: RandomStream, within: number): Buffer {
  const flipped = Buffer.from(bytes);
  for (let i = random.integer(1, 24); i > 0; i -= 1) {
    flipped[random.integer(0, within - 1)] = random.integer(0, 255);
  }
  return flipped;
}

/** Top-level boxes of an mp4, or pieces of equal length of anything else. */
function pieces(bytes: Buffer): Buffer[] {
  const found: Buffer[] = [];
  if (bytes.toString('latin1', 4, 8) === 'ftyp') {
    for (let at = 0; at + 8 <= bytes.length;) {
      const length = Math.max(8, bytes.readUInt32BE(at));
      found.push(bytes.subarray(at, at + length));
      at += length;
    }
  } else {
    // A transport stream's packets stay whole.
    const length = Math.max(188, Math.floor(bytes.length / 8 / 188) * 188);
    for (let at = 0; at < bytes.length; at += length) found.push(bytes.subarray(at, at + length));
  }
  return found;
}

const CHANGES: Readonly<Record<string, Change>> = {
  'bytes flipped': (bytes, random) => flipBytes(bytes, random, bytes.length),
  'bytes of the head flipped': (bytes, random) =>
    flipBytes(bytes, random, Math.min(bytes.length, 300)),
  'cut short': (bytes, random) => bytes.subarray(0, random.integer(1, bytes.length)),
  'its beginning lost': (bytes, random) => bytes.subarray(random.integer(1, bytes.length >> 1)),
  'a range doubled': (bytes, random) => {
    const [from, to] = stretch(bytes, random);
    return Buffer.concat([bytes.subarray(0, to), bytes.subarray(from)]);
  },
  'a range lost': (bytes, random) => {
    const [from, to] = stretch(bytes, random);
    return Buffer.concat([bytes.subarray(0, from), bytes.subarray(to)]);
  },
  'a range of zeros': (bytes, random) => {
    const [from, to] = stretch(bytes, random);
    return Buffer.from(bytes).fill(0, from, to);
  },
  'a range of noise': (bytes, random) => {
    const [from, to] = stretch(bytes, random);
    const noisy = Buffer.from(bytes);
    for (let i = from; i < to; i += 1) noisy[i] = random.integer(0, 255);
    return noisy;
  },
  'boxes swapped': (bytes, random) => {
    const parts = pieces(bytes);
    const [a, b] = [0, 0].map(() => random.integer(0, parts.length - 1)) as [number, number];
    [parts[a], parts[b]] = [parts[b]!, parts[a]!];
    return Buffer.concat(parts);
  },
  'a box lost': (bytes, random) => {
    const parts = pieces(bytes);
    parts.splice(random.integer(0, parts.length - 1), 1);
    return parts.length === 0 ? bytes.subarray(0, 1) : Buffer.concat(parts);
  },
  'the file behind itself': (bytes) => Buffer.concat([bytes, bytes]),
  'bytes added': (bytes, random) =>
    Buffer.concat([bytes, Buffer.alloc(random.integer(1, 5000), random.integer(0, 255))]),
};

/**
 * Writes damaged file `number` into a folder. Containers take turns, damages are drawn.
 * @returns what was made, the same for the same seed and number
 */
export async function makeMutant(
  whole: readonly Whole[],
  number: number,
  options: { readonly seed: number; readonly folder: string },
): Promise<Mutant> {
  const { name: container, path: source } = whole[number % whole.length]!;
  const random = randomStream(options.seed, 'data', `media-fuzz/${number}`);
  const names = Object.keys(CHANGES);
  const damage = names[random.integer(0, names.length - 1)]!;
  const change = CHANGES[damage]!;
  const changeFile = async (path: string, target: string): Promise<void> => {
    await writeFile(target, change(await readFile(path), random));
  };
  if (container !== 'pictures') {
    const path = join(options.folder, `${number}.${container}`);
    await changeFile(source, path);
    return { number, container, damage, path };
  }
  const path = join(options.folder, `${number}-pictures`);
  await cp(source, path, { recursive: true });
  const files = (await readdir(path)).sort();
  const file = join(path, files[random.integer(0, files.length - 1)]!);
  // Now and then a picture is not there at all.
  if (random.uniform() < 0.2) {
    await rm(file);
    return { number, container, damage: 'a picture lost', path };
  }
  await changeFile(file, file);
  return { number, container, damage: `a picture with ${damage}`, path };
}
