import type * as tf from '@tensorflow/tfjs-core';
import { eagerRunner, graphRunner } from '../backend/graph/index.js';
import { throwIfCancelled } from '../base/cancel.js';
import { withCleanup } from '../base/cleanup.js';
import type { Logger } from '../base/log.js';
import type { WindowRequest } from '../clips/index.js';
import type { Checkpointing, FrameSize } from '../planning/index.js';
import { pattern, stateOfSize } from './measure-step.js';
import { disposeState, type Model } from './model.js';
import type { LossOptions } from './options.js';
import { FEWEST_STEPS, isEnough, type StepTime } from './pace.js';
import { planStep, sightOf, type ScheduleOptions } from './schedule.js';
import { disposeDraws, rolloutInput } from './step-input.js';
import { trainStep } from './step.js';

export interface PaceOptions {
  readonly size: FrameSize;
  readonly checkpointing: Checkpointing;
  /** How long the training would be. */
  readonly minutes: number;
  /** After so long no other step is begun, if there are a few already. */
  readonly limitSeconds: number;
  readonly log: Logger;
  readonly signal?: AbortSignal;
  /** Told after each step. */
  readonly onStep?: (steps: number) => void;
}

/** With fewer, both kinds of a first step may not have been there, and each is recorded once. */
const FEWEST_HERE = 3;

function filledUp(measured: readonly StepTime[]): StepTime[] {
  const fastest = measured.reduce((least, one) =>
    one.ms / one.frames < least.ms / least.frames ? one : least,
  );
  const missing = Math.max(0, FEWEST_STEPS - measured.length);
  return [...measured, ...Array.from({ length: missing }, () => fastest)];
}

/** A window as clips would give it, without clips. */
function madeWindow(
  { generator }: Model,
  { flowTeacher }: Pick<LossOptions, 'flowTeacher'>,
  request: WindowRequest & { batch: number },
  size: FrameSize,
) {
  const { historyFrames, conditionFrames } = generator.options;
  const leadFrames = Math.max(historyFrames, conditionFrames - 1);
  const { frames, batch, warmUpFrames = 0 } = request;
  const shape = (channels: number): tf.ShapeMap[tf.Rank.R5] => [
    batch,
    leadFrames + warmUpFrames + frames,
    size.height,
    size.width,
    channels,
  ];
  const window = pattern<tf.Rank.R5>(shape(3));
  const channels = generator.conditionChannels;
  const condition = channels > 0 ? pattern<tf.Rank.R5>(shape(channels)) : null;
  const columns = generator.actionColumns;
  const done = (): tf.Tensor3D | undefined =>
    columns > 0
      ? pattern<tf.Rank.R3>([batch, leadFrames + warmUpFrames + frames, columns])
      : undefined;
  const [actions, otherActions] = [done(), done()];
  const { height, width } = size;
  const motion =
    flowTeacher > 0 ? pattern<tf.Rank.R5>([batch, frames, height, width, 3]) : undefined;
  const looks =
    generator.options.styleChannels > 0 ? pattern<tf.Rank.R4>([batch, height, width, 3]) : null;
  return {
    frames: window,
    condition,
    looks,
    ...(actions && { actions }),
    ...(otherActions && { otherActions }),
    ...(motion && { motion }),
    leadFrames,
    warmUpFrames,
    origin: [],
    drawn: [],
    dispose: () => {
      window.dispose();
      condition?.dispose();
      actions?.dispose();
      otherActions?.dispose();
      motion?.dispose();
      looks?.dispose();
    },
  };
}

/**
 * What the first steps of a training take, each kind recorded when it comes first, as in the training itself:
 * the same plans, the same graphs, on windows that are made for it. As many as a training counts its steps
 * by, or as the limit leaves time for; the fastest then stands for those that are missing to the fewest.
 * @throws FrameloomError cancelled, and what a step throws
 */
export async function measurePace(
  pipeline: ScheduleOptions & {
    readonly generator: { readonly noiseChannels: number; readonly historyFrames: number };
  },
  model: Model,
  { size, checkpointing, minutes, limitSeconds, log, signal, onStep }: PaceOptions,
): Promise<StepTime[]> {
  const { training, losses } = pipeline;
  return withCleanup(async (later) => {
    const runner = training.compile ? graphRunner() : eagerRunner;
    later(() => runner.dispose());
    let state = stateOfSize(model);
    later(() => disposeState(state));
    const measured: StepTime[] = [];
    const started = performance.now();
    for (;;) {
      throwIfCancelled(signal, 'measuring the pace');
      const planned = planStep(pipeline, checkpointing, measured.length, []);
      const window = madeWindow(model, losses, planned.request, size);
      const began = performance.now();
      try {
        const input = rolloutInput(window, planned, pipeline);
        try {
          const plan = { ...planned.plan, sight: sightOf(pipeline, planned.plan, size) };
          const result = await trainStep(model, state, input, losses, plan, runner);
          disposeState(state);
          state = result.state;
        } finally {
          disposeDraws(input, window);
        }
      } finally {
        window.dispose();
      }
      const ms = performance.now() - began;
      const { warmUpFrames = 0 } = planned.request;
      const { length: frames } = planned.teacherForced;
      const { batch } = training;
      measured.push({ ms, frames: frames * batch, warmUpFrames: warmUpFrames * batch });
      onStep?.(measured.length);
      const elapsedMs = performance.now() - started;
      if (isEnough(measured.length, { minutes, elapsedMs })) return measured;
      if (measured.length >= FEWEST_HERE && elapsedMs > limitSeconds * 1000) {
        return filledUp(measured);
      }
      // Signals and timers have their turn between two steps.
      await new Promise((resolve) => setImmediate(resolve));
    }
  }, log);
}
