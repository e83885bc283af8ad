import * as tf from '@tensorflow/tfjs-core';
import { numbered, ordered, type NamedTensors } from '../backend/graph/index.js';
import type { Judgement, Parameters } from '../networks/index.js';
import {
  folded,
  repeated,
  runBatches,
  runsOf,
  timesOf,
  type JudgedStep,
  type Judges,
} from './judged-parts.js';
import { adversarialLoss, meanOf, type AdversarialLoss } from './losses/adversarial.js';
import { microBatches, type LossPart } from './micro-batch.js';

/** Half of what the discriminator minimizes for real and for generated input, real in front. */
function sides(
  loss: AdversarialLoss,
  judgements: readonly Judgement[],
  realCount: number,
  share: number,
): { real: tf.Scalar; fake: tf.Scalar } {
  const part = (logits: tf.Tensor4D, from: number, count: number): tf.Tensor4D =>
    tf.slice(logits, [from, 0, 0, 0], [count, -1, -1, -1]);
  const half = (values: tf.Scalar[]): tf.Scalar => tf.mul(meanOf(values), 0.5 * share);
  return {
    real: half(judgements.map(({ logits }) => loss.real(part(logits, 0, realCount)))),
    fake: half(
      judgements.map(({ logits }) =>
        loss.fake(part(logits, realCount, logits.shape[0] - realCount)),
      ),
    ),
  };
}

/**
 * The discriminators' loss in parts of at most `size` frames, then of at most `size` runs of frames:
 * the terms of `discriminatorLoss`, summed over the parts. Its only x is `judges.flat`.
 */
export function discriminatorParts(
  step: JudgedStep,
  { flat, vectors }: Judges,
  size: number,
): (() => LossPart)[] {
  const { discriminators, real, out, losses, judgeRaw } = step;
  const samples = real.window.shape[0];
  const loss = adversarialLoss(losses.adversarial);
  const weights = ([x]: readonly tf.Tensor[], given: NamedTensors): Parameters =>
    discriminators.weights(x as tf.Tensor1D, given.vectors as tf.Tensor1D);
  const parts: (() => LossPart)[] = [];
  if (losses.frameAdversarial > 0 || losses.featureMatching > 0) {
    for (const { from, to, share } of microBatches(out.frames.length, size)) {
      parts.push(() => {
        const fakes = [out.frames, ...(judgeRaw ? [out.raws] : [])];
        const target = timesOf(real.frames, samples, from, to);
        const all = [target, ...fakes.map((frames) => folded(frames.slice(from, to)))];
        return {
          kind: `discriminators, frames by ${share}`,
          xs: [flat],
          given: {
            vectors,
            frames: tf.concat(all),
            ...(real.condition && { condition: timesOf(real.condition, samples, from, to) }),
          },
          open: (xs, given) => () => {
            const condition = given.condition as tf.Tensor4D | undefined;
            const judgements = discriminators.judgeFrames(
              weights(xs, given),
              given.frames as tf.Tensor4D,
              condition ? repeated(condition, all.length) : null,
            );
            const side = sides(loss, judgements, target.shape[0], share);
            return { frame_real: side.real, frame_fake: side.fake };
          },
        };
      });
    }
  }
  if (losses.sequenceAdversarial > 0) {
    for (const batch of runBatches(step, size)) {
      parts.push(() => {
        const { discriminator } = discriminators.sequences[batch.judge]!;
        const own = runsOf(step, batch);
        return {
          kind: `discriminators, ${own.kind}`,
          xs: [flat],
          given: { vectors, ...own.given, ...numbered('made', own.reads) },
          open(xs, given) {
            const realRuns = own.real(given);
            const runs = tf.concat([realRuns, own.generated(ordered('made', given), given)]);
            return () => {
              const judgements = discriminator.judge(weights(xs, given), runs);
              const side = sides(loss, judgements, realRuns.shape[0], batch.share);
              return { sequence_real: side.real, sequence_fake: side.fake };
            };
          },
        };
      });
    }
  }
  return parts;
}
