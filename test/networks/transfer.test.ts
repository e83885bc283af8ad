import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, expect, it } from 'vitest';
import { useBackend } from '../../src/backend/index.js';
import { registerKernels } from '../../src/kernels/index.js';
import {
  createDiscriminators,
  createGenerator,
  frameDiscriminatorOptions,
  generatorOptions,
  sequenceDiscriminatorOptions,
  transferParameters,
} from '../../src/networks/index.js';
import { expectClose, expectNoLeak, normals } from '../tensors.js';

beforeAll(async () => {
  await useBackend();
  registerKernels();
});

const optionsBy = (normalization: 'weights' | 'instance') =>
  generatorOptions.parse({
    ...{ channels: 4, residualBlocks: 1, noiseChannels: 2 },
    ...{ normalization, positions: normalization === 'weights' },
  });
const judge = { channels: 4, layers: 2, scales: 2 };
const judges = (channels: number) =>
  createDiscriminators(
    frameDiscriminatorOptions.parse(judge),
    sequenceDiscriminatorOptions.parse(judge),
    ...([channels, 4] as const),
  );
/** Classes 2, 0, one that the other network does not know, 1 of three. */
const KNOWN = [2, 0, null, 1];
const channelOf = (channel: number): number | null => KNOWN[channel]!;

/** A condition of three classes [N, H, W, frames·3] as one of the four: nothing is of the unknown one. */
function reordered(condition: tf.Tensor4D): tf.Tensor4D {
  const frames = condition.shape[3] / 3;
  const parts = tf.split(condition, frames * 3, 3);
  const moved = Array.from({ length: frames }, (_, t) =>
    KNOWN.map((own) => (own === null ? tf.zerosLike(parts[0]!) : parts[t * 3 + own]!)),
  );
  return tf.concat(moved.flat(), 3) as tf.Tensor4D;
}

it.each(['weights', 'instance'] as const)(
  'a generator goes on with other classes, normalized by %s: those that it knows mean the same, wherever they are',
  async (normalization) => {
    const options = optionsBy(normalization);
    await expectNoLeak(() =>
      tf.tidy(() => {
        const [before, after] = [createGenerator(options, 3), createGenerator(options, 4)];
        const weights = before.layout.initialize(3);
        const fresh = after.layout.initialize(9);
        const named = before.layout.toNamed(weights);
        const { flat, unfit } = transferParameters(
          ...[after.layout, fresh, before.layout, named, channelOf],
        );
        expect(unfit).toEqual([]);
        const condition = normals<tf.Rank.R4>('condition', [2, 16, 24, 9]);
        const input = {
          history: normals<tf.Rank.R4>('history', [2, 16, 24, 6]),
          noise: normals<tf.Rank.R4>('noise', [2, 4, 6, 2]),
          hasHistory: true,
        };
        const made = (one: typeof before, numbers: Float32Array, own: tf.Tensor4D) =>
          one.step(one.weights(tf.tensor1d(numbers)), { ...input, condition: own });
        const moved = reordered(condition);
        expectClose(made(after, flat, moved).frame, made(before, weights, condition).frame, {
          atol: 1e-4,
        });
        // Of the class that is new, the weights are those that there were.
        const stem = after.layout.specs.find((spec) => spec.conditionInputs)!;
        const of = (numbers: Float32Array) => after.layout.toNamed(numbers)[stem.name]!.data;
        const outputs = stem.shape.at(-1)!;
        const [own, first] = [of(flat), of(fresh)];
        const isFresh = own.map((value, i) => +(value === first[i]));
        stem.conditionInputs!.forEach((channel, i) => {
          expect(isFresh[i * outputs]).toBe(+(channel === 2));
        });
      }),
    );
  },
);

it('and so do its judges', async () => {
  await expectNoLeak(() =>
    tf.tidy(() => {
      const [before, after] = [judges(3), judges(4)];
      const weights = before.layout.initialize(3);
      const { flat, unfit } = transferParameters(
        ...[after.layout, after.layout.initialize(9), before.layout],
        ...[before.layout.toNamed(weights), channelOf],
      );
      expect(unfit).toEqual([]);
      const condition = normals<tf.Rank.R4>('condition', [2, 16, 24, 3]);
      const frames = normals<tf.Rank.R4>('frames', [2, 16, 24, 3]);
      const judged = (one: typeof before, numbers: Float32Array, own: tf.Tensor4D) =>
        one.judgeFrames(one.layout.unflatten(tf.tensor1d(numbers)), frames, own);
      const expected = judged(before, weights, condition);
      judged(after, flat, reordered(condition)).forEach(({ logits }, i) => {
        expectClose(logits, expected[i]!.logits, { atol: 1e-4 });
      });
    }),
  );
});

it('what is of another shape, or not there, is told of and stays', () => {
  const before = createGenerator(generatorOptions.parse({ channels: 4, residualBlocks: 1 }), 3);
  const after = createGenerator(generatorOptions.parse({ channels: 4, residualBlocks: 2 }), 3);
  const fresh = after.layout.initialize(9);
  const named = before.layout.toNamed(before.layout.initialize(3));
  const { flat, unfit } = transferParameters(
    ...[after.layout, fresh, before.layout, named, (channel: number) => channel],
  );
  const known = new Set(before.layout.specs.map(({ name }) => name));
  expect(unfit).toEqual(
    after.layout.specs.map(({ name }) => name).filter((one) => !known.has(one)),
  );
  const [made, own] = [after.layout.toNamed(flat), after.layout.toNamed(fresh)];
  for (const { name } of after.layout.specs) {
    expect(made[name]).toEqual(unfit.includes(name) ? own[name] : named[name]);
  }
  const narrow = createGenerator(generatorOptions.parse({ channels: 8, residualBlocks: 1 }), 3);
  const wider = transferParameters(
    ...[narrow.layout, narrow.layout.initialize(1), before.layout, named, () => 0],
  );
  expect(wider.unfit).toHaveLength(narrow.layout.specs.length - 1);
});
