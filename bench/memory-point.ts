/**
 * A child of the memory bench: the peak memory of a training step, in a fresh process.
 *
 *   node --import tsx bench/memory-point.ts '{"preset":"small","width":128,"height":72,"frames":4,"how":"every frame","measure":"resident"}'
 *
 * `how`: one tape, every frame recomputed by itself, or the schedule of the smallest budget there is.
 * `resident`: the peak of the process beyond what it took before the first step; the first step
 * records the graph, the later ones run it. `tensors`: the peak bytes of tensors, op by op.
 */
import { z } from 'zod';
import { eagerRunner, graphRunner } from '../src/backend/graph/index.js';
import { useBackend } from '../src/backend/index.js';
import { registerKernels } from '../src/kernels/index.js';
import { planRollout, profileCosts, smallestBudget } from '../src/planning/index.js';
import { measuredStep } from '../src/training/measure-step.js';
import { lossOptions, trainingOptions } from '../src/training/options.js';
import { forgetPeak, statusBytes } from './support/machine.js';
import { everyFrame, openSubject, presetModel } from './support/subject.js';

const LATER_STEPS = 2;

const point = z
  .strictObject({
    preset: z.enum(['tiny', 'small', 'base', 'large']),
    width: z.int(),
    height: z.int(),
    frames: z.int(),
    how: z.enum(['plain', 'every frame', 'smallest budget']),
    measure: z.enum(['resident', 'op by op', 'tensors']),
  })
  .parse(JSON.parse(process.argv[2] ?? '{}'));

await useBackend({ prefer: 'tensorflow' });
registerKernels();
const runner = point.measure === 'resident' ? graphRunner() : eagerRunner;
const memory = memoryOf(point.how);
const subject = openSubject({ ...point, size: point, runner, ...(memory && { memory }) });

function memoryOf(how: typeof point.how) {
  if (how === 'plain') return undefined;
  if (how === 'every frame') return everyFrame(point.frames);
  const options = {
    training: trainingOptions.parse({
      frames: point.frames,
      warmUp: { fraction: 0 },
      // As the subject's steps, in which the discriminators see all as it is.
      stability: 'off',
    }),
    losses: lossOptions.parse({}),
    frameDiscriminator: { judgeRaw: true, antiAlias: false },
    sequenceDiscriminator: { antiAlias: false },
  };
  const costs = profileCosts(measuredStep(presetModel(point.preset), options))(point, 1);
  return planRollout(costs, point.frames, smallestBudget(costs, point.frames));
}

async function resident() {
  const before = statusBytes('VmRSS');
  if (before === null) return { unsupported: 'peak resident memory is read on Linux' };
  forgetPeak();
  await subject.step();
  const firstBytes = statusBytes('VmHWM')! - before;
  forgetPeak();
  for (let i = 0; i < LATER_STEPS; i += 1) await subject.step();
  return { firstBytes, laterBytes: statusBytes('VmHWM')! - before };
}

const answer =
  point.measure === 'tensors' ? { tensorBytes: subject.peakBytes() } : await resident();
process.stdout.write(`${JSON.stringify(answer)}\n`);
subject.dispose();
runner.dispose();
