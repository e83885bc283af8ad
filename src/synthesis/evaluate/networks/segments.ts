import type { ConditionLayout } from '../../../clips/index.js';
import type { Borrowed } from '../../../export/borrowed.js';
import {
  createConfusion,
  type Confusion,
  type Faithfulness,
  type Image,
} from '../../../metrics/index.js';
import type { EvaluationRow } from '../row-makers.js';
import { rowsOf, type JudgedRow, type RowsFrame, type RowsJudge } from './rows.js';

/** Classes that a segmenter sees in a picture, one byte a pixel; those that it gives no class are of none. */
interface Seen {
  readonly width: number;
  readonly height: number;
  readonly ids: Uint8Array;
}

/** Frames that are looked at, evenly spread: a segmenter is the slowest of networks. */
const MOST_FRAMES = 256;
/** Ids are bytes, and the last of them is of no class. */
const MOST_CLASSES = 255;
const NO_CLASS = 255;

/** How many classes the output of a segmenter tells apart. @throws FrameloomError bad-input */
function classesOf(network: Borrowed, dims: readonly number[]): number {
  const isIds = dims.length === 3 || (dims.length === 4 && dims[1] === 1);
  const classes = isIds
    ? (network.words.classes ?? MOST_CLASSES)
    : dims.length === 4
      ? dims[1]!
      : 0;
  if (classes < 1 || classes > MOST_CLASSES) {
    throw network.refuse(
      `gives [${dims.join(',')}]`,
      `expected are logits [N,C,H,W] of at most ${MOST_CLASSES} classes, or their ids [N,H,W]`,
    );
  }
  return classes;
}

/** Numbers of a sample as ids of classes. */
function idsOf(
  numbers: ArrayLike<number | bigint>,
  start: number,
  { pixels, channels, classes }: { pixels: number; channels: number; classes: number },
): Uint8Array {
  const ids = new Uint8Array(pixels);
  for (let i = 0; i < pixels; i += 1) {
    let best = 0;
    if (channels === 1) best = Number(numbers[start + i]!);
    else {
      for (let id = 1; id < channels; id += 1) {
        if (numbers[start + id * pixels + i]! > numbers[start + best * pixels + i]!) best = id;
      }
    }
    ids[i] = best >= 0 && best < classes ? best : NO_CLASS;
  }
  return ids;
}

/**
 * What a segmenter sees in pictures.
 * @returns for each what it sees, and how many classes it tells apart
 * @throws FrameloomError bad-input
 */
export async function segmentsOf(
  network: Borrowed,
  pictures: readonly Float32Array[],
): Promise<{ seen: Seen[]; classes: number }> {
  const { data, dims } = await network.run([pictures.map((planes) => [planes])]);
  const classes = classesOf(network, dims);
  const [height, width] = dims.slice(-2) as [number, number];
  const channels = dims.length === 4 ? dims[1]! : 1;
  const pixels = width * height;
  const ids = { pixels, channels, classes };
  if (
    channels === 1 &&
    !Array.prototype.every.call(data, (value) => Number.isInteger(Number(value)))
  ) {
    throw network.refuse(
      `gives one channel of broken numbers, [${dims.join(',')}]`,
      'expected are ids, which are whole, or logits of two or more classes',
    );
  }
  return {
    seen: pictures.map((_, n) => ({
      ...{ width, height },
      ids: idsOf(data, n * channels * pixels, ids),
    })),
    classes,
  };
}

/** At the size of a frame: what is seen at the nearest place. */
function enlarged(
  { width, height, ids }: Seen,
  size: { width: number; height: number },
): Uint8Array {
  if (width === size.width && height === size.height) return ids;
  return Uint8Array.from({ length: size.width * size.height }, (_, i) => {
    const x = Math.floor((((i % size.width) + 0.5) * width) / size.width);
    const y = Math.floor(((Math.floor(i / size.width) + 0.5) * height) / size.height);
    return ids[y * width + x]!;
  });
}

export interface SegmentContext {
  /** Frames that will be judged. */
  readonly frames: number;
  /** That the segmenter tells apart. */
  readonly classes: number;
  readonly layout: ConditionLayout;
  readonly width: number;
  readonly height: number;
}

export interface SegmentJudge extends RowsJudge {
  /** How well generated frames show their label maps; null where the segmenter knows other classes. */
  labels(): Faithfulness | null;
}

/** Whether a segmenter tells as many classes apart as a run's label maps have. */
export const seesLabels = ({
  classes,
  layout,
}: Pick<SegmentContext, 'classes' | 'layout'>): boolean =>
  layout.content === 'labels' && layout.channels === classes;

/**
 * Holds what a segmenter sees in generated frames against what it sees in the real ones, and, where it knows the
 * classes of the run, what it sees in both against the label maps.
 */
export function createSegmentJudge(network: Borrowed, context: SegmentContext): SegmentJudge {
  const { frames, classes, layout } = context;
  const every = Math.max(1, Math.ceil(frames / MOST_FRAMES));
  const agreements = new Map<EvaluationRow, Confusion>();
  const against = seesLabels(context)
    ? { made: createConfusion(classes), real: createConfusion(classes) }
    : null;
  /** Pictures that are always the same are looked at once. */
  const known = new WeakMap<Image, Seen>();
  let given = 0;
  let looked = 0;

  async function look(images: readonly Image[]): Promise<void> {
    const fresh = [...new Set(images)].filter((image) => !known.has(image));
    for (let i = 0; i < fresh.length; i += network.samples) {
      const some = fresh.slice(i, i + network.samples);
      const { seen } = await segmentsOf(
        network,
        some.map((image) => network.planes(image)),
      );
      some.forEach((image, n) => known.set(image, seen[n]!));
    }
  }

  function compare(frame: RowsFrame): void {
    const real = known.get(frame.real)!;
    for (const [row, image] of rowsOf(frame)) {
      const agreement = agreements.get(row) ?? createConfusion(classes);
      agreements.set(row, agreement);
      agreement.add(known.get(image)!.ids, real.ids);
    }
    const { condition, made } = frame;
    if (!against || !condition || !made.generated) return;
    against.made.add(enlarged(known.get(made.generated)!, context), condition);
    against.real.add(enlarged(real, context), condition);
  }
  return {
    begin: () => undefined,
    async add(frame) {
      const isLooked = given % every === 0;
      given += 1;
      if (!isLooked) return;
      await look([frame.real, ...rowsOf(frame).map(([, image]) => image)]);
      compare(frame);
      looked += 1;
    },
    result() {
      const rows = [...agreements].map(([row, agreement]): [EvaluationRow, JudgedRow] => {
        const [meanIou, accuracy] = [agreement.meanIou(), agreement.accuracy()];
        const seen = { frames: looked, meanIou, accuracy };
        return [row, { measures: { seen }, intervals: {} }];
      });
      return Promise.resolve(new Map(rows));
    },
    labels() {
      if (!against || looked === 0) return null;
      const both = (value: (of: Confusion) => number | null) => ({
        made: value(against.made),
        real: value(against.real),
      });
      const [own, theirs] = [against.made.ious(), against.real.ious()];
      return {
        kind: 'labels',
        frames: looked,
        meanIou: both((of) => of.meanIou()),
        accuracy: both((of) => of.accuracy()),
        classes: layout.classNames.map((name, i) => ({ name, made: own[i]!, real: theirs[i]! })),
      };
    },
  };
}
