import type { Readable } from 'node:stream';
import { silentLogger } from '../../base/log.js';
import { iterateFrames, toRate, type Frame } from '../../video/index.js';
import { createSynthesizer } from '../engines/open.js';
import { dataOf, type AnyModel } from '../models/model.js';
import { createFrameMaker } from './frame-maker.js';
import { openFrameSource } from './frame-source.js';
import { openInputActions } from './input-actions.js';
import { openInput, type GenerateVideoOptions } from './generate-video.js';
import { checkInput, warnOfRate } from './input-checks.js';

/** What `generateVideo` knows of the input and the model; nothing of an output. */
export interface GenerateOptions extends Pick<
  GenerateVideoOptions,
  | 'raw'
  | 'sequenceFps'
  | 'onDamage'
  | 'startSeconds'
  | 'durationSeconds'
  | 'colour'
  | 'startFrames'
  | 'actions'
  | 'baseFolder'
  | 'trustFilters'
  | 'threads'
  | 'synthesizer'
> {
  /** Make frames at this rate, the input resampled to it; each of the input's own frames once unless given. */
  readonly fps?: Parameters<typeof toRate>[0] | undefined;
  readonly seed?: number | undefined;
  readonly log?: GenerateVideoOptions['log'] | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * The frames that a model makes of a video, one after another: `for await (const frame of
 * generate(model, path))`. They are those of `generateVideo` and of `frameloom generate`: the input
 * is brought to the model's size as in training, its conditions are made by the model's rule, and each frame
 * is shown when that of the input is. They are made as fast as they are taken; leaving the loop
 * ends everything.
 *
 * @param input a video of the kind that the model's condition is made of: a path, `-`, or a stream
 * @throws FrameloomError as generateVideo, of the input
 */
export async function* generate(
  model: AnyModel,
  input: string | Readable,
  options: GenerateOptions = {},
): AsyncGenerator<Frame, void, undefined> {
  const { startFrames = 0, baseFolder = process.cwd(), trustFilters, colour } = options;
  const { signal, log = silentLogger, onDamage, synthesizer: lent } = options;
  const video = await openInput({ ...given(options), input, log });
  try {
    const { info } = video;
    checkInput(info, model, startFrames);
    const resample = options.fps !== undefined;
    const fps = options.fps === undefined ? info.fps : toRate(options.fps);
    if (!resample) warnOfRate(dataOf(model).fps, info, log);
    const { actions } = options;
    const told = await openInputActions(model, video, { actions, baseFolder, fps, resample, log });
    const source = await openFrameSource(model, video, {
      ...{ startFrames, fps, resample, baseFolder, signal, trustFilters, colour },
      onDamage: onDamage ?? (info.kind === 'sequence' ? 'error' : 'warn'),
    });
    const synthesizer = lent ?? (await createSynthesizer(model, { log, signal }));
    const maker = createFrameMaker(model, {
      ...{ startFrames, start: source.start, actions: told },
      open: () => {
        synthesizer.reset(options.seed ?? model.seed);
        return synthesizer;
      },
    });
    try {
      for await (const frame of iterateFrames(source.conditions.pipe(maker.operator))) {
        yield { ...frame, fps };
      }
    } finally {
      await maker.settled();
      if (!lent) synthesizer.dispose();
    }
  } finally {
    await video.close();
  }
}

/** What opening the input is told. */
function given({ signal, ...options }: GenerateOptions) {
  const { raw, sequenceFps, onDamage, startSeconds, durationSeconds, threads } = options;
  return {
    ...{ raw, sequenceFps, onDamage, startSeconds, durationSeconds, threads },
    ...(signal && { signal }),
  };
}
