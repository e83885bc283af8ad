import { randomStream } from '../base/random.js';
import type { ConditionLayout } from '../clips/index.js';
import { GENERATOR_MULTIPLE, type Generator } from '../networks/index.js';
import type { FixedSize } from './metadata.js';

/** Inputs for several frames in a row, made up but the same each time. */
export interface TrialCase {
  readonly samples: number;
  readonly width: number;
  readonly height: number;
  readonly frames: number;
  /** Noise everywhere, or smooth pictures that move. */
  readonly content: 'random' | 'pictures';
  /** Begin from frames instead of from nothing. */
  readonly warm: boolean;
}

/**
 * What an exported file is tried with.
 * @param fixed what it takes, where that is one batch and size
 */
export function trialCases(
  { width, height }: { width: number; height: number },
  fixed: FixedSize | null,
): readonly TrialCase[] {
  const trained = fixed ?? { samples: 1, width, height };
  // Another size, another shape, and more than one sample.
  const other = fixed ?? { samples: 2, width: 36, height: 20 };
  return [
    { ...trained, frames: 5, content: 'pictures', warm: false },
    { ...trained, frames: 2, content: 'random', warm: true },
    { ...other, frames: 3, content: 'random', warm: true },
  ];
}

/** Numbers channel after channel, NCHW. */
export type Planes = Float32Array;

/** A picture of slow waves that move by t, in [−1, 1]; channels differ. */
function waves(channels: number, { width, height }: TrialCase, t: number): Planes {
  const planes = new Float32Array(channels * width * height);
  for (let i = 0; i < planes.length; i += 1) {
    const [x, y] = [i % width, Math.floor(i / width) % height];
    const channel = Math.floor(i / (width * height));
    planes[i] = Math.sin((x + 2 * t) / (7 + channel) + channel) * Math.cos((y - t) / 9);
  }
  return planes;
}

/** One sample's condition frame, CHW: as labels are, or as images are. */
function conditionFrame(layout: ConditionLayout, test: TrialCase, name: string, t: number): Planes {
  const { channels, content } = layout;
  const pixels = test.width * test.height;
  const random = randomStream(0, 'eval', `export ${name} ${t}`);
  if (content !== 'labels') {
    if (test.content === 'pictures') return waves(channels, test, t);
    return new Float32Array(channels * pixels).map(() => random.uniform() * 2 - 1);
  }
  const planes = new Float32Array(channels * pixels);
  for (let i = 0; i < pixels; i += 1) {
    const stripe = Math.floor(((i % test.width) + 2 * t) / 8) % channels;
    const id = test.content === 'pictures' ? stripe : random.integer(0, channels - 1);
    planes[id * pixels + i] = 1;
  }
  return planes;
}

/** Planes one after the other: the samples of a batch, or the frames of a condition. */
function joined(parts: readonly Planes[]): Planes {
  const all = new Float32Array(parts.reduce((sum, part) => sum + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    all.set(part, offset);
    offset += part.length;
  }
  return all;
}

/** What is done, other keys at each time, and in the first frame nothing that is known. */
function actionsFrom(
  { actionColumns, options }: Generator,
  { samples }: TrialCase,
  t: number,
): Planes | null {
  if (actionColumns === 0) return null;
  const random = randomStream(0, 'eval', `export actions ${t}`);
  const size = actionColumns + 1;
  return new Float32Array(samples * options.conditionFrames * size).map((_, i) => {
    const isFlag = i % size === actionColumns;
    const value = isFlag ? 1 : random.uniform() * 2 - 1;
    return t === 0 ? 0 : value;
  });
}

/** The inputs of frame t but the history, NCHW. */
export function inputsAt(
  generator: Generator,
  layout: ConditionLayout,
  test: TrialCase,
  t: number,
) {
  const { conditionFrames, noiseChannels, styleChannels } = generator.options;
  const samples = Array.from({ length: test.samples }, (_, sample) => sample);
  const times = Array.from({ length: conditionFrames }, (_, i) => t - conditionFrames + 1 + i);
  const noise = new Float32Array(
    (test.samples * noiseChannels * test.width * test.height) / GENERATOR_MULTIPLE ** 2,
  );
  const looks = randomStream(0, 'eval', 'export style');
  return {
    // One for each sample, the same in all frames.
    style:
      styleChannels === 0
        ? null
        : new Float32Array(test.samples * styleChannels).map(() => looks.uniform() * 2 - 1),
    actions: actionsFrom(generator, test, t),
    condition:
      generator.conditionChannels === 0
        ? null
        : joined(
            samples.flatMap((sample) =>
              times.map((time) => conditionFrame(layout, test, `condition ${sample}`, time)),
            ),
          ),
    noise:
      noiseChannels === 0 ? null : randomStream(0, 'eval', `export noise ${t}`).fillNormal(noise),
  };
}

/** The history before the first frame: nothing, or noise; null of a generator without memory. */
export function startHistory(generator: Generator, test: TrialCase): Planes | null {
  const { samples, width, height } = test;
  const { historyFrames } = generator.options;
  if (historyFrames === 0) return null;
  const history = new Float32Array(samples * 3 * historyFrames * width * height);
  if (!test.warm) return history;
  const random = randomStream(0, 'eval', 'export history');
  return history.map(() => random.uniform() * 2 - 1);
}
