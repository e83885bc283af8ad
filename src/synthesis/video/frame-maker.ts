import { Observable, type OperatorFunction } from 'rxjs';
import { mapFrames, type Frame } from '../../video/index.js';
import { dataOf, type AnyModel } from '../models/model.js';
import type { InputActions } from './input-actions.js';
import type { DetailedFrame, Synthesizer } from '../engines/synthesizer.js';

export interface FrameMakerOptions {
  /** What makes the frames of a subscription, with nothing behind it. */
  readonly open: () => Synthesizer;
  /** Called with it when the subscription is over and no frame is being made any more. */
  readonly close?: (synthesizer: Synthesizer) => void;
  /** Frames at the front that are taken as they are; the generator goes on from them. */
  readonly startFrames?: number | undefined;
  /** The k-th of them, rgb24 in the model's size; asked for when its condition has come. */
  readonly start?: ((k: number) => Frame) | undefined;
  /** What is done in the k-th frame of the conditions; nothing unless given, which a generator that is told refuses. */
  readonly actions?: InputActions | undefined;
  /** Told of each frame that was asked for, before the next one is; k counts the conditions. */
  readonly asked?: ((synthesizer: Synthesizer, k: number) => void) | undefined;
  /** Told what each made frame was composed of, in order and before the frame is given out. */
  readonly onDetail?: ((detail: DetailedFrame) => void) | undefined;
  /** Called before the first frame is made, to set the history. */
  readonly begin?: ((synthesizer: Synthesizer) => void) | undefined;
}

/** The operator, and when it has let its synthesizer go. */
export interface FrameMaker {
  readonly operator: OperatorFunction<Frame, Frame>;
  /** Resolves when no frame is being made any more, after an unsubscription too. */
  settled(): Promise<void>;
}

/**
 * Conditions in, frames out, each made from those before it. Frames are made only as fast as they
 * are taken, so that decoding, generating and encoding overlap with a frame or two between them.
 */
export function createFrameMaker(model: AnyModel, options: FrameMakerOptions): FrameMaker {
  const { width, height } = dataOf(model).size;
  const { startFrames = 0, start } = options;
  const hasCondition = model.layout.content !== 'none';
  let working: Promise<unknown> | undefined;
  return {
    settled: async () => {
      // Whatever it fails with was told downstream.
      await working?.catch(() => undefined);
    },
    operator: (conditions) =>
      new Observable<Frame>((subscriber) => {
        const synthesizer = options.open();
        const limit = { inFlight: synthesizer.inFlight };
        const starts: Frame[] = [];
        const startConditions: Uint8Array[] = [];
        const make = async (
          { data, index, timeSeconds, fps }: Frame,
          k: number,
        ): Promise<Frame> => {
          const told = { actions: options.actions?.(k) };
          const wanted = hasCondition ? data : null;
          const shown = { index, timeSeconds, width, height, fps, pixelFormat: 'rgb24' } as const;
          if (!options.onDetail) return { ...shown, data: await synthesizer.next(wanted, told) };
          const made = await synthesizer.nextInDetail(wanted, told);
          options.onDetail(made);
          return { ...shown, data: made.rgb };
        };
        subscriber.add(
          conditions
            .pipe(
              mapFrames((condition, i): Promise<Frame> | Frame => {
                if (i < startFrames && start) {
                  // The start's own conditions are the generator's past, not frames to make.
                  startConditions.push(condition.data);
                  const frame = start(i);
                  starts.push(frame);
                  return frame;
                }
                if (i === startFrames) {
                  if (starts.length > 0) {
                    synthesizer.start(
                      starts.map((frame) => frame.data),
                      hasCondition ? startConditions : null,
                      starts.map((_, k) => options.actions?.(k) ?? null),
                    );
                  }
                  options.begin?.(synthesizer);
                }
                const frame = make(condition, i);
                options.asked?.(synthesizer, i);
                // In order: when the last one is settled all are.
                const last = frame.then(settled, settled);
                function settled(): void {
                  if (working === last) working = undefined;
                }
                working = last;
                return frame;
              }, limit),
            )
            .subscribe(subscriber),
        );
        subscriber.add(() => {
          const { close } = options;
          if (!close) return;
          // Not while a frame is being made with it.
          if (working) void working.finally(() => close(synthesizer));
          else close(synthesizer);
        });
      }),
  };
}
