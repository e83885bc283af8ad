import { defer, Observable, type OperatorFunction } from 'rxjs';
import type { Rational } from '../../base/rational.js';
import { openCondition } from '../../clips/condition.js';
import type { Frame } from '../../video/index.js';
import { dataOf, type AnyModel } from '../models/model.js';
import { createFrameMaker } from './frame-maker.js';
import { openSynthesizer } from '../engines/open-synthesizer.js';

export interface GenerateOptions {
  /** Seed of the noise, where the generator takes any; the training's unless given. */
  readonly seed?: number;
  /** Real frames (rgb24 bytes, oldest first) to go on from; none begins from nothing. */
  readonly startFrames?: readonly Uint8Array[];
  /** Their conditions. */
  readonly startConditions?: readonly Uint8Array[] | null;
}

/**
 * RxJS operator: video frames in, the conditions that the model's pipeline makes of them out. For a
 * model without conditions the frames pass through and only keep time.
 * @param fps rate of the frames
 * @param options `trustFilters` runs any filtergraph of the model, not only those that can do no more
 *   than change pictures: others make the stream fail with `untrusted`
 */
export function withCondition(
  model: AnyModel,
  fps: Rational,
  options: { readonly trustFilters?: boolean } = {},
): OperatorFunction<Frame, Frame> {
  const context = { baseFolder: process.cwd(), fps, ...options };
  return (frames) =>
    defer(
      () =>
        new Observable<Frame>((subscriber) => {
          let closed = false;
          openCondition(dataOf(model), { frames }, context).then(
            (condition) => {
              if (!closed) subscriber.add((condition?.frames ?? frames).subscribe(subscriber));
            },
            (error: unknown) => subscriber.error(error),
          );
          return () => {
            closed = true;
          };
        }),
    );
}

/**
 * RxJS operator: condition frames in, generated rgb24 frames out, each made from the ones before it.
 * `useBackend` must have been called. Frames are made only as fast as they are taken.
 */
export function generate(
  model: AnyModel,
  options: GenerateOptions = {},
): OperatorFunction<Frame, Frame> {
  const { seed, startFrames, startConditions = null } = options;
  const { operator } = createFrameMaker(model, {
    open: () => openSynthesizer(model, seed),
    close: (synthesizer) => synthesizer.dispose(),
    ...(startFrames && {
      // Not before the first frame: the start's conditions may come from the same stream.
      begin: (synthesizer) => synthesizer.start(startFrames, startConditions),
    }),
  });
  return operator;
}
