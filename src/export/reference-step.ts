import * as tf from '@tensorflow/tfjs-core';
import { readOnce, scoped } from '../backend/scope.js';
import { FrameloomError } from '../base/error.js';
import { GENERATOR_MULTIPLE, type Generator, type Parameters } from '../networks/index.js';
import type { Planes, TrialCase } from './trial-inputs.js';

export interface StepInputs {
  readonly condition: Planes | null;
  readonly noise: Planes | null;
  readonly style: Planes | null;
  readonly actions: Planes | null;
  readonly history: Planes | null;
  readonly hasHistory: boolean;
}

const toPlain = (planes: Planes, shape: [number, number, number, number]): tf.Tensor4D =>
  tf.transpose(tf.tensor4d(planes, shape), [0, 2, 3, 1]);

/**
 * One frame by TensorFlow.js: what an exported file must make of these inputs, by name, NCHW.
 * @throws FrameloomError diverged when there is NaN in it
 */
export async function stepByTensorFlow(
  generator: Generator,
  parameters: Parameters,
  inputs: StepInputs,
  { samples, width, height }: TrialCase,
): Promise<Record<string, Planes>> {
  const { conditionFrames, historyFrames, noiseChannels, styleChannels } = generator.options;
  const [rows, columns] = [height / GENERATOR_MULTIPLE, width / GENERATOR_MULTIPLE];
  const made = scoped(() => {
    const channels = generator.conditionChannels * conditionFrames;
    const history =
      inputs.history && toPlain(inputs.history, [samples, 3 * historyFrames, height, width]);
    const output = generator.step(parameters, {
      condition: inputs.condition && toPlain(inputs.condition, [samples, channels, height, width]),
      history,
      hasHistory: inputs.hasHistory,
      noise: inputs.noise && toPlain(inputs.noise, [samples, noiseChannels, rows, columns]),
      style: inputs.style && toPlain(inputs.style, [samples, styleChannels, 1, 1]),
      actions:
        inputs.actions && toPlain(inputs.actions, [samples, inputs.actions.length / samples, 1, 1]),
    });
    const kept = 3 * (historyFrames - 1);
    const older = history && kept > 0 ? [tf.slice(history, [0, 0, 0, 0], [-1, -1, -1, kept])] : [];
    const named = {
      frame: output.frame,
      raw: output.raw,
      ...(output.flow && { flow: output.flow }),
      ...(output.mask && { mask: output.mask }),
      ...(history && { next_history: tf.concat([output.frame, ...older], 3) }),
    };
    return Object.entries(named).map(
      ([name, tensor]) => [name, tf.transpose(tensor, [0, 3, 1, 2])] as const,
    );
  });
  const numbers = await Promise.all(
    made.map(async ([name, tensor]) => [name, (await readOnce(tensor)) as Planes] as const),
  );
  if (numbers.some(([, planes]) => planes.some(Number.isNaN))) {
    throw new FrameloomError('diverged', 'the generator to export makes NaN', {
      hint: 'the weights are damaged: go back to an earlier snapshot',
    });
  }
  return Object.fromEntries(numbers);
}
