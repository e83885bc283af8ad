import { z } from 'zod';
import type { Logger } from '../base/log.js';
import type { Dataset } from '../clips/index.js';
import { chooseCheckpointing, savedCheckpointing, type Checkpointing } from '../planning/index.js';
import { measuredStep, type ProfileOptions } from './measure-step.js';
import type { Model } from './model.js';
import { stableStringify, type JsonValue } from './run/json.js';
import { widestSight } from './schedule.js';
import { sightKey } from './sight.js';

/** How gradients are taken, and what that was chosen from, as snapshots keep both. */
export interface Choice {
  readonly checkpointing: Checkpointing;
  readonly chosenFrom: Readonly<Record<string, JsonValue>>;
}

const savedSchema = z.object({ chosenFrom: z.record(z.string(), z.json()) });

/** Everything that decides how gradients are best taken, but for the machine. */
function chosenFrom(
  { training, losses, frameDiscriminator, sequenceDiscriminator }: ProfileOptions,
  {
    windowSize: { width, height },
    conditionChannels,
  }: Pick<Dataset, 'windowSize' | 'conditionChannels'>,
): Record<string, JsonValue> {
  const sight = widestSight(training, { width, height });
  return {
    'training.gradientCheckpointing': training.gradientCheckpointing,
    'training.memoryBudget': training.memoryBudget,
    'training.frames': training.frames,
    'training.batch': training.batch,
    'training.warmUp.frames': training.warmUp.frames,
    // Of it what takes memory: that a step may be seen through matrices.
    'training.stability': sightKey(sight),
    'frameDiscriminator.judgeRaw': frameDiscriminator.judgeRaw,
    // Earlier versions had none, and said nothing of it.
    ...(frameDiscriminator.antiAlias && { 'frameDiscriminator.antiAlias': true }),
    ...(sequenceDiscriminator.antiAlias && { 'sequenceDiscriminator.antiAlias': true }),
    'data.size': `${width}x${height}`,
    'condition channels': conditionChannels,
    losses,
  };
}

/**
 * How a training takes its gradients: as the snapshot says, where that was chosen from the same, so that a
 * resumed training goes on the same way on any machine; else it is chosen anew.
 * @param saved the snapshot's state; null for a training that begins
 * @param leastBytes that `memoryBudget: auto` stands for, where other processes have a say in it
 * @throws FrameloomError budget, bad-snapshot
 */
export function chooseOrKeep(
  model: Model,
  options: ProfileOptions,
  dataset: Dataset,
  { saved, log, leastBytes }: { saved: unknown; log: Logger; leastBytes?: number | undefined },
): Choice {
  const from = chosenFrom(options, dataset);
  const choose = (): Choice => ({
    checkpointing: chooseCheckpointing(
      measuredStep(model, options),
      options.training,
      dataset.windowSize,
      log,
      leastBytes,
    ),
    chosenFrom: from,
  });
  if (saved === null) return choose();
  const kept = savedCheckpointing(saved);
  const before = savedSchema.safeParse(saved);
  // Snapshots of earlier versions do not say.
  if (!before.success) return { checkpointing: kept, chosenFrom: from };
  const text = (value: JsonValue | undefined): string =>
    value === undefined ? 'nothing' : stableStringify(value);
  const changed = Object.keys(from).filter(
    (key) => text(from[key]) !== text(before.data.chosenFrom[key] as JsonValue | undefined),
  );
  if (changed.length === 0) return { checkpointing: kept, chosenFrom: from };
  log.info(`how gradients are taken is chosen anew, for another ${changed.join(', ')}`);
  return choose();
}
