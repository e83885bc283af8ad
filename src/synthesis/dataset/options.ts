import { FrameloomError } from '../../base/error.js';
import { formatRational } from '../../base/rational.js';
import type { BatchEvent } from '../batch/batch.js';
import type { Shard as BatchShard } from '../batch/template.js';
import type { Synthesizer } from '../engines/synthesizer.js';
import { isExported, type AnyModel } from '../models/model.js';
import type { DatasetHead } from './head.js';
import { EXTRAS, type DatasetFormat, type Extra } from './names.js';
import type { SequenceJob } from './plan.js';
import type { SequenceSettings } from './sequence.js';

/** Samples of a tar file. */
const SAMPLES_PER_SHARD = 1000;

export interface GenerateDatasetOptions extends SequenceSettings {
  /** Videos, folders of pictures, patterns. Each is a sequence, or one a seed. */
  readonly inputs: readonly string[];
  /** Where the data set goes: a new or empty folder, or one that the same work was begun in. */
  readonly folder: string;
  /** `folders` of numbered files unless given, or `webdataset`: tar files of samples. */
  readonly format?: DatasetFormat | undefined;
  /** Of the noise; the training's unless given. */
  readonly seeds?: readonly number[] | undefined;
  /** A template of {name}, {parent}, {seed} and {index}; {name}, and {name}-{seed} of several seeds. */
  readonly sequenceNames?: string | undefined;
  /** Flow and mask beside images and conditions; all that the generator has unless given. */
  readonly with?: readonly Extra[] | undefined;
  /** Of tar files; 1000 unless given. */
  readonly samplesPerShard?: number | undefined;
  /**
   * One part of the sequences, by their names. The others are made by other calls, into this folder one
   * after the other, or elsewhere and copied into it; the last one there writes the manifest.
   */
  readonly shard?: BatchShard | undefined;
  /** Sequences made at once, of one model. 1 unless given. */
  readonly parallel?: number | undefined;
  /** Replace what is in the way, and a data set of other work. */
  readonly overwrite?: boolean | undefined;
  /** What else is read, and must not lie in the folder. */
  readonly reads?: readonly string[] | undefined;
  /** Names the model, where it has run by another engine: `modelFingerprint`. */
  readonly modelId?: string | undefined;
  /** What runs the model, one for each sequence made at once; its own engine unless given. */
  readonly openSynthesizer?: (() => Promise<Synthesizer> | Synthesizer) | undefined;
  /** Told of each sequence as of the videos of a batch. */
  readonly onEvent?: ((event: BatchEvent) => void) | undefined;
}

export interface DatasetSummary {
  /** The manifest; null where sequences are missing, and there is none. */
  readonly manifest: string | null;
  /** A pipeline that trains on it; null of tar files. */
  readonly pipeline: string | null;
  /** In the folder now, those of earlier calls too. */
  readonly sequences: number;
  readonly frames: number;
  /** Made by this call. */
  readonly done: number;
  /** There already. */
  readonly skipped: number;
  /** Of a shard: names of the other shards' sequences that are not in the folder yet. */
  readonly missing: readonly string[];
  readonly failed: readonly { readonly job: SequenceJob; readonly error: FrameloomError }[];
}

const hasFlow = (model: AnyModel): boolean =>
  isExported(model) ? model.info.generator.flow : model.generator.options.flow;

/** What is written beside images and conditions. */
export function extrasOf(model: AnyModel, asked: readonly Extra[] | undefined): readonly Extra[] {
  if (!asked) return hasFlow(model) ? EXTRAS : [];
  if (asked.length > 0 && !hasFlow(model)) {
    throw new FrameloomError('bad-option', `this generator has no ${asked.join(' and no ')}`, {
      hint: 'train with generator.flow: true, or leave it out',
    });
  }
  return EXTRAS.filter((extra) => asked.includes(extra));
}

export function checkedSamples({
  samplesPerShard = SAMPLES_PER_SHARD,
}: GenerateDatasetOptions): number {
  if (Number.isSafeInteger(samplesPerShard) && samplesPerShard >= 1) return samplesPerShard;
  throw new FrameloomError(
    'bad-option',
    `samplesPerShard is ${samplesPerShard}, not a number of samples from 1`,
  );
}

export function settingsOf(options: GenerateDatasetOptions): DatasetHead['settings'] {
  const { startFrames = 0, sequenceFps, fps, colour, onDamage, raw, format } = options;
  const { startSeconds = null, durationSeconds = null } = options;
  return {
    ...{ startFrames, startSeconds, durationSeconds },
    sequenceFps: sequenceFps ? formatRational(sequenceFps) : null,
    fps: fps ? formatRational(fps) : null,
    colour: colour ? JSON.stringify(colour) : null,
    onDamage: onDamage ?? null,
    raw: raw ? JSON.stringify(raw) : null,
    samplesPerShard: format === 'webdataset' ? checkedSamples(options) : null,
  };
}
