import * as tf from '@tensorflow/tfjs-core';
import type { NamedTensors } from '../backend/graph/index.js';
import { GRADIENT_NORM, SIDES, type Side } from './signals.js';

/** ‖x‖². Infinite from 1.8e19 on in any number: what is larger is of no use to a network any more. */
const squared = (x: tf.Tensor): tf.Scalar => tf.tidy(() => tf.sum(tf.square(x)));

/**
 * Scalars from which {@link judgeStep} tells how a step went: a few ops in the step's own graph.
 *
 * Of a state that was finite nothing else has to be looked at than the gradients and the new weights: with
 * a gradient whose square is finite Adam's means are, and the averaged generator lies between the old one and
 * the new.
 * @param gradients of the sides that learn in this step
 */
export function healthOf(
  gradients: Readonly<Partial<Record<Side, tf.Tensor1D>>>,
  next: Readonly<Record<Side, tf.Tensor1D>>,
): NamedTensors {
  return tf.tidy((): NamedTensors => {
    const scalars: Record<string, tf.Tensor> = {};
    for (const side of SIDES) {
      if (gradients[side]) scalars[`gradient.${side}`] = squared(gradients[side]);
      scalars[`state.${side}`] = squared(next[side]);
    }
    return scalars;
  });
}

/** How a step went. */
export interface Verdict {
  /** Numbers about the step, besides its loss terms: `generator/gradient_norm`, `discriminator/…`. */
  readonly signals: Readonly<Record<string, number>>;
  /** What of it is not finite; null where all is. */
  readonly broken: string | null;
}

/**
 * @param terms the losses before the update
 * @param health what {@link healthOf} made, as numbers
 */
export function judgeStep(
  terms: Readonly<Record<string, number>>,
  health: Readonly<Record<string, number>>,
): Verdict {
  const term = Object.entries(terms).find(([, value]) => !Number.isFinite(value));
  const part = (what: 'gradient' | 'state', name: string): string | undefined => {
    const side = SIDES.find((own) => !Number.isFinite(health[`${what}.${own}`] ?? 0));
    return side && `${name} of the ${side}`;
  };
  const broken =
    (term && `${term[0]} is ${term[1]}`) ??
    part('gradient', 'a number without bound in the gradient') ??
    part('state', 'a number without bound in the update') ??
    null;
  const { 'gradient.generator': generator, 'gradient.discriminators': judges } = health;
  return {
    signals: {
      ...(generator !== undefined && { [GRADIENT_NORM.generator]: Math.sqrt(generator) }),
      ...(judges !== undefined && { [GRADIENT_NORM.discriminators]: Math.sqrt(judges) }),
    },
    broken,
  };
}
