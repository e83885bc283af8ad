import type { InferenceSession } from 'onnxruntime-common';
import { FrameloomError } from '../base/error.js';
import { borrowedWords, type BorrowedWords } from './borrowed-words.js';

/** Pixels. */
export interface FrameSize {
  readonly width: number;
  readonly height: number;
}

/** What is expected of a network from elsewhere. */
export interface BorrowedContract {
  /** The option that names its file, as its reader gives it. */
  readonly option: string;
  /** How many pictures, or windows, it is shown side by side. */
  readonly inputs: 1 | 2;
  /** Windows [N,3,T,H,W] instead of pictures [N,3,H,W]. */
  readonly hasTime: boolean;
  /** Whether it sees frames at another size than their own, where it takes that alone. */
  readonly resizes: boolean;
}

/** A window's length where the file leaves it open. */
const WINDOW_FRAMES = 16;
/** Axes of an input, by what is expected of each. */
const AXES = { picture: ['N', '3', 'H', 'W'], window: ['N', '3', 'T', 'H', 'W'] } as const;

/** A size of an axis; null where it is open. */
const fixedSize = (size: number | string | undefined): number | null =>
  typeof size === 'number' && size > 0 ? size : null;

function portWords({ name, ...port }: InferenceSession.ValueMetadata): string {
  if (!port.isTensor) return `${name}, which is no tensor`;
  const sizes = port.shape.map((size) => fixedSize(size) ?? (size || '?'));
  return `${name} ${port.type} [${sizes.join(',')}]`;
}

/** What a file's inputs fix, where they are what is expected; null where they are not. */
function fixedBy(
  inputs: readonly InferenceSession.ValueMetadata[],
  { inputs: count, hasTime }: BorrowedContract,
) {
  const axes = hasTime ? AXES.window : AXES.picture;
  if (inputs.length !== count) return null;
  const shapes = inputs.map((input) => {
    if (!input.isTensor || input.type !== 'float32') return null;
    // A file need not say what it takes; then the first run shows it.
    if (input.shape.length === 0) return axes.map(() => null);
    if (input.shape.length !== axes.length) return null;
    const sizes = input.shape.map(fixedSize);
    return sizes[1] === null || sizes[1] === 3 ? sizes : null;
  });
  const [first, other] = shapes;
  if (!first || shapes.includes(null)) return null;
  if (other && first.some((size, i) => size !== other[i] && size !== null && other[i] !== null)) {
    return null;
  }
  const merged = first.map((size, i) => size ?? other?.[i] ?? null);
  return {
    samples: merged[0] ?? null,
    frames: hasTime ? (merged[2] ?? null) : null,
    height: merged.at(-2) ?? null,
    width: merged.at(-1) ?? null,
  };
}

/** What is known of a file before it is run. */
export interface Checked {
  readonly words: BorrowedWords;
  readonly samples: number | null;
  readonly frames: number;
  readonly size: FrameSize;
  readonly output: string;
}

/**
 * Holds what a file takes and gives against what is expected of it.
 * @param frame the size of the frames that it is to look at
 * @param named the option and the file, for errors
 * @throws FrameloomError bad-input
 */
export function checkBorrowed(
  session: InferenceSession,
  metadata: Readonly<Record<string, string>>,
  contract: BorrowedContract,
  frame: FrameSize,
  named: string,
): Checked {
  const words = borrowedWords(metadata, named);
  const bad = (message: string, hint?: string): FrameloomError =>
    new FrameloomError('bad-input', `${named} ${message}`, { ...(hint !== undefined && { hint }) });
  const fixed = fixedBy(session.inputMetadata, contract);
  if (!fixed) {
    const has = session.inputMetadata.map(portWords).join(' and ');
    const axes = `float32 [${(contract.hasTime ? AXES.window : AXES.picture).join(',')}]`;
    const wanted = contract.inputs === 1 ? `one input ${axes}` : `two inputs ${axes} of one size`;
    throw bad(`takes ${has || 'nothing'}`, `expected is ${wanted}`);
  }
  const own = { width: fixed.width, height: fixed.height };
  const size = {
    width: own.width ?? words.size?.width ?? frame.width,
    height: own.height ?? words.size?.height ?? frame.height,
  };
  const said = (of: { width: number | null; height: number | null }): string =>
    `${of.width ?? 'W'}x${of.height ?? 'H'}`;
  if (words.size && said(size) !== said(words.size)) {
    throw bad(
      `takes pictures of ${said(own)} and says frameloom.size ${said(words.size)}`,
      'leave one of them open',
    );
  }
  if (!contract.resizes && !words.size && said(size) !== said(frame)) {
    throw bad(
      `takes pictures of ${said(size)}, and the frames are ${said(frame)}`,
      'export it with open height and width, or at the size of the frames',
    );
  }
  if (words.frames !== null && fixed.frames !== null && words.frames !== fixed.frames) {
    throw bad(
      `takes windows of ${fixed.frames} frames and says frameloom.frames ${words.frames}`,
      'leave one of them open',
    );
  }
  const { outputNames } = session;
  const output = words.output ?? (outputNames.length === 1 ? outputNames[0] : undefined);
  if (output === undefined || !outputNames.includes(output)) {
    throw bad(
      output === undefined
        ? `gives ${outputNames.join(', ') || 'nothing'}`
        : `says frameloom.output ${output}, and gives ${outputNames.join(', ')}`,
      'expected is one output; frameloom.output in its metadata names the one that counts',
    );
  }
  const frames = contract.hasTime ? (fixed.frames ?? words.frames ?? WINDOW_FRAMES) : 1;
  return { words, samples: fixed.samples, frames, size, output };
}
