import { existsSync } from 'node:fs';
import { appendFile, cp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  assertStartedAlike,
  makeSweep,
  reopenSweep,
} from '../../src/cli/commands/sweep/sweep-folder.js';
import { trainingWords } from '../../src/cli/commands/sweep/train-all.js';
import { openTrainingRun } from '../../src/cli/commands/train/training-run.js';
import { informOfRun } from '../../src/cli/commands/info/model.js';
import { createLogger } from '../../src/base/log.js';
import { exportGenerator } from '../../src/export/index.js';
import { createGenerator } from '../../src/networks/index.js';
import { loadPipeline } from '../../src/pipeline/load.js';
import { openOrigin } from '../../src/pipeline/open-origin.js';
import type { Origin } from '../../src/training/run/origin.js';
import { openRunModel } from '../../src/pipeline/run-model.js';
import { startRun } from '../../src/training/run/run-folder.js';
import { readSnapshot, snapshotFolderName } from '../../src/training/run/snapshot-store.js';
import { train } from '../../src/training/trainer.js';
import { counting } from '../clips/make-data.js';
import { makeWorkFolder, writePipeline } from '../e2e/support.js';

let work: Awaited<ReturnType<typeof makeWorkFolder>>;
/** A run of two steps, its file, and a pipeline of another clip. */
let source: string;
let exported: string;
let other: string;
/** Several trainings in one, however busy the machine is. */
const SLOW = { timeout: 180_000 };
const RARELY = { sampleEverySteps: 99, evaluateEverySteps: 99, evaluateTotalFrames: 1 };
const KEPT = { ...RARELY, compile: false, gradientCheckpointing: 'off', evaluateLongFrames: 0 };

/** Trains as the command line does, without exporting. */
async function trained(path: string | undefined, flags: Parameters<typeof openTrainingRun>[1]) {
  let said = '';
  const log = createLogger({ write: (line) => void (said += line) });
  const options = { root: join(work.path, 'runs'), log };
  const { pipeline, run, discardUntrained } = await openTrainingRun(path, flags, options);
  try {
    const result = await train(pipeline, { run, baseFolder: work.path, log });
    return { ...result, pipeline, run, said };
  } finally {
    await discardUntrained();
    await run.close();
  }
}

beforeAll(async () => {
  work = await makeWorkFolder();
  const [one, two] = await Promise.all([1, 2].map(() => counting({ frames: 40 })));
  const before = await writePipeline(join(work.path, 'before.yaml'), {
    data: { clips: [one] },
    generator: { noiseChannels: 2 },
    training: { ...KEPT, steps: 2 },
  });
  ({
    run: { folder: source },
  } = await trained(before, { run: join(work.path, 'source') }));
  exported = join(work.path, 'g.onnx');
  const model = await openRunModel(source);
  await exportGenerator(model, exported);
  other = join(work.path, 'other.yaml');
  const judge = '{channels: 4, layers: 2, scales: 1}';
  await writeFile(
    other,
    `data: {clips: [${two}], size: 32x24}
frameDiscriminator: ${judge}
sequenceDiscriminator: ${judge}
training: ${JSON.stringify({ ...KEPT, steps: 2, frames: 3, snapshotEverySteps: 1 })}
`,
  );
}, 180_000);
afterAll(() => work.remove());

/** The tensors of what a training begins with, by one that learns nothing in its only step. */
async function begun(from: string, set: string[] = []) {
  const rates = ['generator', 'discriminator'].map(
    (side) => `training.optimizer.${side}LearningRate=1e-38`,
  );
  const flags = { from, set: ['training.steps=1', ...rates, ...set] };
  const result = await trained(other, flags);
  return { ...result, tensors: (await readSnapshot(result.run.snapshots, 1)).tensors };
}
const under = (prefix: string, tensors: object) =>
  Object.fromEntries(Object.entries(tensors).filter(([name]) => name.startsWith(prefix)));

describe('a training that starts from a run', () => {
  it('begins with its averaged generator and its judges, and says so', async () => {
    const { tensors: theirs } = await readSnapshot(join(source, 'snapshots'), 'latest');
    const { tensors, pipeline, run, said } = await begun(source);
    expect(under('average.', tensors)).toEqual(under('average.', theirs));
    const generator = Object.values(under('generator.', tensors));
    expect(generator).toEqual(Object.values(under('average.', theirs)));
    expect(under('discriminators.', tensors)).toEqual(under('discriminators.', theirs));
    // What the file does not say is the source's; a trained generator needs no gentle beginning.
    expect(pipeline.generator).toMatchObject({ channels: 4, noiseChannels: 2, branchBlocks: 0 });
    expect(pipeline.training).toMatchObject({
      ...{ rollout: { startFrames: 3 }, warmUp: { fromStep: 0 } },
      stability: { rampUp: '0%', blurPixels: 0, rollbacks: 3 },
    });
    expect(said).toContain(`starting from ${source}, step 2`);
    expect(said).toContain('generator and discriminators are taken');
    const { text } = await informOfRun(run.folder);
    expect(text).toMatch(new RegExp(`started from +${source}, step 2 \\([0-9a-f]{12}\\)`));
  });

  it('gives the same again, and when it is gone on with, without the source', SLOW, async () => {
    const gone = join(work.path, 'gone');
    await cp(source, gone, { recursive: true });
    const whole = await trained(other, { from: gone });
    const last = async (folder: string) => {
      const { tensors, state } = await readSnapshot(join(folder, 'snapshots'), 2);
      return { tensors, state };
    };
    const expected = await last(whole.run.folder);
    // Killed before its first snapshot, and after it.
    const { run } = await openTrainingRun(
      ...[other, { from: gone }, { root: join(work.path, 'runs') }],
    );
    await run.close();
    await rm(gone, { recursive: true });
    const again = await trained(undefined, { resume: true, run: run.folder });
    expect(again.said).toContain(`starting from ${gone}`);
    expect(await last(run.folder)).toEqual(expected);
    await rm(join(run.snapshots, snapshotFolderName(2)), { recursive: true });
    await trained(undefined, { resume: true, run: run.folder });
    expect(await last(run.folder)).toEqual(expected);
    // What it started from is looked at before it is used.
    await rm(join(run.snapshots), { recursive: true });
    await appendFile(run.originTensors, 'x');
    await expect(trained(undefined, { resume: true, run: run.folder })).rejects.toMatchObject({
      code: 'bad-snapshot',
      message: expect.stringContaining('has changed since it was written') as string,
    });
  });

  it('may be told looks that the run was not', async () => {
    const { tensors: theirs } = await readSnapshot(join(source, 'snapshots'), 'latest');
    const { tensors, said } = await begun(source, ['generator.styleChannels=3']);
    expect(tensors).toMatchObject(under('average.', theirs));
    expect(tensors['average.style.code.weight']!.shape).toEqual([1, 1, 32, 3]);
    expect(said).toContain('; what looks are told by begins anew');
    expect(said).toContain('there is one clip to train on');
  });

  it('begins its judges anew where theirs are others, and takes a snapshot that is named', async () => {
    const { tensors: theirs } = await readSnapshot(join(source, 'snapshots'), 'latest');
    const { tensors, said } = await begun(source, ['frameDiscriminator.layers=1']);
    expect(under('average.', tensors)).toEqual(under('average.', theirs));
    expect(said).toMatch(/discriminators begin anew \(theirs have no frame\.\S+ of that shape\)/);
    expect((await openOrigin(source, { snapshot: 2 })).step).toBe(2);
    await expect(openOrigin(source, { snapshot: 7 })).rejects.toMatchObject({ code: 'not-found' });
  });
});

describe('a training that starts from an exported file', () => {
  it('begins with its generator, and judges of its own', SLOW, async () => {
    const { tensors: theirs } = await openOrigin(exported);
    const { tensors, pipeline, said } = await begun(exported);
    expect(under('average.', tensors)).toEqual(under('average.', theirs));
    expect(said).toContain('discriminators begin anew (an exported file holds none)');
    expect(pipeline.training).toMatchObject({ stability: 'auto', rollout: { startFrames: 3 } });
    await expect(openOrigin(exported, { snapshot: 2 })).rejects.toMatchObject({
      code: 'bad-option',
    });
  });
});

describe('what cannot be started from', () => {
  const refused = async (
    flags: Parameters<typeof openTrainingRun>[1],
    what: { code: string; message: string },
    file = other,
  ) => {
    const root = join(work.path, 'refused');
    const { code, message } = what;
    await expect(openTrainingRun(file, flags, { root })).rejects.toMatchObject({
      code,
      message: expect.stringContaining(message) as string,
    });
    // No run is left behind.
    expect(existsSync(root) ? await readdir(root) : []).toEqual([]);
  };

  it('is one clear line, and no run is made', async () => {
    await refused({ from: join(work.path, 'none') }, { code: 'not-found', message: 'not exist' });
    await refused({ from: work.path }, { code: 'not-found', message: 'is not a run' });
    const text = join(work.path, 'text.onnx');
    await writeFile(text, 'no such file');
    await refused({ from: text }, { code: 'bad-input', message: 'text.onnx' });
    const half = join(work.path, 'half.onnx');
    await writeFile(half, (await readFile(exported)).subarray(0, 9000));
    await refused({ from: half }, { code: 'bad-input', message: 'half.onnx' });
    await refused(
      { from: source, set: ['generator.channels=8'] },
      { code: 'bad-option', message: 'generator.channels is 8 here, and' },
    );
    await refused(
      { from: source, set: ['generator.modulation=condition'] },
      { code: 'bad-option', message: 'generator.modulation is "condition" here, and' },
    );
    await refused(
      { from: source, set: ['data.condition={kind: derived, preset: blur}'] },
      { code: 'bad-option', message: 'was trained on edges of 1 channel, and this pipeline is of' },
    );
    await refused(
      { from: source, set: ['data.condition={kind: none}', 'generator.noiseChannels=2'] },
      { code: 'bad-option', message: 'this pipeline is of no condition' },
    );
    await refused(
      { from: source, resume: true, run: source },
      {
        ...{ code: 'bad-option', message: 'starts from nothing else' },
      },
    );
    expect(await readdir(work.path)).not.toContain('refused');
  });

  it('is not the settings of a pipeline that comes along, which give way', async () => {
    const from = await openOrigin(source);
    const { pipeline } = await loadPipeline('edges-to-video', { from, clips: ['a.mp4'] });
    expect(pipeline.generator).toEqual(from.generator);
    await expect(
      loadPipeline('edges-to-video', { from, set: ['generator.preset=large'] }),
    ).rejects.toMatchObject({ message: expect.stringContaining('generator.preset') as string });
  });

  it('of labels are the classes, by their names', async () => {
    const classes = (...names: string[]) =>
      Object.fromEntries(names.map((name, i) => [name, [i, 0, 0]]));
    const labels = (palette: object) =>
      `data.condition=${JSON.stringify({ kind: 'paired', content: 'labels', path: 'x.mkv', palette })}`;
    const one = await openOrigin(source);
    const { layout } = createGenerator(one.generator, 2);
    const named = layout.toNamed(layout.initialize(4));
    const from: Origin = {
      ...{ ...one, judges: null },
      condition: {
        ...({ kind: 'paired', content: 'labels' } as const),
        ...{ channels: 2, preset: null, classNames: ['sky', 'road'] },
      },
      tensors: Object.fromEntries(
        Object.entries(named).map(([name, tensor]) => [`average.${name}`, tensor]),
      ),
    };
    const loaded = (...names: string[]) =>
      loadPipeline(other, { from, set: [labels(classes(...names))] });
    await expect(loaded('road', 'car', 'sky')).resolves.toBeDefined();
    await expect(loaded('tree', 'car')).rejects.toMatchObject({
      path: 'data.condition.palette',
      message: expect.stringContaining('no class is called the same') as string,
    });
  });
});

it('is refused by a run that goes on, in the library too', async () => {
  const from = await openOrigin(source);
  await expect(
    startRun({ name: 'x', pipelineYaml: '', resume: true, folder: source, from }),
  ).rejects.toMatchObject({ code: 'bad-option' });
});

describe('a sweep that starts from a run', () => {
  const asked = (set: string[]) => ({
    ...{ cwd: work.path, pipeline: other, clips: [], seeds: 1, minutes: null },
    ...{ set: ['training.steps=3,4', ...set], flags: ['--trust-filters'] },
  });

  it('starts every training from the snapshot that it began with', async () => {
    const gone = join(work.path, 'swept-from');
    await cp(source, gone, { recursive: true });
    const folder = join(work.path, 'swept');
    // As a command line names it.
    const { plan, trainings } = await makeSweep(asked([]), folder, { place: 'swept-from' });
    expect(trainings.map((one) => trainingWords(one, plan))).toEqual(
      trainings.map(({ pipeline }, i) => [
        ...['train', pipeline],
        ...['--from', 'swept-from', '--snapshot', '2', '--trust-filters'],
        ...['--run', trainings[i]!.folder, '--json'],
      ]),
    );
    const sweep = await reopenSweep(folder);
    const { origin } = sweep;
    // A run that started from nothing, as from other weights.
    const replaced = { ...trainings[0]!, folder: source };
    await expect(assertStartedAlike(sweep, replaced)).rejects.toMatchObject({ path: 'swept-from' });
    expect(origin).toMatchObject({ kind: 'run', step: 2, weights: plan.from!.weights });
    const { from, ...rest } = JSON.parse(
      await readFile(join(folder, 'sweep.json'), 'utf8'),
    ) as Record<string, unknown>;
    expect(from).toEqual({ place: 'swept-from', step: 2, weights: plan.from!.weights });
    const others = { ...rest, from: { ...(from as object), weights: '0'.repeat(64) } };
    await writeFile(join(folder, 'sweep.json'), JSON.stringify(others));
    await expect(reopenSweep(folder)).rejects.toMatchObject({
      code: 'bad-option',
      message: expect.stringContaining('swept-from is not what it was when') as string,
    });
    await rm(gone, { recursive: true });
    await expect(reopenSweep(folder)).rejects.toMatchObject({ code: 'not-found' });
    // One of before there was such a thing starts from nothing.
    const old = await makeSweep(asked([]), join(work.path, 'swept-old'));
    expect(trainingWords(old.trainings[0]!, old.plan)).not.toContain('--from');
    const file = join(old.folder, 'sweep.json');
    const written = JSON.parse(await readFile(file, 'utf8')) as Record<string, unknown>;
    delete written.from;
    await writeFile(file, JSON.stringify(written));
    expect((await reopenSweep(old.folder)).plan.from).toBeNull();
  });

  it('goes on with a generator that comes along, by its name', async () => {
    const folder = join(work.path, 'swept-shipped');
    const place = 'street-outlines';
    await makeSweep({ ...asked([]), pipeline: 'edges-to-video' }, folder, { place });
    const { plan, origin } = await reopenSweep(folder);
    expect([plan.from!.place, origin!.kind]).toEqual([place, 'export']);
  });

  it('takes an exported file, and refuses a setting that contradicts what it starts from', async () => {
    const { plan, trainings } = await makeSweep(asked([]), join(work.path, 'swept-file'), {
      place: exported,
    });
    const words = trainingWords(trainings[0]!, plan);
    expect(words).toEqual(expect.arrayContaining(['--from', exported]));
    expect(words).not.toContain('--snapshot');
    const folder = join(work.path, 'swept-none');
    const wrong = makeSweep(asked(['generator.noiseChannels=2,3']), folder, { place: source });
    await expect(wrong).rejects.toMatchObject({ path: 'generator.noiseChannels' });
    expect(existsSync(folder)).toBe(false);
  });
});
