import { FrameloomError } from '../base/error.js';
import type { FlowField } from './optical-flow.js';

/**
 * tOF (Chu et al. 2020, TecoGAN): the mean distance in pixels between the flow of two generated
 * neighbours and that of the real ones. 0 moves exactly as the real frames do.
 * @throws FrameloomError bad-shape
 */
export function tOF(generated: FlowField, real: FlowField): number {
  if (generated.width !== real.width || generated.height !== real.height) {
    throw new FrameloomError(
      'bad-shape',
      `flows of different size cannot be compared: ${generated.width}×${generated.height} and ${real.width}×${real.height}`,
    );
  }
  const pixels = real.width * real.height;
  let sum = 0;
  for (let i = 0; i < pixels; i += 1) {
    sum += Math.hypot(
      generated.data[2 * i]! - real.data[2 * i]!,
      generated.data[2 * i + 1]! - real.data[2 * i + 1]!,
    );
  }
  return sum / pixels;
}
