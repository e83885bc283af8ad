import { z } from 'zod';
import {
  evenSegments,
  scheduleInWords,
  stretchesInWords,
  type Schedule,
} from '../autodiff/index.js';
import { tensorMemory } from '../backend/index.js';
import { FrameloomError } from '../base/error.js';
import { silentLogger, type Logger } from '../base/log.js';
import { formatBytes } from '../base/units.js';
import type { BlockCosts } from './costs.js';
import { plainBound, type FrameSize, type MeasuredStep } from './measured-step.js';
import type { MemoryOptions } from './options.js';
import { planRollout } from './plan.js';
import { profileCosts } from './profile-costs.js';

/** Share of the free memory that `memoryBudget: auto` takes: the rest of the process needs some too. */
const MEMORY_SHARE = 0.5;

const bytes = z.strictObject({
  base: z.number(),
  perFrame: z.number(),
  perTapeFrame: z.number(),
  perJudgedFrame: z.number(),
});

const phases = z.strictObject({
  forward: bytes,
  judge: bytes,
  back: bytes,
  train: bytes,
  update: bytes,
});

const block = { tapeBytes: z.number(), peakBytes: z.number(), leftBytes: z.number() };

const costs = z
  .strictObject({
    plain: phases,
    phases,
    stateBytes: z.number(),
    // Snapshots from before frames could be cut have none, and go on uncut; later ones had seconds.
    blocks: z
      .array(
        z.union([
          z.strictObject({ ...block, forwardShare: z.number() }),
          z.strictObject({ ...block, forwardSeconds: z.number() }),
        ]),
      )
      .default([]),
    forwardSeconds: z.number(),
    plainSeconds: z.number(),
    fixedSeconds: z.number(),
    warmUpFrames: z.number(),
  })
  .transform(({ blocks, ...others }) => {
    const share = (seconds: number): number =>
      others.forwardSeconds > 0 ? seconds / others.forwardSeconds : 0;
    const counted: readonly Record<keyof BlockCosts, number>[] = blocks.map((one) => {
      if ('forwardShare' in one) return one;
      const { forwardSeconds, ...itsBytes } = one;
      return { ...itsBytes, forwardShare: share(forwardSeconds) };
    });
    return { ...others, blocks: counted };
  });

const checkpointingSchema = z.union([
  z.strictObject({ kind: z.literal('off') }),
  z.strictObject({ kind: z.literal('every'), every: z.int().min(1) }),
  z.strictObject({ kind: z.literal('planned'), budgetBytes: z.number(), costs }),
]);

/**
 * How a training takes its gradients, for every length of rollout. Snapshots keep it as it is, so that
 * a resumed training goes on the same way on a machine with more memory or less.
 */
export type Checkpointing = z.output<typeof checkpointingSchema>;

/** A step's way through its rollout. */
export interface StepMemory {
  readonly segments: Schedule | null;
  readonly stretches: readonly number[] | null;
  readonly judgedFrames: number;
}

/**
 * The segments of a rollout of so many frames.
 * @throws FrameloomError budget
 */
export function stepMemory(checkpointing: Checkpointing, frames: number): StepMemory {
  switch (checkpointing.kind) {
    case 'off':
      return { segments: null, stretches: null, judgedFrames: frames };
    case 'every':
      return {
        segments: evenSegments(frames, checkpointing.every),
        stretches: null,
        judgedFrames: frames,
      };
    case 'planned':
      return plannedMemory(checkpointing, frames);
  }
}

type Planned = Extract<Checkpointing, { kind: 'planned' }>;

/** A rollout's length changes seldom, and long ones take a while to plan. */
const plans = new WeakMap<Planned, Map<number, StepMemory>>();

function plannedMemory(planned: Planned, frames: number): StepMemory {
  const known = plans.get(planned) ?? new Map<number, StepMemory>();
  plans.set(planned, known);
  const plan = known.get(frames) ?? planRollout(planned.costs, frames, planned.budgetBytes);
  known.set(frames, plan);
  return plan;
}

/**
 * What a snapshot kept.
 * @throws FrameloomError bad-snapshot
 */
export function savedCheckpointing(state: unknown): Checkpointing {
  const saved = z.object({ checkpointing: checkpointingSchema }).safeParse(state);
  if (saved.success) return saved.data.checkpointing;
  throw new FrameloomError('bad-snapshot', 'the snapshot does not say how gradients were taken', {
    cause: saved.error,
  });
}

/** Bytes that `training.memoryBudget` stands for: of the card's memory, where training is on one. */
export function budgetBytes(budget: number | 'auto', log: Logger = silentLogger): number {
  if (budget !== 'auto') return budget;
  const { freeBytes, totalBytes, isKnown } = tensorMemory();
  if (!isKnown) {
    log.warn(
      `nobody tells how much memory the card has (of NVIDIA's, nvidia-smi does): ${formatBytes(totalBytes)} are assumed; training.memoryBudget says otherwise`,
    );
  }
  return Math.floor(freeBytes * MEMORY_SHARE);
}

/** How gradients are taken, what that takes, and why. */
export interface MemoryChoice {
  readonly checkpointing: Checkpointing;
  /** Bytes that a step's tensors will take, or take less than; null where nothing was measured. */
  readonly bytes: number | null;
  readonly isBound: boolean;
  /** The same in words; null where the pipeline itself says how. */
  readonly words: string | null;
}

/**
 * How to take the gradients by `training.gradientCheckpointing` and a budget. `auto` measures
 * what a step takes, on short rollouts of small frames, and keeps the longest rollout on one tape when
 * that fits; if not, each rollout gets the cheapest schedule that does.
 *
 * @throws FrameloomError budget, when not even the most frugal schedule fits
 */
export function chooseMemory(
  step: MeasuredStep,
  options: Omit<MemoryOptions, 'memoryBudget'> & Rollouts,
  size: FrameSize,
  budget: number,
): MemoryChoice {
  const { gradientCheckpointing: choice, frames, batch } = options;
  const off: Checkpointing = { kind: 'off' };
  if (choice !== 'auto') {
    const own: Checkpointing = choice === 'off' ? off : { kind: 'every', every: choice.every };
    return { checkpointing: own, bytes: null, isBound: false, words: null };
  }
  const bound = plainBound(step, options, size);
  if (bound <= budget) {
    const words = `off, ${frames} frames take less than ${formatBytes(bound)} of ${formatBytes(budget)}`;
    return { checkpointing: off, bytes: bound, isBound: true, words };
  }
  const measured = profileCosts(step)(size, batch);
  const plan = planRollout(measured, frames, budget);
  const peak = `about ${formatBytes(plan.peakBytes)} of ${formatBytes(budget)}`;
  const planned = { bytes: plan.peakBytes, isBound: false };
  if (plan.segments === null) {
    return { checkpointing: off, ...planned, words: `off, ${frames} frames take ${peak}` };
  }
  return {
    checkpointing: { kind: 'planned', budgetBytes: budget, costs: measured },
    ...planned,
    words: `segments of ${scheduleInWords(plan.segments)} frames${plan.stretches ? `, each in ${stretchesInWords(plan.stretches)}` : ''}, ${plan.judgedFrames} judged at once, take ${peak} and ${plan.slowdown.toFixed(2)} times as long`,
  };
}

interface Rollouts {
  readonly frames: number;
  readonly batch: number;
}

/**
 * {@link chooseMemory} within `memoryBudget`, saying so.
 * @param least bytes that `auto` stands for, where other processes have a say in it
 * @throws FrameloomError budget, when not even the most frugal schedule fits
 */
export function chooseCheckpointing(
  step: MeasuredStep,
  options: MemoryOptions & Rollouts,
  size: FrameSize,
  log: Logger,
  least?: number,
): Checkpointing {
  const { gradientCheckpointing, memoryBudget } = options;
  const isPlanned = gradientCheckpointing === 'auto';
  if (!isPlanned && memoryBudget !== 'auto') {
    log.warn('memoryBudget is kept to only with gradientCheckpointing: auto');
  }
  const budget = isPlanned ? (least ?? budgetBytes(memoryBudget, log)) : Number.POSITIVE_INFINITY;
  const { checkpointing, words } = chooseMemory(step, options, size, budget);
  if (words !== null) log.info(`gradient checkpointing: ${words}`);
  return checkpointing;
}
