import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { runRollout } from '../../src/autodiff/index.js';
import { eagerRunner, graphRunner } from '../../src/backend/graph/index.js';
import { useBackend, type BackendChoice } from '../../src/backend/index.js';
import { registerKernels } from '../../src/kernels/index.js';
import { createRollout, sortOutputs } from '../../src/training/rollout.js';
import { warmUp } from '../../src/training/warm-up.js';
import { golden } from '../metrics/pictures.js';
import { expectNoLeak } from '../tensors.js';
import { webgpuLacks, webgpuNote } from '../webgpu.js';
import {
  firstParameters,
  inputOf,
  modelOf,
  RELATIVE,
  sumDifferences,
  takeGoldenStep,
  type Described,
  type Difference,
  type DiscriminatorCase,
  type GeneratorCase,
} from './golden.js';

/** A way that a step is made. */
interface Way {
  readonly how: string;
  readonly asGraph: boolean;
  readonly segments: number[] | null;
  readonly inStretches?: boolean;
  readonly rung?: BackendChoice;
}

/** The least of them that has all that a step is made of. */
const LEAST_WHOLE = 'from a cold start, weights normalized';

/**
 * Recording a graph takes seconds, and that it gives what its kernels give op by op is held for each way of a step in
 * step.test.ts: here are one with history, and one of all that judges are held back by.
 */
const AS_GRAPH: ReadonlySet<string> = new Set([
  'with history',
  'both penalties approximated, after a warm-up, a batch of two, two temporal strides',
  'relativistic, with LeCam and both gradient penalties',
]);

beforeAll(async () => {
  await useBackend({ prefer: 'tensorflow' });
  registerKernels();
});

function expectWithin(differences: readonly Difference[]): void {
  expect(differences.length).toBeGreaterThan(0);
  expect(differences.filter(({ by, most }) => !(by <= most))).toEqual([]);
}

const judgeCases = golden<DiscriminatorCase>('discriminator-step');
const cases = golden<GeneratorCase>('generator-step').map((generator, i) => ({
  name: generator.name,
  generator,
  discriminators: judgeCases[i]!,
}));

describe.each(cases)('a training step $name', ({ generator, discriminators, name }) => {
  it('has a golden file for each half', () => {
    expect(discriminators.name).toBe(name);
  });

  it('costs the multiply-accumulates that PyTorch counts', () => {
    const model = modelOf(generator);
    const size = { height: generator.height, width: generator.width };
    expect(model.generator.macs(size)).toBe(generator.macs);
    expect(model.discriminators.macs(size)).toEqual(discriminators.macs);
  });

  it('rolls out the same frames', async () => {
    await expectNoLeak(() =>
      tf.tidy(() => {
        const model = modelOf(generator);
        const flat = firstParameters(model.generator.layout);
        const { input } = warmUp(model.generator, flat, inputOf(generator), eagerRunner);
        const rollout = createRollout(model.generator, input);
        const { outputs } = runRollout(rollout, rollout.weights(flat));
        const made = sortOutputs(outputs, generator.frames);
        const expectDescribed = (x: tf.Tensor, { elements, ...sums }: Described, what: string) => {
          const values = x.dataSync();
          expectWithin(sumDifferences(values, sums, what));
          for (const { at, value } of elements) {
            expect(Math.abs(values[at]! - value), `${what} at ${at}`).toBeLessThanOrEqual(RELATIVE);
          }
        };
        const { frames, raws, flows } = generator.outputs;
        frames.forEach((x, t) => expectDescribed(made.frames[t]!, x, `frame ${t}`));
        raws.forEach((x, t) => expectDescribed(made.raws[t]!, x, `raw image ${t}`));
        expect(made.flows.map(({ t }) => t)).toEqual(flows.map(({ t }) => t));
        flows.forEach((x, i) => expectDescribed(made.flows[i]!.flow, x, `flow ${x.t}`));
      }),
    );
  });

  const ways: Way[] = [{ how: 'op by op', asGraph: false, segments: null }];
  const isModulated = generator.modulation !== undefined;
  if (generator.frames > 1) {
    const how = 'op by op, checkpointed in segments of 1 and 2';
    ways.push({ how, asGraph: false, segments: [1, 2] });
  }
  if (AS_GRAPH.has(name)) {
    ways.push({ how: 'as a graph', asGraph: true, segments: null });
  }
  // Recording pieces takes longest: in stretches of a step with history. A batch in pieces, and exact penalties, are
  // in step.test.ts. Blocks that pass something on do so op by op.
  const each = Array.from({ length: generator.frames }, () => 1);
  if (name === 'with history') {
    const how = 'as a graph of stretches of blocks';
    ways.push({ how, asGraph: true, segments: each, inStretches: true });
  }
  if (isModulated && generator.frames === 1) {
    const how = 'op by op, in stretches of blocks';
    ways.push({ how, asGraph: false, segments: each, inStretches: true });
  }

  // The lower rungs take seconds for the least of them, which has all that a step is made of, and for a single frame.
  const onLowerRungs = name === LEAST_WHOLE || (isModulated && generator.frames === 1);
  if (onLowerRungs) {
    ways.push({ how: 'on WebAssembly', asGraph: false, segments: null, rung: 'wasm' });
    ways.push({ how: 'in plain JavaScript', asGraph: false, segments: null, rung: 'cpu' });
  }

  const expectGolden = async ({ asGraph, segments, inStretches, rung = 'tensorflow' }: Way) => {
    await useBackend({ prefer: rung });
    onTestFinished(async () => {
      await useBackend({ prefer: 'tensorflow' });
    });
    const runner = asGraph ? graphRunner() : eagerRunner;
    expect(runner === eagerRunner).toBe(!asGraph);
    const blocks = modelOf(generator).generator.blocks(true).length;
    const stretches = inStretches ? [2, blocks - 3, 1] : null;
    // In segments, the judges' work is in batches too.
    const how = { segments, stretches, ...(segments && { judgedFrames: 2 }) };
    await expectNoLeak(async () =>
      expectWithin(await takeGoldenStep({ generator, discriminators }, how, runner)),
    );
    runner.dispose();
  };

  it.each(ways)('gives the same terms and gradients $how', (way) => expectGolden(way));

  // Its shaders take longest: all steps are in bench/gpu/.
  if (name === LEAST_WHOLE) {
    const onCard: Way = { how: 'on WebGPU', asGraph: false, segments: null, rung: 'webgpu' };
    it.skipIf(webgpuLacks !== null)(
      `gives the same terms and gradients on WebGPU${webgpuNote}`,
      () => expectGolden(onCard),
      // A card in software translates some 150 shaders first.
      300_000,
    );
  }
});
