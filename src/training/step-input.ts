import * as tf from '@tensorflow/tfjs-core';
import { scoped } from '../backend/scope.js';
import { drawIndex, randomStream, type RandomPurpose } from '../base/random.js';
import { ownShare, WHOLE } from '../base/share.js';
import type { Window } from '../clips/index.js';
import type { TrainingOptions } from './options.js';
import type { KeptHistory } from './histories.js';
import { spoilt } from './history-noise.js';
import { mirrored } from './ping-pong.js';
import { toldActions } from './told-actions.js';
import { realHistory, type RolloutInput } from './rollout.js';
import type { PlannedStep, ScheduleOptions } from './schedule.js';
import { needsNudge } from './step-plan.js';

/** A planned step's windows with what is drawn for it, for {@link disposeDraws}. */
export function rolloutInput(
  window: Window,
  { request: { share = WHOLE }, coldStart, teacherForced, plan, from }: PlannedStep,
  {
    seed,
    attempt,
    losses,
    generator,
    training,
  }: Pick<ScheduleOptions, 'seed' | 'attempt' | 'losses'> & {
    /** Nothing is dropped unless given. */
    readonly training?: Pick<TrainingOptions, 'actions' | 'historyNoise'>;
    generator: { readonly noiseChannels: number; readonly historyFrames: number };
  },
): RolloutInput {
  return scoped((): RolloutInput => {
    const [samples, , height, width] = window.frames.shape;
    const { condition, leadFrames: lead, warmUpFrames: warmUp } = window;
    const normals = (
      purpose: RandomPurpose,
      what: string,
      shape: [number, number, number, number, number],
    ): tf.Tensor5D => {
      const length = shape.reduce((product, size) => product * size);
      const random = randomStream(seed, purpose, `${drawIndex(plan.step, attempt)}/${what}`);
      // As one process that has the windows of all would draw them.
      const all = random.fillNormal(new Float32Array(length * share.size));
      return tf.tensor5d(all.slice(share.rank * length, (share.rank + 1) * length), shape);
    };
    const { length: rolledOut } = teacherForced;
    const taken = window.frames.shape[1] - lead - warmUp;
    // Of a window that goes there and back each time has one condition and one noise.
    const whole = (x: tf.Tensor5D, before: number): tf.Tensor5D =>
      plan.thereAndBack ? mirrored(x, before + warmUp) : x;
    const { noiseChannels, historyFrames } = generator;
    const noise =
      noiseChannels === 0
        ? null
        : normals('noise', 'frames', [
            samples,
            warmUp + taken,
            height / 4,
            width / 4,
            noiseChannels,
          ]);
    const isNudged = needsNudge(losses, plan);
    const visibleFrom = coldStart ? lead : 0;
    const historyNoise = training?.historyNoise ?? 0;
    const isSpoilt = historyNoise > 0 && historyFrames > 0 && !coldStart && !from;
    return {
      frames: whole(window.frames, lead),
      condition: condition && whole(condition, lead),
      noise: noise && whole(noise, 0),
      ...(window.looks && { looks: window.looks }),
      ...toldActions(
        window,
        training?.actions.dropFraction ?? 0,
        randomStream(seed, 'actions', drawIndex(plan.step, attempt)),
        share,
      ),
      lead,
      warmUp,
      coldStart,
      visibleFrom,
      teacherForced,
      ...(window.motion && { motion: window.motion }),
      ...(from && pastOf(ownShare(from, share), lead, historyFrames)),
      ...(isSpoilt && {
        history: scoped(() =>
          spoilt(
            realHistory(window.frames, lead, historyFrames, visibleFrom),
            historyNoise,
            randomStream(seed, 'histories', `${drawIndex(plan.step, attempt)}/noise`),
            share,
          ),
        ),
      }),
      ...(isNudged && {
        nudge: normals('regularization', 'nudge', [samples, lead + rolledOut, height, width, 3]),
      }),
    };
  });
}

/** The past that windows go on from. */
function pastOf(
  from: readonly KeptHistory[],
  lead: number,
  historyFrames: number,
): Required<Pick<RolloutInput, 'front' | 'history'>> {
  const front = tf.tidy(() =>
    tf.stack(from.map(({ frames: { data, shape } }) => tf.tensor(data, [...shape]))),
  ) as tf.Tensor5D;
  return { front, history: realHistory(front, lead, historyFrames, 0) };
}

/** Lets go of what {@link rolloutInput} drew and made; the window stays its owner's. */
export function disposeDraws(input: RolloutInput, window: Window): void {
  const { frames, condition, actions, otherActions, noise, nudge, front, history } = input;
  const own = [frames, condition].filter((x) => x !== window.frames && x !== window.condition);
  const drawn = [...own, actions, otherActions, noise, nudge, front, history];
  tf.dispose(drawn.filter((x) => x !== null && x !== undefined));
}
