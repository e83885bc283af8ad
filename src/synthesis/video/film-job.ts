import { createHash } from 'node:crypto';
import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { FrameloomError } from '../../base/error.js';
import type { Rational } from '../../base/rational.js';
import type { InputColour } from '../../clips/condition.js';
import {
  findFfmpeg,
  formatOf,
  isSegmentable,
  type EncodeOptions,
  type OnDamage,
  type RawInput,
  type VideoInfo,
} from '../../video/index.js';
import { identityOf } from '../../video/sequence.js';
import { dataOf, filesRead, isExported, type AnyModel } from '../models/model.js';
import { FilmParts, removeParts } from './film-parts.js';
import { actionsFileOf } from './input-actions.js';
import { modelFingerprint } from '../batch/fingerprint.js';

/** Frames of a segment: what a kill may cost, against a key frame and a new ffmpeg for each. */
export const SEGMENT_FRAMES = 1000;

/** What decides how a film's frames are made and written; of `generateVideo`'s options. */
export interface FilmSettings extends Pick<
  EncodeOptions,
  'format' | 'outputPixelFormat' | 'codec' | 'crf' | 'preset' | 'threads' | 'log'
> {
  readonly input: string | Readable;
  readonly output: string | Writable;
  readonly startFrames?: number | undefined;
  readonly actions?: string | undefined;
  readonly seed?: number | undefined;
  readonly sideBySide?: boolean | undefined;
  readonly baseFolder?: string | undefined;
  readonly sequenceFps?: Rational | undefined;
  readonly fps?: Rational | undefined;
  readonly colour?: InputColour | undefined;
  readonly raw?: RawInput | undefined;
  readonly onDamage?: OnDamage | undefined;
  readonly startSeconds?: number | undefined;
  readonly durationSeconds?: number | undefined;
  readonly segmentFrames?: number | undefined;
}

/** One film, as far as it is known before its first frame. */
export interface FilmJob {
  readonly model: AnyModel;
  readonly info: VideoInfo;
  readonly isStream: boolean;
  /** Frames there will be; null where nobody knows. */
  readonly total: number | null;
  readonly options: FilmSettings;
}

const isFile = (place: string | Readable | Writable): place is string =>
  typeof place === 'string' && place !== '-' && !place.includes('\n');

/**
 * The parts of a long film that goes into a file, with what is there of it already. Null for one that
 * is made in one piece: it is short, or comes from a pipe, or goes where no segments can be joined.
 * @throws FrameloomError bad-option, as FilmParts.open
 */
export async function partsOf(job: FilmJob): Promise<FilmParts | null> {
  const { options, total, isStream } = job;
  const { output, input, log, startFrames = 0, segmentFrames = SEGMENT_FRAMES } = options;
  if (!Number.isSafeInteger(segmentFrames) || segmentFrames < 1) {
    throw new FrameloomError(
      'bad-option',
      `segmentFrames is ${segmentFrames}, not a number of frames from 1`,
    );
  }
  if (!isFile(output) || !isSegmentable(formatOf(output, options.format))) return null;
  const there = await stat(output).catch(() => undefined);
  if (there && !there.isFile()) return null;
  const isLong = total === null || total > segmentFrames;
  if (!isLong || !isFile(input) || isStream) {
    await removeParts(output, log);
    return null;
  }
  const identity = await identityOfFilm(job, { input, output, segmentFrames });
  return FilmParts.open(output, { job: identity, segmentFrames, startFrames, total, log });
}

/** All that decides what the frames of a film are and how they are written, as one short text. */
async function identityOfFilm(
  job: FilmJob,
  film: { readonly input: string; readonly output: string; readonly segmentFrames: number },
): Promise<string> {
  const { model, info, options } = job;
  const { startFrames = 0, seed = model.seed, baseFolder = process.cwd() } = options;
  const { input, output, segmentFrames } = film;
  const { format, outputPixelFormat, codec, crf, preset, threads, sequenceFps, fps, colour, raw } =
    options;
  const data = dataOf(model);
  const told = await actionsFileOf(model, input, { actions: options.actions, baseFolder });
  const files = [
    resolve(input),
    ...filesRead(model, baseFolder).map((f) => resolve(f)),
    ...(told === null ? [] : [told]),
  ];
  const { version } = await findFfmpeg();
  const all = {
    model: await modelFingerprint(model),
    engine: isExported(model) ? `onnx ${model.device}` : 'tensorflow',
    ...{ size: data.size, fit: data.fit, deinterlace: data.deinterlace },
    condition: data.condition,
    ...(data.actions && { actions: data.actions }),
    files: await Promise.all(files.map(identityOf)),
    onDamage: options.onDamage ?? null,
    part: [options.startSeconds ?? null, options.durationSeconds ?? null],
    sideBySide: options.sideBySide === true,
    ...{ seed, startFrames, segmentFrames, sourceFps: info.fps, total: job.total },
    ...{ format: formatOf(output, format), outputPixelFormat, codec, crf, preset, threads },
    ...{ sequenceFps, fps, colour, raw, ffmpeg: version },
  };
  // What is not set is null, so that it is there to differ.
  const text = JSON.stringify(all, (_key, value: unknown) => value ?? null);
  return createHash('sha256').update(text).digest('hex');
}
