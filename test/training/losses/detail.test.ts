import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { graphRunner } from '../../../src/backend/graph/index.js';
import { useBackend } from '../../../src/backend/index.js';
import { focalFrequency } from '../../../src/training/losses/focal-frequency.js';
import { laplacian, laplacianBands } from '../../../src/training/losses/laplacian.js';
import { golden, type GoldenTensor } from '../../metrics/pictures.js';
import { expectClose, expectNoLeak, normals, tensorOf } from '../../tensors.js';

interface DetailCase {
  patches: 1 | 2 | null;
  made: GoldenTensor;
  real: GoldenTensor;
  loss: number;
  madeGradient: GoldenTensor;
}

const TOLERANCE = { rtol: 1e-4, atol: 1e-6 };

type Loss = (made: tf.Tensor4D, real: tf.Tensor4D) => tf.Scalar;

const valueAndGrad = (loss: Loss, made: tf.Tensor4D, real: tf.Tensor4D) =>
  tf.valueAndGrad((x) => loss(x as tf.Tensor4D, real))(made);

describe.each(['tensorflow', 'wasm', 'cpu'] as const)('losses of detail on %s', (prefer) => {
  beforeAll(async () => {
    await useBackend({ prefer });
  });

  it.each(golden<DetailCase>('detail'))('equal PyTorch: $name', async (item) => {
    const { patches } = item;
    const loss: Loss =
      patches === null ? laplacian : (made, real) => focalFrequency(made, real, patches);
    await expectNoLeak(() =>
      tf.tidy(() => {
        const [made, real] = [item.made, item.real].map((one) => tensorOf<tf.Rank.R4>(one));
        const { value, grad } = valueAndGrad(loss, made!, real!);
        expectClose(value, item.loss, TOLERANCE);
        expectClose(grad, item.madeGradient, TOLERANCE);
      }),
    );
  });

  it('are nothing, and ask for nothing, where frames are right', () => {
    tf.tidy(() => {
      const frames = normals<tf.Rank.R4>('right', [1, 8, 12, 3]);
      for (const loss of [laplacian, focalFrequency]) {
        const { value, grad } = valueAndGrad(loss, frames, tf.clone(frames));
        expectClose(value, 0);
        expectClose(grad, tf.zerosLike(frames));
      }
    });
  });
});

describe('losses of detail', () => {
  beforeAll(async () => {
    await useBackend({ prefer: 'tensorflow' });
  });

  it('have as many bands as a frame has room for', () => {
    const bands = [
      [4, 400],
      [5, 5],
      [16, 16],
      [72, 128],
      [144, 256],
    ].map(([height, width]) => laplacianBands(height!, width!));
    expect(bands).toEqual([0, 1, 2, 5, 6]);
  });

  it('of bands mind a softness that plain L1 hardly sees', () => {
    tf.tidy(() => {
      // Dots of one pixel beside none, and a shift of all: the mean difference is the same.
      const dots = tf.tile(tf.tensor4d([1, -1, -1, 1], [1, 2, 2, 1]), [1, 16, 16, 3]);
      const nothing = tf.zerosLike(dots);
      const [ofDots, ofShift] = [dots, tf.onesLike(dots)].map(
        (made) => laplacian(made, nothing).dataSync()[0]!,
      );
      // The finest band has all of the dots; of a shift all bands have nothing, and the rest has it.
      expect(ofDots).toBeCloseTo(1, 1);
      expect(ofShift).toBeCloseTo(1, 5);
    });
  });

  it('have the gradient of finite differences, where weights of frequencies are held', () => {
    tf.tidy(() => {
      const made = normals<tf.Rank.R4>('made', [1, 6, 7, 1]);
      const real = normals<tf.Rank.R4>('real', [1, 6, 7, 1]);
      const way = normals<tf.Rank.R4>('way', [1, 6, 7, 1]);
      const step = 1e-3;
      const at = (by: number): number =>
        laplacian(tf.add(made, tf.mul(way, by)), real).dataSync()[0]!;
      const slope = tf.sum(tf.mul(valueAndGrad(laplacian, made, real).grad, way)).dataSync()[0]!;
      expect((at(step) - at(-step)) / (2 * step)).toBeCloseTo(slope, 2);
      // Weights rise with the distances: the loss is of the third degree, its gradient of two thirds of it.
      const { value, grad } = valueAndGrad(focalFrequency, made, real);
      const outwards = tf.sum(tf.mul(grad, tf.sub(made, real))).dataSync()[0]!;
      expect(outwards).toBeCloseTo(2 * value.dataSync()[0]!, 4);
    });
  });

  it('are the same in a recorded graph', () => {
    const made = normals<tf.Rank.R4>('made', [2, 16, 24, 3]);
    const real = normals<tf.Rank.R4>('real', [2, 16, 24, 3]);
    const runner = graphRunner();
    const both = ({ x, y }: Record<string, tf.Tensor>) => {
      const loss: Loss = (a, b) => tf.add(laplacian(a, b), focalFrequency(a, b, 2));
      const { value, grad } = valueAndGrad(loss, x as tf.Tensor4D, y as tf.Tensor4D);
      return { value, grad };
    };
    tf.tidy(() => {
      const eager = both({ x: made, y: real });
      for (let i = 0; i < 2; i += 1) {
        const graph = runner.call('detail', { x: made, y: real }, both);
        expectClose(graph.value, eager.value, { rtol: 1e-5 });
        expectClose(graph.grad, eager.grad, { rtol: 1e-4, atol: 1e-8 });
      }
    });
    runner.dispose();
    tf.dispose([made, real]);
  });
});
