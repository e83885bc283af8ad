import { concat, filter, from, lastValueFrom, tap, toArray, type Observable } from 'rxjs';
import { FrameloomError } from '../base/error.js';
import { silentLogger, type Logger } from '../base/log.js';
import { openCondition } from '../clips/condition.js';
import { SMALLEST_SIDE } from '../clips/options.js';
import {
  decodeFrames,
  encodeFrames,
  probe,
  type EncodeResult,
  type Frame,
} from '../video/index.js';
import type { SynthesisModel } from './model.js';
import { generate } from './operators.js';

export interface GenerateVideoOptions {
  readonly input: string;
  readonly output: string;
  /** Real frames of the input to go on from, copied to the output; 0 makes every frame. */
  readonly startFrames: number;
  readonly seed?: number;
  /** Carry the input's audio along. */
  readonly audio?: boolean;
  readonly baseFolder: string;
  readonly log?: Logger;
  readonly signal?: AbortSignal;
  readonly onFrame?: (done: number, total: number | null) => void;
}

/**
 * Generates a video from an input: its conditions by the model's rule, frame for frame, in closed
 * loop. The output has as many frames as the input, written beside and renamed into place.
 *
 * @throws FrameloomError bad-option when start frames are asked of an input that is a label map,
 *   bad-input when it is shorter, or smaller than anything can be trained on; what decoding and encoding throw
 */
export async function generateVideo(
  model: SynthesisModel,
  options: GenerateVideoOptions,
): Promise<EncodeResult> {
  const { input, output, startFrames, signal, baseFolder, log = silentLogger } = options;
  const { data, layout } = model;
  const info = await probe(input, { count: true, signal });
  // As in training: out of so few pixels comes no condition that was ever trained.
  if (info.width < SMALLEST_SIDE || info.height < SMALLEST_SIDE) {
    throw new FrameloomError(
      'bad-input',
      `${input} is ${info.width}x${info.height} pixels, too small to generate from`,
      { path: input, hint: `both sides need at least ${SMALLEST_SIDE} pixels` },
    );
  }
  const fps = data.fps ?? info.fps;
  if (startFrames > 0 && layout.kind === 'paired') {
    throw new FrameloomError(
      'bad-option',
      'a paired condition video holds no real frames to start from',
      { path: input, hint: 'use --start-frames none' },
    );
  }
  const size = { ...data.size, fit: data.fit };
  const source = { info, size, fps, signal };
  const condition = await openCondition(data, { path: input, info }, { baseFolder, fps, signal });
  const conditions: Observable<Frame> = condition?.frames ?? decodeFrames(input, source);

  const starts =
    startFrames === 0
      ? []
      : await lastValueFrom(
          decodeFrames(input, { ...source, frames: startFrames }).pipe(toArray()),
        );
  if (starts.length < startFrames) {
    throw new FrameloomError('bad-input', `${input} has only ${starts.length} frames`, {
      path: input,
      hint: `it needs more than ${startFrames}, or --start-frames none`,
    });
  }
  const startConditions: Uint8Array[] = [];
  let seen = 0;
  const afterStart = conditions.pipe(
    // The start's own conditions are the generator's past, not frames to make.
    filter((frame, i) => {
      if (i >= startFrames) return true;
      startConditions.push(frame.data);
      return false;
    }),
  );
  log.debug(
    `generating ${info.frameCount ?? '?'} frames at ${data.size.width}x${data.size.height}`,
  );
  const generated = afterStart.pipe(
    generate(model, {
      ...(options.seed !== undefined && { seed: options.seed }),
      ...(starts.length > 0 && {
        startFrames: starts.map((frame) => frame.data),
        startConditions: layout.content === 'none' ? null : startConditions,
      }),
    }),
  );
  return lastValueFrom(
    concat(from(starts), generated).pipe(
      tap(() => options.onFrame?.((seen += 1), info.frameCount)),
      encodeFrames(output, {
        fps,
        signal,
        log,
        ...(options.audio && info.hasAudio && { audioFrom: input }),
      }),
    ),
  );
}
