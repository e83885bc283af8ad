import { registerActivation } from './activation/index.js';
import { registerAveragePool } from './average-pool/index.js';
import { registerBias } from './bias/index.js';
import { registerBlur } from './blur/index.js';
import { registerChange } from './change/index.js';
import { registerEnlarge } from './enlarge/index.js';
import { registerGatherRows } from './gather-rows/index.js';
import { registerInstanceNorm } from './instance-norm/index.js';
import { registerPlace } from './place/index.js';
import { registerWarp } from './warp/index.js';

export { leakyRelu, relu } from './activation/index.js';
export { biasAdd } from './bias/index.js';
export { blur, blurMacs } from './blur/index.js';
export { channelsOf } from './channels.js';
export { change, CHANGE } from './change/index.js';
export { enlarge } from './enlarge/index.js';
export { instanceNorm } from './instance-norm/index.js';
export { place } from './place/index.js';
export { warp, warpConstant } from './warp/index.js';

let registered = false;

/** Makes the fused kernels known to TensorFlow.js. Calling it again changes nothing. */
export function registerKernels(): void {
  if (registered) return;
  registered = true;
  registerInstanceNorm();
  registerActivation();
  registerAveragePool();
  registerBias();
  registerBlur();
  registerChange();
  registerEnlarge();
  registerGatherRows();
  registerPlace();
  registerWarp();
}
