import type { Readable, Writable } from 'node:stream';
import { EMPTY, lastValueFrom, map, tap } from 'rxjs';
import { asGiven } from '../../base/caller.js';
import { FrameloomError } from '../../base/error.js';
import { silentLogger, type Logger } from '../../base/log.js';
import type { Rational } from '../../base/rational.js';
import type { InputColour } from '../../clips/condition.js';
import { assertTrusted } from '../../clips/trust.js';
import {
  assertFree,
  assertHolds,
  assertNotAnInput,
  encodeFrames,
  encodeInSegments,
  formatOf,
  isPictureFormat,
  openVideo,
  partOf,
  timesAhead,
  type CarryOptions,
  type EncodeOptions,
  type EncodeResult,
  type OnDamage,
  type OpenedVideo,
  type RawInput,
} from '../../video/index.js';
import { dataOf, filesRead, type AnyModel } from '../models/model.js';
import { partsOf } from './film-job.js';
import { removePartsOfMade, type FilmParts } from './film-parts.js';
import { createFrameMaker } from './frame-maker.js';
import { createSynthesizer } from '../engines/open.js';
import { checkInput, totalFrames, warnOfRate } from './input-checks.js';
import { openFrameSource, type FrameSource } from './frame-source.js';
import { openInputActions } from './input-actions.js';
import { rollOut } from './rollout.js';
import { sideBySide } from './side-by-side.js';
import type { Synthesizer } from '../engines/synthesizer.js';

/** How what is generated is written; by the output's extension unless given. `threads` decode too. */
export type OutputChoice = Pick<
  EncodeOptions,
  'format' | 'outputPixelFormat' | 'codec' | 'crf' | 'preset' | 'quality' | 'threads' | 'overwrite'
>;

export interface GenerateVideoOptions extends OutputChoice {
  /** A video of the kind that the model's condition is made of: a path, `-`, or a stream. */
  readonly input: string | Readable;
  /** A path, `-` (y4m unless `format` is given), or a stream. */
  readonly output: string | Writable;
  /** The input, looked at already: `openInput`. It is closed here. */
  readonly video?: Promise<OpenedVideo> | undefined;
  /** The input has no header. */
  readonly raw?: RawInput | undefined;
  /** Rate of an input of pictures, which carry none. */
  readonly sequenceFps?: Rational | undefined;
  /** Make frames at this rate, the input resampled to it; each of the input's own frames once unless given. */
  readonly fps?: Rational | undefined;
  /**
   * What a damaged input ends in. Unless given, `warn` of a video, whose finished frames are kept, and
   * `error` of pictures, of which the bad one can be named and made again.
   */
  readonly onDamage?: OnDamage | undefined;
  /** Only a part of the input: its first frame is the one nearest to this time after the input's first. */
  readonly startSeconds?: number | undefined;
  /** Only so much of the input, from there. */
  readonly durationSeconds?: number | undefined;
  /** How the input's colours are to be read, whatever it says of itself: y4m says too little. */
  readonly colour?: InputColour | undefined;
  /** Real frames of the input to go on from, copied to the output. 0 unless given: every frame is made. */
  readonly startFrames?: number | undefined;
  /**
   * The CSV file of what is done in each of its frames, of a model that is told; that which the model's pipeline names beside
   * such a clip unless given, and where there is none the world goes on by itself.
   */
  readonly actions?: string | undefined;
  readonly seed?: number;
  /** Write condition | generated | real beside each other; the real one where the input is such a video. */
  readonly sideBySide?: boolean | undefined;
  /** Carry the input's audio along. */
  readonly audio?: boolean;
  /** Carry more of the input along: subtitles, chapters, tags. */
  readonly carry?: Omit<CarryOptions, 'from'> | undefined;
  /** Folder that relative paths of the model's pipeline start from; the current one unless given. */
  readonly baseFolder?: string | undefined;
  /** What else is read and never written over, beside the input and the model's files: a list, say. */
  readonly reads?: readonly string[] | undefined;
  /** Run any filtergraph of the model, not only those that can do no more than change pictures. */
  readonly trustFilters?: boolean | undefined;
  /** Lent, to make many videos with one; made for this video unless given. */
  readonly synthesizer?: Synthesizer | undefined;
  /**
   * A film of more frames, or of nobody knows how many, is written in segments of so many. Those that are
   * finished are kept beside the output when making it is stopped or killed, and the same call goes on
   * from them. 1000 unless given. Not of pipes, GIFs, pictures and raw frames.
   */
  readonly segmentFrames?: number | undefined;
  readonly log?: Logger;
  readonly signal?: AbortSignal;
  readonly onFrame?: (done: number, total: number | null) => void;
}

const isPath = (place: string | Readable | Writable): place is string =>
  typeof place === 'string' && place !== '-';

/**
 * Looks at the input and keeps it open, so that this can be done while the model is loaded.
 * @throws FrameloomError as generateVideo, of the input
 */
export async function openInput(
  options: Pick<
    GenerateVideoOptions,
    | 'input'
    | 'raw'
    | 'sequenceFps'
    | 'onDamage'
    | 'signal'
    | 'log'
    | 'startSeconds'
    | 'durationSeconds'
    | 'threads'
  >,
): Promise<OpenedVideo> {
  const { input, raw, sequenceFps, onDamage, signal, log = silentLogger } = options;
  const { startSeconds, durationSeconds, threads } = options;
  const how = { raw, sequenceFps, onDamage, threads, signal, log };
  const video = await openVideo(input, { count: true, ...how });
  if (startSeconds === undefined && durationSeconds === undefined) return video;
  try {
    return partOf(video, { startSeconds, durationSeconds });
  } catch (error) {
    await video.close();
    throw error;
  }
}

/**
 * Generates a video from an input: its conditions by the model's rule, frame for frame, in closed
 * loop. The generator runs once for each frame of the input, and each is shown when that one is; with
 * `fps` the input is resampled first. A file is written beside and renamed into place, a pipe gets its
 * first frame as soon as the input has given one.
 *
 * @throws FrameloomError bad-option when start frames are asked of an input that is a label map,
 *   sound of a pipe, or an output that is one of the files read; exists where it is there already;
 *   bad-input when it is shorter, or smaller than anything can be trained on; untrusted for a
 *   filtergraph that could do more than change pictures; closed-pipe when whoever reads the output is
 *   gone; what decoding and encoding throw
 */
export async function generateVideo(
  model: AnyModel,
  options: GenerateVideoOptions,
): Promise<EncodeResult> {
  // Told where it is asked for.
  options.video?.catch(() => undefined);
  await checkOutput(model, options).catch(async (error: unknown) => {
    // Opened by the caller, and ours to close.
    await options.video?.then(
      (opened) => opened.close(),
      () => undefined,
    );
    throw error;
  });
  const video = await (options.video ?? openInput(options));
  try {
    return await generateFrom(video, model, options);
  } finally {
    await video.close();
  }
}

async function generateFrom(
  video: OpenedVideo,
  model: AnyModel,
  options: GenerateVideoOptions,
): Promise<EncodeResult> {
  const { log = silentLogger } = options;
  const data = dataOf(model);
  const { info } = video;
  checkVideo(video, model, options);
  const fps = options.fps ?? info.fps;
  const resample = options.fps !== undefined;
  if (!resample) warnOfRate(data.fps, info, log);
  const total = totalFrames(info, options.fps);
  await checkRoom(options, total);
  const parts = await partsOf({ model, info, isStream: video.isStream, total, options });
  let isMade = false;
  try {
    const result = await makeFilm(video, model, { ...options, fps, resample, total, parts });
    isMade = true;
    return result;
  } finally {
    await parts?.close(isMade);
  }
}

type FilmOptions = Omit<GenerateVideoOptions, 'fps'> & {
  readonly fps: Rational;
  readonly resample: boolean;
  readonly total: number | null;
  readonly parts: FilmParts | null;
};

async function makeFilm(
  video: OpenedVideo,
  model: AnyModel,
  options: FilmOptions,
): Promise<EncodeResult> {
  const { output, fps, total, parts, signal, trustFilters, resample } = options;
  const { baseFolder = process.cwd() } = options;
  const { log = silentLogger } = options;
  const { info } = video;
  const skip = parts?.frames ?? 0;
  const startFrames = skip > 0 ? 0 : (options.startFrames ?? 0);
  const source: Partial<FrameSource> & Omit<FrameSource, 'start'> = parts?.isComplete
    ? { conditions: EMPTY, layout: model.layout, takeReal: null }
    : await openFrameSource(model, video, {
        ...{ startFrames, skip, fps, baseFolder, signal, trustFilters, resample },
        real: options.sideBySide,
        colour: options.colour,
        onDamage: options.onDamage ?? (info.kind === 'sequence' ? 'error' : 'warn'),
      });
  const told = await openInputActions(model, video, {
    ...{ actions: options.actions, baseFolder, fps, resample, log },
  });
  const { width, height } = dataOf(model).size;
  log.debug(`generating ${info.frameCount ?? '?'} frames at ${width}x${height}`);
  const synthesizer = options.synthesizer ?? (await createSynthesizer(model, { log, signal }));
  const open = (): Synthesizer => {
    synthesizer.reset(options.seed ?? model.seed);
    if (parts?.synthesizer) synthesizer.restore(parts.synthesizer);
    return synthesizer;
  };
  const maker = createFrameMaker(model, {
    ...{ startFrames, start: source.start, open },
    actions: (k) => told(skip + k),
    asked: (_synthesizer, k) => parts?.asked(synthesizer, skip + k + 1),
  });
  const beside = options.sideBySide ? sideBySide(source.layout, { width, height }) : null;
  const encoding: EncodeOptions = {
    ...{ fps, signal, log },
    expects: beside?.shape ?? { width, height, pixelFormat: 'rgb24' },
    format: options.format ?? (isPath(output) ? undefined : 'y4m'),
    outputPixelFormat: options.outputPixelFormat,
    codec: options.codec,
    crf: options.crf,
    preset: options.preset,
    quality: options.quality,
    threads: options.threads,
    overwrite: options.overwrite,
    // Resampled, all frames are of the rate.
    ...(resample ? {} : timesAhead(info)),
    ...carriedFrom(video, options),
  };
  let seen = skip;
  try {
    return await lastValueFrom(
      rollOut(source, maker).pipe(
        map((rolled) => beside?.compose(rolled) ?? rolled.frame),
        tap(() => options.onFrame?.((seen += 1), total)),
        parts && isPath(output)
          ? encodeInSegments(output, encoding, parts.segments)
          : encodeFrames(output, encoding),
      ),
    );
  } finally {
    await maker.settled();
    if (!options.synthesizer) synthesizer.dispose();
  }
}

/** That nothing is written over: what is read never, what is there only when asked. */
async function checkOutput(model: AnyModel, options: GenerateVideoOptions): Promise<void> {
  const { input, baseFolder = process.cwd(), overwrite, reads = [] } = options;
  const output = options.output === process.stdout ? '-' : options.output;
  if (typeof output !== 'string') return;
  const pictures = output !== '-' && isPictureFormat(formatOf(output, options.format));
  const own = input === process.stdin ? '-' : input;
  const read = [
    ...(typeof own === 'string' ? [own] : []),
    ...filesRead(model, baseFolder),
    ...(options.actions === undefined ? [] : [options.actions]),
    ...reads,
  ];
  await assertNotAnInput(output, read, pictures);
  await assertFree(output, pictures, { overwrite }).catch(async (error: unknown) => {
    await removePartsOfMade(output, options.log);
    throw error;
  });
}

/**
 * What can be said before any frame is read.
 * @throws FrameloomError bad-option, bad-input, untrusted
 */
export function checkVideo(
  { info, isStream }: Pick<OpenedVideo, 'info' | 'isStream'>,
  model: AnyModel,
  options: Pick<GenerateVideoOptions, 'startFrames' | 'audio' | 'carry' | 'trustFilters'>,
): void {
  assertTrusted(dataOf(model).condition, options.trustFilters ?? false);
  checkInput(info, model, options.startFrames ?? 0);
  if (options.audio && isStream) {
    throw new FrameloomError('bad-option', 'sound cannot be carried along from a pipe', {
      hint: `leave ${asGiven('--audio', 'audio')} out, or read from a file`,
    });
  }
  if (options.carry && isStream) {
    throw new FrameloomError(
      'bad-option',
      'subtitles, chapters and tags cannot be carried along from a pipe',
      { hint: 'leave them out, or read from a file' },
    );
  }
}

/**
 * Says before any frame is made that all of them fit into the output.
 * @param total null where nobody knows
 * @throws FrameloomError bad-option
 */
export async function checkRoom(
  { output, format }: Pick<GenerateVideoOptions, 'output' | 'format'>,
  total: number | null,
): Promise<void> {
  if (typeof output !== 'string' || output === '-') return;
  await assertHolds(output, isPictureFormat(formatOf(output, format)), total);
}

/** What the output takes from the input beside its pictures. */
function carriedFrom(
  { info, beginsSeconds }: OpenedVideo,
  { audio, carry, log }: GenerateVideoOptions,
): Pick<EncodeOptions, 'audioFrom' | 'audioStartSeconds' | 'carry'> {
  if (!audio && !carry) return {};
  const { path } = info;
  if (info.kind !== 'file' || path === null) {
    log?.warn(`${path ?? 'the input'} holds pictures only: there is nothing to carry along`);
    return {};
  }
  return {
    ...(audio && { audioFrom: path }),
    ...(carry && { carry: { ...carry, from: path } }),
    ...(beginsSeconds !== undefined && { audioStartSeconds: beginsSeconds }),
  };
}
