import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  checkpointedGradient,
  plainGradient,
  type Recomputation,
  type Rollout,
  type RolloutGradient,
} from '../../src/autodiff/index.js';
import { eagerRunner, graphRunner, numbered } from '../../src/backend/graph/index.js';
import { useBackend } from '../../src/backend/index.js';
import { registerKernels } from '../../src/kernels/index.js';
import { createGenerator, generatorOptions } from '../../src/networks/index.js';
import { createRollout } from '../../src/training/rollout.js';
import { byLoss } from './by-loss.js';
import { expectClose, expectNoLeak, normals, relativeDifference } from '../tensors.js';

beforeAll(async () => {
  await useBackend({ prefer: 'tensorflow' });
  registerKernels();
});

/** A loss that every output takes part in, each with weights of its own, none of them linear. */
const loss = (outputs: readonly tf.Tensor[]): tf.Scalar =>
  tf.addN(
    outputs.map((output, i) => tf.mean(tf.square(tf.sub(output, normals(`o${i}`, output.shape))))),
  );

const dispose = ({ result, gradient }: RolloutGradient<tf.Scalar>): void =>
  tf.dispose([result, gradient]);

/** {@link byLoss}, and copies of the outputs that it was called with. */
function watching(of: (outputs: readonly tf.Tensor[]) => tf.Scalar) {
  const outputs: tf.Tensor[] = [];
  const lossGradient = byLoss((own) => {
    outputs.push(...own.map((output) => tf.keep(tf.clone(output))));
    return of(own);
  });
  return { outputs, lossGradient };
}

describe('checkpointedGradient of the generator', () => {
  const T = 5;
  const generator = createGenerator(
    generatorOptions.parse({ preset: 'tiny', noiseChannels: 2, normalization: 'weights' }),
    1,
  );
  // Encoders of history and condition, noise, two trunk blocks, one of the branch, enlarging, heads,
  // and the frame's composition.
  const EACH_BLOCK = [1, 1, 1, 1, 1, 1, 1, 1, 1];
  const WAYS: Recomputation[] = [
    { segments: [1, 1, 1, 1, 1] },
    { segments: [2, 3] },
    { segments: [5] },
    {
      segments: [
        [[1, 1], 1],
        [1, 1],
      ],
    },
    { segments: [1, 1, 1, 1, 1], stretches: EACH_BLOCK },
    { segments: [2, [1, 1], 1], stretches: [2, 5, 2] },
  ];

  /** A rollout of 5 frames of 32×24 and its parameters; the caller disposes of them. */
  function setUp(coldStart: boolean, forced: readonly number[]) {
    const [lead, height, width] = [2, 24, 32];
    const tensors = {
      frames: tf.tidy(() => tf.tanh(normals<tf.Rank.R5>('f', [1, lead + T, height, width, 3]))),
      condition: normals<tf.Rank.R5>('c', [1, lead + T, height, width, 1]),
      noise: normals<tf.Rank.R5>('n', [1, T, height / 4, width / 4, 2]),
    };
    const rollout = createRollout(generator, {
      ...tensors,
      lead,
      warmUp: 0,
      coldStart,
      visibleFrom: coldStart ? lead : 0,
      teacherForced: Array.from({ length: T }, (_, t) => forced.includes(t)),
    });
    const parameters = tf.tensor1d(generator.layout.initialize(1));
    return {
      rollout,
      parameters,
      dispose: () => tf.dispose([...Object.values(tensors), ...rollout.initialState, parameters]),
    };
  }

  it.each([
    ['with history', false, [], WAYS],
    [
      'from a cold start',
      true,
      [],
      [
        { segments: [2, 3] },
        { segments: [[2, 1], 2] },
        { segments: [1, 1, 1, 1, 1], stretches: [8, 1] },
      ],
    ],
    [
      'with teacher forcing',
      false,
      [1, 3],
      [{ segments: [1, 1, 1, 1, 1] }, { segments: [1, 1, 1, 1, 1], stretches: [1, 3, 4, 1] }],
    ],
    ['from a cold start with teacher forcing', true, [2], [{ segments: [2, 3] }]],
  ] as [string, boolean, number[], Recomputation[]][])(
    'equals the plain tape’s to 1e-5, %s',
    async (_how, coldStart, forced, cuts) => {
      await expectNoLeak(() => {
        const { rollout, parameters, dispose: done } = setUp(coldStart, forced);
        const runner = graphRunner();
        const before = tf.memory().numTensors;
        const { outputs: made, lossGradient } = watching(loss);
        const plain = plainGradient(rollout, parameters, lossGradient);
        expect(tf.tidy(() => tf.max(plain.gradient).dataSync()[0])).toBeGreaterThan(1e-3);
        for (const [cut, how] of cuts.flatMap(
          (cut) =>
            [
              [cut, eagerRunner],
              [cut, runner],
            ] as const,
        )) {
          const sameOutputs = (outputs: readonly tf.Tensor[]): tf.Scalar => {
            expect(outputs.length).toBe(made.length);
            outputs.forEach((output, i) => expectClose(output, made[i]!));
            return loss(outputs);
          };
          const checkpointed = checkpointedGradient(
            ...([rollout, parameters, byLoss(sameOutputs), cut, how] as const),
          );
          expectClose(checkpointed.result, plain.result, { rtol: 1e-6 });
          const difference = relativeDifference(checkpointed.gradient, plain.gradient);
          expect(difference).toBeLessThan(1e-5);
          dispose(checkpointed);
        }
        dispose(plain);
        tf.dispose(made);
        runner.dispose();
        expect(tf.memory().numTensors).toBe(before);
        done();
      });
    },
  );
});

describe('the gradients of a rollout', () => {
  // x ← p₀·x + p₁, twice given out: everything known in closed form.
  const scalar = (value: number) => tf.tensor1d([value]);
  const recurrence = (length: number, start: tf.Tensor): Rollout => ({
    length,
    initialState: [start],
    weights: (parameters) => numbered('p', tf.split(parameters, 2)),
    given: () => ({}),
    kind: () => 'any',
    blocks: () => [
      {
        parameters: ['p0'],
        reads: ['state0'],
        run: ({ p0 }, _, { state0 }) => ({ scaled: tf.mul(state0!, p0!) }),
      },
      {
        parameters: ['p1'],
        reads: [],
        run: ({ p1 }, { scaled }) => {
          const x = tf.add(scaled!, p1!);
          return { state0: x, output0: tf.clone(x) };
        },
      },
    ],
  });
  const total = (outputs: readonly tf.Tensor[]): tf.Scalar => tf.sum(tf.concat([...outputs]));

  it('end at the segments where nothing of them is carried, and are less of themselves by a factor', async () => {
    await expectNoLeak(() => {
      const start = scalar(2);
      const parameters = tf.tensor1d([0.5, 1]);
      const rollout = recurrence(3, start);
      // 2, 2, 2. By cotangents λ_t = 1 + c·a·λ_{t+1}: ∂/∂a = Σ 2·λ_t and ∂/∂b = Σ λ_t, c at segments' borders.
      for (const [segments, share, every, expected] of [
        [[1, 1, 1], 1, 1, [8.5, 4.25]],
        [[1, 1, 1], 0, 1, [6, 3]],
        [[1, 1, 1], 0.5, 1, [7.125, 3.5625]],
        [[1, 2], 0, 1, [7, 3.5]],
        [[[1, 1], 1], 0, 1, [6, 3]],
        [[3], 0, 1, [8.5, 4.25]],
        // Before the last two alone, whatever segments there are.
        [[1, 1, 1], 0, 2, [7, 3.5]],
        [[1, 2], 0, 2, [7, 3.5]],
      ] as [Recomputation['segments'], number, number, number[]][]) {
        const factor = tf.scalar(share);
        const how = { segments, carried: { factor, every } };
        const made = checkpointedGradient(rollout, parameters, byLoss(total), how);
        expect([...made.gradient.dataSync()]).toEqual(expected);
        tf.dispose([made.gradient, made.result, factor]);
      }
      tf.dispose([start, parameters]);
    });
  });

  it('are right for a recurrence that can be done by hand', async () => {
    await expectNoLeak(() => {
      const start = scalar(2);
      const parameters = tf.tensor1d([0.5, 1]);
      const rollout = recurrence(3, start);
      // 2, 2, 2: the fixed point. ∂x_t/∂a = x + a·∂x_{t−1}/∂a = 2, 3, 3.5; ∂x_t/∂b = 1, 1.5, 1.75.
      const { outputs, lossGradient } = watching(total);
      const plain = plainGradient(rollout, parameters, lossGradient);
      expect(outputs.map((output) => output.dataSync()[0])).toEqual([2, 2, 2]);
      tf.dispose(outputs);
      for (const result of [
        plain,
        checkpointedGradient(rollout, parameters, byLoss(total), { segments: [1, 1, 1] }),
        checkpointedGradient(rollout, parameters, byLoss(total), { segments: [1, 2] }),
        checkpointedGradient(rollout, parameters, byLoss(total), { segments: [[1, 1], 1] }),
        checkpointedGradient(rollout, parameters, byLoss(total), { segments: [[[1, 1], 1]] }),
        checkpointedGradient(rollout, parameters, byLoss(total), {
          ...{ segments: [1, 1, 1], stretches: [1, 1] },
        }),
      ]) {
        expectClose(result.result, 6);
        expectClose(result.gradient, { shape: [2], values: [8.5, 4.25] });
        dispose(result);
      }
      tf.dispose([start, parameters]);
    });
  });

  it('are zero for a loss that sees no output', async () => {
    await expectNoLeak(() => {
      const start = scalar(2);
      const parameters = tf.tensor1d([0.5, 1]);
      const rollout = recurrence(2, start);
      const constant = byLoss(() => tf.scalar(3));
      const plain = plainGradient(rollout, parameters, constant);
      for (const result of [
        plain,
        checkpointedGradient(rollout, parameters, constant, { segments: [1, 1] }),
      ]) {
        expectClose(result.result, 3);
        expectClose(result.gradient, { shape: [2], values: [0, 0] });
        dispose(result);
      }
      tf.dispose([start, parameters]);
    });
  });

  it('refuse segments that do not add up', () => {
    tf.tidy(() => {
      const rollout = recurrence(3, scalar(1));
      expect(() =>
        checkpointedGradient(rollout, tf.ones([2]), byLoss(total), { segments: [1, 1] }),
      ).toThrow('segments 1 + 1 do not make 3 steps');
    });
  });
});
