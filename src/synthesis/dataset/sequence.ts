import { FrameloomError } from '../../base/error.js';
import { silentLogger } from '../../base/log.js';
import { formatRational, rationalToNumber } from '../../base/rational.js';
import { consumeFrames } from '../../clips/media.js';
import type { DetailedFrame, Synthesizer } from '../engines/synthesizer.js';
import { dataOf, type AnyModel } from '../models/model.js';
import { createFrameMaker } from '../video/frame-maker.js';
import { openFrameSource } from '../video/frame-source.js';
import { openInputActions } from '../video/input-actions.js';
import { openInput, type GenerateVideoOptions } from '../video/generate-video.js';
import { checkInput, totalFrames, warnOfRate } from '../video/input-checks.js';
import { rollOut } from '../video/rollout.js';
import type { Extra } from './names.js';
import type { SequenceWriter } from './writer.js';

/** How every sequence is made. */
export type SequenceSettings = Pick<
  GenerateVideoOptions,
  | 'raw'
  | 'sequenceFps'
  | 'fps'
  | 'onDamage'
  | 'colour'
  | 'startFrames'
  | 'actions'
  | 'startSeconds'
  | 'durationSeconds'
  | 'baseFolder'
  | 'trustFilters'
  | 'threads'
  | 'log'
  | 'signal'
>;

export interface SequenceWork extends SequenceSettings {
  readonly input: string;
  readonly seed: number;
  readonly synthesizer: Synthesizer;
  /** Of flow and mask, what is wanted. */
  readonly extras: readonly Extra[];
  readonly writer: SequenceWriter;
  readonly onFrame: (done: number, total: number | null) => void;
}

/** What is known of a sequence when its last sample is written. */
export interface SequenceFacts {
  readonly frames: number;
  readonly realFrames: number;
  readonly flowFrom: number | null;
  readonly fps: string;
  readonly timesSeconds: number[] | null;
  readonly durationSeconds: number;
}

/** Times that are this near to those of the rate are those of the rate. */
const ON_TIME_SECONDS = 1e-4;

/**
 * Generates one sequence and hands each of its samples to the writer, no faster than that takes them.
 * @throws FrameloomError as generateVideo of the input; bad-input where it gives no frame
 */
export async function makeSequence(model: AnyModel, work: SequenceWork): Promise<SequenceFacts> {
  const { input, seed, extras, writer, startFrames = 0, signal, log = silentLogger } = work;
  const data = dataOf(model);
  const hasCondition = model.layout.content !== 'none';
  const video = await openInput({ ...work, input });
  const { info } = video;
  try {
    checkInput(info, model, startFrames);
    const fps = work.fps ?? info.fps;
    const resample = work.fps !== undefined;
    if (!resample) warnOfRate(data.fps, info, log);
    const total = totalFrames(info, work.fps);
    const source = await openFrameSource(model, video, {
      ...{ startFrames, fps, resample, signal, colour: work.colour },
      ...{ baseFolder: work.baseFolder ?? process.cwd(), trustFilters: work.trustFilters },
      onDamage: work.onDamage ?? (info.kind === 'sequence' ? 'error' : 'warn'),
    });
    /** Of frames that are made and not written yet: one or two. */
    const details: DetailedFrame[] = [];
    const told = await openInputActions(model, video, {
      ...{ actions: work.actions, baseFolder: work.baseFolder ?? process.cwd() },
      ...{ fps, resample, log },
    });
    const maker = createFrameMaker(model, {
      ...{ startFrames, start: source.start, actions: told },
      open: () => {
        work.synthesizer.reset(seed);
        return work.synthesizer;
      },
      ...(extras.length > 0 && { onDetail: (detail) => details.push(detail) }),
    });
    const times: number[] = [];
    let flowFrom: number | null = null;
    const interval = 1 / rationalToNumber(fps);
    try {
      await consumeFrames(
        rollOut(source, maker),
        async ({ frame, condition }) => {
          const isReal = times.length < startFrames;
          const { timeSeconds } = frame;
          const detail = isReal ? undefined : details.shift();
          const flow = extras.includes('flow') ? (detail?.flow ?? null) : null;
          const mask = extras.includes('mask') ? (detail?.mask ?? null) : null;
          const number = times.push(timeSeconds);
          if (flow ?? mask) flowFrom ??= number;
          await writer.add({
            ...{ number, timeSeconds, isReal, image: frame, flow, mask },
            actions: told(number - 1) ?? null,
            condition: hasCondition ? condition : null,
          });
          work.onFrame(number, total);
        },
        signal,
      );
    } finally {
      await maker.settled();
    }
    if (times.length === 0) {
      throw new FrameloomError('bad-input', `${input} gives no frame`, { path: input });
    }
    const isEven = times.every((time, k) => Math.abs(time - k * interval) < ON_TIME_SECONDS);
    return {
      frames: times.length,
      realFrames: Math.min(startFrames, times.length),
      flowFrom,
      fps: formatRational(fps),
      timesSeconds: isEven ? null : times,
      durationSeconds: times.at(-1)! + interval,
    };
  } finally {
    await video.close();
  }
}
