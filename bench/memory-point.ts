/**
 * A child of the memory bench: the peak memory of a training step, in a fresh process.
 *
 *   node --import tsx bench/memory-point.ts '{"preset":"small","width":128,"height":72,"frames":4,"checkpointed":true,"measure":"resident"}'
 *
 * `resident`: the peak of the process beyond what it took before the first step; the first step
 * records the graph, the later ones run it. `tensors`: the peak bytes of tensors, op by op.
 */
import { z } from 'zod';
import { trackPeak } from '../src/autodiff/index.js';
import { eagerRunner, graphRunner } from '../src/backend/graph/index.js';
import { useBackend } from '../src/backend/index.js';
import { registerKernels } from '../src/kernels/index.js';
import { forgetPeak, statusBytes } from './support/machine.js';
import { openSubject } from './support/subject.js';

const LATER_STEPS = 2;

const point = z
  .strictObject({
    preset: z.enum(['tiny', 'small', 'base', 'large']),
    width: z.int(),
    height: z.int(),
    frames: z.int(),
    checkpointed: z.boolean(),
    measure: z.enum(['resident', 'op by op', 'tensors']),
  })
  .parse(JSON.parse(process.argv[2] ?? '{}'));

await useBackend({ prefer: 'tensorflow' });
registerKernels();
const runner = point.measure === 'resident' ? graphRunner() : eagerRunner;
const subject = openSubject({ ...point, size: point, runner });

function resident() {
  const before = statusBytes('VmRSS');
  if (before === null) return { unsupported: 'peak resident memory is read on Linux' };
  forgetPeak();
  subject.step();
  const firstBytes = statusBytes('VmHWM')! - before;
  forgetPeak();
  for (let i = 0; i < LATER_STEPS; i += 1) subject.step();
  return { firstBytes, laterBytes: statusBytes('VmHWM')! - before };
}

const answer =
  point.measure === 'tensors'
    ? { tensorBytes: trackPeak(() => subject.step()).peakBytes }
    : resident();
process.stdout.write(`${JSON.stringify(answer)}\n`);
subject.dispose();
runner.dispose();
