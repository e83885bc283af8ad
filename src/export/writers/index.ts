import type { KernelWriter } from '../writer.js';
import { changeWriter } from './change.js';
import { convolutionWriters } from './convolution.js';
import { pictureWriters } from './picture.js';
import { placeWriter } from './place.js';
import { warpWriter } from './warp.js';

/** How each TensorFlow.js kernel is written in ONNX. */
export const KERNEL_WRITERS: Readonly<Record<string, KernelWriter>> = {
  ...convolutionWriters,
  ...pictureWriters,
  FrameloomChange: changeWriter,
  FrameloomPlace: placeWriter,
  FrameloomWarp: warpWriter,
};
