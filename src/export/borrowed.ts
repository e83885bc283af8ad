import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { Tensor } from 'onnxruntime-common';
import { FrameloomError, messageOf } from '../base/error.js';
import type { Image } from '../metrics/image.js';
import { resizeImage } from '../metrics/resize.js';
import {
  checkBorrowed,
  type BorrowedContract,
  type Checked,
  type FrameSize,
} from './borrowed-check.js';
import type { BorrowedWords } from './borrowed-words.js';
import { hasExternalData } from './external-data.js';
import { runtimeWords, type OnnxProgram } from './feeds.js';
import { readProperties } from './metadata.js';
import { openRuntime } from './runtime.js';

export type { BorrowedContract } from './borrowed-check.js';

/** What a network gave: `dims[0]` samples. */
export interface BorrowedOutput {
  readonly data: ArrayLike<number | bigint>;
  readonly dims: readonly number[];
}

/** A network from elsewhere that looks at frames. */
export interface Borrowed {
  readonly path: string;
  /** Of the file, in hexadecimal digits. */
  readonly sha256: string;
  readonly words: BorrowedWords;
  /** Frames of a window; 1 of pictures. */
  readonly frames: number;
  /** Samples that are best shown at once. */
  readonly samples: number;
  /** One frame as it is fed: [3,H,W]. */
  planes(image: Image): Float32Array;
  /**
   * @param inputs for each of its inputs the samples, each of them its frames, as `planes` gave them
   * @throws FrameloomError bad-input where it fails, or gives numbers that are not finite
   */
  run(inputs: readonly (readonly (readonly Float32Array[])[])[]): Promise<BorrowedOutput>;
  /** An error about it, which names the option and the file. */
  refuse(message: string, hint?: string, cause?: unknown): FrameloomError;
  release(): Promise<void>;
}

/** Samples at once: so many pixels, and no more samples. What layers hold is a hundred times as much. */
const MOST_PIXELS = 2 ** 18;
const MOST_SAMPLES = 8;

async function readNetwork(path: string, option: string): Promise<Uint8Array> {
  try {
    return await readFile(path);
  } catch (error) {
    throw new FrameloomError('not-found', `${option}: cannot read ${path}: ${messageOf(error)}`, {
      path,
      hint: 'name an ONNX file',
      cause: error,
    });
  }
}

/** A frame as a network wants it: at its size, in its range, channel after channel. */
function planesOf(image: Image, { size, words }: Pick<Checked, 'size' | 'words'>): Float32Array {
  const { data } = resizeImage(image, size);
  const { range, mean, std } = words;
  const [black, white] = range;
  const pixels = size.width * size.height;
  const planes = new Float32Array(3 * pixels);
  for (let channel = 0; channel < 3; channel += 1) {
    const [middle, spread] = [mean[channel]!, std[channel]!];
    for (let i = 0, at = channel; i < pixels; i += 1, at += 3) {
      const value = black + ((data[at]! + 1) / 2) * (white - black);
      planes[channel * pixels + i] = (value - middle) / spread;
    }
  }
  return planes;
}

/** The samples of one input behind each other, [N,3,T,H,W], the last one again where some are missing. */
function fill(
  samples: readonly (readonly Float32Array[])[],
  count: number,
  pixels: number,
): Float32Array {
  const frames = samples[0]!.length;
  const all = new Float32Array(count * frames * 3 * pixels);
  for (let n = 0; n < count; n += 1) {
    const sample = samples[Math.min(n, samples.length - 1)]!;
    for (const [t, planes] of sample.entries()) {
      for (let channel = 0; channel < 3; channel += 1) {
        const plane = planes.subarray(channel * pixels, (channel + 1) * pixels);
        all.set(plane, ((n * 3 + channel) * frames + t) * pixels);
      }
    }
  }
  return all;
}

/** Types of numbers that are read as such. */
const READ: ReadonlySet<Tensor.Type> = new Set([
  ...(['float32', 'float64', 'int64', 'int32', 'int16', 'int8', 'uint16', 'uint8'] as const),
]);

/**
 * Opens a network that somebody names, to look at frames of this size. All of its numbers have to lie in its file.
 * @throws FrameloomError not-found; bad-input where it is no ONNX file, or takes something else; untrusted where its
 *   numbers lie in other files; backend without ONNX Runtime. Each names the option, and what the file has
 */
export async function openBorrowed(
  path: string,
  contract: BorrowedContract,
  frame: FrameSize,
): Promise<Borrowed> {
  const named = `${contract.option}: ${path}`;
  const refuse = (message: string, hint?: string, cause?: unknown): FrameloomError =>
    new FrameloomError('bad-input', `${named} ${message}`, {
      ...{ path, cause },
      ...(hint !== undefined && { hint }),
    });
  const file = await readNetwork(path, contract.option);
  const unreadable = (error: unknown): FrameloomError =>
    refuse(`cannot be loaded: ${runtimeWords(error)}`, 'name an ONNX file', error);
  if (file.length === 0) throw unreadable('it is empty');
  let metadata: Record<string, string>;
  try {
    metadata = readProperties(file);
    if (hasExternalData(file)) {
      throw new FrameloomError('untrusted', `${named} has numbers in other files`, {
        path,
        hint: 'export it with all of them in one: torch.onnx.export(…, external_data=False)',
      });
    }
  } catch (error) {
    if (error instanceof FrameloomError) throw error;
    throw unreadable(error);
  }
  let program: OnnxProgram;
  try {
    program = await openRuntime(file, path);
  } catch (error) {
    if (error instanceof FrameloomError && error.code !== 'bad-input') throw error;
    throw unreadable(error instanceof FrameloomError ? (error.cause ?? error) : error);
  }
  const { session, Tensor } = program;
  let checked: Checked;
  try {
    checked = checkBorrowed(session, metadata, contract, frame, named);
  } catch (error) {
    await session.release();
    throw error;
  }
  const { words, size, frames, output } = checked;
  const pixels = size.width * size.height;
  const fitting = Math.floor(MOST_PIXELS / (pixels * frames));
  const samples = checked.samples ?? Math.max(1, Math.min(MOST_SAMPLES, fitting));

  async function run(
    inputs: readonly (readonly (readonly Float32Array[])[])[],
  ): Promise<BorrowedOutput> {
    const wanted = inputs[0]!.length;
    const count = checked.samples ?? wanted;
    const time = contract.hasTime ? [frames] : [];
    const dims = [count, 3, ...time, size.height, size.width];
    const feeds = Object.fromEntries(
      inputs.map((input, i) => [
        session.inputNames[i]!,
        new Tensor('float32', fill(input, count, pixels), dims),
      ]),
    );
    let made: Tensor;
    try {
      made = (await session.run(feeds, [output]))[output]!;
    } catch (error) {
      throw refuse(
        `fails on pictures of ${size.width}x${size.height}: ${runtimeWords(error)}`,
        'frameloom.size in its metadata says which size frames are brought to',
        error,
      );
    }
    if (!READ.has(made.type))
      throw refuse(`gives ${made.type}`, 'expected are float32 or integers');
    if (made.dims[0] !== count) {
      throw refuse(
        `gives [${made.dims.join(',')}] for ${count} samples`,
        'expected is one for each',
      );
    }
    const data = made.data as Exclude<Tensor['data'], string[]>;
    const each = data.length / count;
    const own = data.subarray(0, wanted * each) as ArrayLike<number | bigint>;
    const wrong = Array.prototype.find.call(
      own,
      (value: number | bigint) => typeof value === 'number' && !Number.isFinite(value),
    ) as number | undefined;
    if (wrong !== undefined) {
      throw refuse(
        `gives ${wrong}`,
        'expected are finite numbers: does it get the range it wants?',
      );
    }
    return { data: own, dims: [wanted, ...made.dims.slice(1)] };
  }
  return {
    ...{ path, words, frames, samples, run, refuse },
    sha256: createHash('sha256').update(file).digest('hex'),
    planes: (image) => planesOf(image, checked),
    release: () => session.release(),
  };
}
