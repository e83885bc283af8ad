import { defer, Observable, type OperatorFunction } from 'rxjs';
import type { Rational } from '../../base/rational.js';
import { openCondition } from '../../clips/condition.js';
import type { Frame } from '../../video/index.js';
import { createSynthesizer } from '../engines/open.js';
import type { GivenActions } from '../engines/told-actions.js';
import { dataOf, type AnyModel } from '../models/model.js';
import { createFrameMaker } from './frame-maker.js';

export interface GenerateFramesOptions {
  /** Seed of the noise, where the generator takes any; the training's unless given. */
  readonly seed?: number | undefined;
  /** Real frames (rgb24 bytes, oldest first) to go on from; none begins from nothing. */
  readonly startFrames?: readonly Uint8Array[] | undefined;
  /** Their conditions. */
  readonly startConditions?: readonly Uint8Array[] | null | undefined;
  /** What was done in them. */
  readonly startActions?: readonly GivenActions[] | null | undefined;
  /** What is done in each frame, by its number; asked for when its condition has come. */
  readonly actions?: ((frame: number) => GivenActions) | undefined;
}

export interface ConditionFramesOptions {
  /** Run any filtergraph of the model: others than change pictures make the stream fail with `untrusted`. */
  readonly trustFilters?: boolean | undefined;
  /** Folder that relative paths of the model's pipeline start from; the current one unless given. */
  readonly baseFolder?: string | undefined;
}

/**
 * RxJS operator: frames of one's own in, the conditions that the model's pipeline makes of them out. For a
 * model without conditions the frames pass through and only keep time. Of a video file `generate` does
 * all of it.
 * @param fps rate of the frames
 */
export function withCondition(
  model: AnyModel,
  fps: Rational,
  options: ConditionFramesOptions = {},
): OperatorFunction<Frame, Frame> {
  const { trustFilters, baseFolder = process.cwd() } = options;
  return (frames) =>
    defer(
      () =>
        new Observable<Frame>((subscriber) => {
          let closed = false;
          openCondition(dataOf(model), { frames }, { baseFolder, fps, trustFilters }).then(
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
 * Frames are made only as fast as they are taken.
 */
export function generateFrames(
  model: AnyModel,
  options: GenerateFramesOptions = {},
): OperatorFunction<Frame, Frame> {
  const { seed, startFrames, startConditions = null, startActions = null, actions } = options;
  return (conditions) =>
    new Observable<Frame>((subscriber) => {
      let closed = false;
      createSynthesizer(model, { seed }).then(
        (synthesizer) => {
          if (closed) {
            synthesizer.dispose();
            return;
          }
          const { operator } = createFrameMaker(model, {
            open: () => synthesizer,
            actions,
            close: () => synthesizer.dispose(),
            ...(startFrames && {
              // Not before the first frame: the start's conditions may come from the same stream.
              begin: () => synthesizer.start(startFrames, startConditions, startActions),
            }),
          });
          subscriber.add(conditions.pipe(operator).subscribe(subscriber));
        },
        (error: unknown) => subscriber.error(error),
      );
      return () => {
        closed = true;
      };
    });
}
