import * as tf from '@tensorflow/tfjs-core';
import { convolutionShapes } from './convolution-shapes.js';
import { elementwiseShapes } from './elementwise-shapes.js';
import type { KernelShape } from './kernel-shape.js';
import { movementShapes } from './movement-shapes.js';

export type { KernelShape, TensorMeta } from './kernel-shape.js';

/** The shapes of what each kernel that can be exported returns, by the kernel's name. */
export const KERNEL_SHAPES: Readonly<Record<string, KernelShape>> = {
  ...elementwiseShapes,
  ...movementShapes,
  ...convolutionShapes,
  [tf.BatchMatMul]: ({ a, b }, { transposeA, transposeB }) => {
    const rows = a!.shape.at(transposeA ? -1 : -2)!;
    const columns = b!.shape.at(transposeB ? -2 : -1)!;
    const batch = tf.broadcast_util.assertAndGetBroadcastShape(
      a!.shape.slice(0, -2),
      b!.shape.slice(0, -2),
    );
    return {
      outputs: [{ shape: [...batch, rows, columns], dtype: 'float32' }],
      attributes: { transposeA, transposeB },
    };
  },
};
