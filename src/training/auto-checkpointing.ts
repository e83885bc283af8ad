import { freemem } from 'node:os';
import * as tf from '@tensorflow/tfjs-core';
import type { Logger } from '../base/log.js';
import { formatBytes } from '../base/units.js';
import { plainGradient } from '../autodiff/index.js';
import type { Model } from './model.js';
import type { TrainingOptions } from './options.js';
import { createRollout } from './rollout.js';

/** Share of the free memory that activations may take. */
const MEMORY_SHARE = 0.5;

/** Peak tensor bytes that one generated frame adds to a tape, measured on this backend. */
export async function bytesPerFrame(
  model: Model,
  size: { height: number; width: number; batch: number },
): Promise<number> {
  const { generator } = model;
  const { height, width, batch } = size;
  const { noiseChannels } = generator.options;
  const before = tf.memory().numBytes;
  const { peakBytes, result } = await tf.profile(() =>
    tf.tidy(() => {
      const channels = generator.conditionChannels;
      const rollout = createRollout(generator, {
        frames: tf.zeros([batch, 2, height, width, 3]),
        condition: channels > 0 ? tf.zeros([batch, 2, height, width, channels]) : null,
        noise:
          noiseChannels > 0 ? tf.zeros([batch, 1, height / 4, width / 4, noiseChannels]) : null,
        lead: 1,
        warmUp: 0,
        coldStart: false,
        teacherForced: [false],
      });
      const flat = tf.tensor1d(generator.layout.initialize(0));
      const { loss } = plainGradient(rollout, flat, ([frame]) => tf.mean(frame!));
      return loss;
    }),
  );
  tf.dispose(result);
  return Math.max(0, peakBytes - before);
}

/**
 * The frames of each recomputed segment, null for none, by `training.gradientCheckpointing`; `auto`
 * measures one frame and keeps the whole rollout on the tape when that fits half the free memory.
 */
export async function chooseCheckpointing(
  model: Model,
  options: TrainingOptions,
  size: { height: number; width: number },
  log: Logger,
): Promise<number | null> {
  const choice = options.gradientCheckpointing;
  if (choice === 'off') return null;
  if (choice !== 'auto') return choice.every;
  const perFrame = await bytesPerFrame(model, { ...size, batch: options.batch });
  const available = freemem() * MEMORY_SHARE;
  const fits = Math.floor(available / perFrame);
  const words = `${formatBytes(perFrame)} a frame, ${formatBytes(available)} to use`;
  if (fits >= options.frames) {
    log.info(`gradient checkpointing: off, the rollout of ${options.frames} fits (${words})`);
    return null;
  }
  const every = Math.max(1, fits);
  log.info(`gradient checkpointing: every ${every} frames (${words})`);
  return every;
}
