import { cpSync, existsSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { useBackend } from '../../src/backend/index.js';
import { createLogger } from '../../src/base/log.js';
import { loadPipeline, pipelineToYaml } from '../../src/pipeline/load.js';
import type { Pipeline } from '../../src/pipeline/schema.js';
import { savedEvaluation } from '../../src/training/evaluation.js';
import { ROLLBACK_LIMITS } from '../../src/training/rollback.js';
import { readReturns } from '../../src/training/run/returns.js';
import { runPaths, startRun } from '../../src/training/run/run-folder.js';
import { listSnapshots, readSnapshot } from '../../src/training/run/snapshot-store.js';
import { stabilityLimits } from '../../src/training/stability-limits.js';
import { trainBy, type TrainContext } from '../../src/training/trainer.js';
import { counting } from '../clips/make-data.js';
import { logLines, makeWorkFolder, snapshotFiles, writePipeline } from '../e2e/support.js';
import { expectNoLeak } from '../tensors.js';

let work: Awaited<ReturnType<typeof makeWorkFolder>>;
let pipeline: Pipeline;

beforeAll(async () => {
  await useBackend();
  work = await makeWorkFolder();
  const path = await writePipeline(join(work.path, 'back.yaml'), {
    data: { clips: [await counting({ frames: 60 })], augment: { flip: true, cropFraction: 0.2 } },
    generator: { noiseChannels: 2 },
    training: {
      ...{ steps: 8, frames: 2, evaluateEverySteps: 2, snapshotEverySteps: 2, keepSnapshots: 1 },
      ...{ logEverySteps: 1, sampleEverySteps: 4, compile: false, gradientCheckpointing: 'off' },
      warmUp: { frames: 2, fromStep: 0 },
      histories: { pool: 2, fraction: 0.7, judgedFraction: 0.6, fromStep: 0 },
    },
  });
  ({ pipeline } = await loadPipeline(path));
});
afterAll(() => work.remove());

/** Whether an evaluation finds dots, or how many. */
type Finds = (attempt: number, step: number) => boolean | number;

interface Way {
  readonly finds: Finds;
  readonly changed?: Pipeline;
  readonly resume?: boolean;
  /** Times that it goes back. */
  readonly most?: number;
  /** Told where the training is, at moments at which it may be killed. */
  readonly at?: (moment: string) => void;
  readonly context?: Partial<TrainContext>;
}

/** Trains with eyes that see what the test wants to be seen, and believe it at once. */
async function trained(name: string, way: Way) {
  const { finds, resume = false, most = 3, at, context } = way;
  const { training } = way.changed ?? pipeline;
  const limits = stabilityLimits.parse({ rollbacks: most });
  const stability = training.stability === 'off' ? ('off' as const) : limits;
  const changed = { ...pipeline, training: { ...training, stability } };
  const folder = join(work.path, name);
  const run = await startRun({ name, pipelineYaml: pipelineToYaml(changed), resume, folder });
  let said = '';
  const log = createLogger({
    write: (line) => {
      said += line;
      at?.(line);
    },
  });
  const seen = { psnr: 20, ssim: 0.5, checkerRatio: 0.3, motionRatio: 0.6, diversity: 0.2 };
  const { figures } = savedEvaluation({ figures: seen, alarms: {}, ending: false })!;
  try {
    const result = await trainBy(
      changed,
      {
        ...{ run, baseFolder: work.path, log },
        onProgress: ({ step }) => at?.(`step ${step}`),
        ...context,
      },
      {
        measure: async ({ run: { snapshots }, start: { attempt } }) => {
          // It is saved before it is looked at.
          const step = (await listSnapshots(snapshots)).at(-1)!;
          at?.(`evaluation ${step} of attempt ${attempt}`);
          const found = finds(attempt, step);
          return { ...figures, ...(found && { checkerRatio: found === true ? 2 : found }) };
        },
        rollback: { ...ROLLBACK_LIMITS, fromStep: 0, fromShare: '0%' },
      },
    );
    return { ...result, said, run };
  } finally {
    await run.close();
  }
}

/** What a kill leaves at this moment: all that lies on the disk, and no process. */
function copyRun(from: string, to: string): void {
  cpSync(join(work.path, from), join(work.path, to), { recursive: true });
  for (const name of readdirSync(join(work.path, to))) {
    if (/^lock\b/.test(name)) rmSync(join(work.path, to, name), { recursive: true });
  }
}

const filesOf = (files: ReadonlyMap<string, Buffer>, step: number): Buffer[] =>
  ['state.json', 'tensors.safetensors'].map((name) => files.get(`snapshot-000000${step}/${name}`)!);

const undone = async (name: string): Promise<void> => {
  const path = join(work.path, name, 'returns.json');
  const text = await readFile(path, 'utf8');
  await writeFile(path, text.replaceAll('"done": true', '"done": false'));
};

describe('a training that tips', () => {
  const finds: Finds = (attempt, step) => attempt === 0 && step > 2;
  const inRun = (...path: string[]): string => join(work.path, 'whole', ...path);

  it('goes back and takes another way, exactly so however often it is killed', async () => {
    const moments: Record<string, string> = {
      'evaluation 6 of attempt 0': 'evaluating',
      'what came after it up to step 6': 'moved',
    };
    let isBack = false;
    const at = (moment: string): void => {
      const [key] = Object.keys(moments).filter((one) => moment.includes(one));
      if (key) copyRun('whole', moments[key]!);
      isBack ||= moments[key!] === 'moved';
      if (isBack && /^step [37]$/.test(moment)) copyRun('whole', moment.replace(' ', ''));
    };
    let ended: unknown;
    await expectNoLeak(async () => (ended = await trained('whole', { finds, at })));
    const whole = ended as Awaited<ReturnType<typeof trained>>;
    expect(whole).toMatchObject({ ending: 'done', step: 8 });
    expect(whole.said).toMatch(/at half the rates and on another random path \(1 of 3 times\)/);
    const back = { fromStep: 6, aside: join('aside', '00001') };
    const trip = { word: 'dots', why: 'checker 2.00, above 1.5' };
    const { returns } = await readReturns(runPaths(inRun()));
    expect(returns).toEqual([{ ...back, toStep: 2, trip, done: true }]);
    const lines = await logLines(inRun());
    const mark = { step: 2, wentBack: { ...back, ...trip, attempt: 1 } };
    const where = lines.findIndex((line) => 'wentBack' in line);
    expect(lines[where]).toEqual(mark);
    expect(lines.filter((line) => 'terms' in line).map(({ step }) => step)).toEqual([
      ...[1, 2, 3, 4, 5, 6, 7, 8],
    ]);
    // Nothing of the other way is lost, and this one draws other data at the same steps.
    const aside = await logLines(inRun('aside', '00001'));
    expect(aside.slice(0, where)).toEqual(lines.slice(0, where));
    expect(aside[where]).toMatchObject({ step: 3 });
    expect(lines[where + 1]).toMatchObject({ step: 3 });
    expect(lines[where + 1]!.terms).not.toEqual(aside[where]!.terms);
    expect(await listSnapshots(inRun('aside', '00001', 'snapshots'))).toEqual([6]);
    expect(readdirSync(inRun('aside', '00001', 'samples'))).toEqual(['step-0000004.png']);
    const last = await readSnapshot(inRun('snapshots'), 8);
    expect(last.state).toMatchObject({ attempt: 1, rollback: { healthyStep: 6 } });

    // Killed with half of it moved, and with the log written but not what says so.
    copyRun('moved', 'half');
    const [kept, moved] = ['snapshots', join('aside', '00001', 'snapshots')];
    const six = (folder: string) => join(work.path, 'half', folder, 'snapshot-0000006');
    renameSync(six(moved), six(kept));
    copyRun('step3', 'told');
    await undone('told');
    const names = ['evaluating', 'half', 'told', 'step7'];
    const last8 = (folder: string) => snapshotFiles(folder).then((files) => filesOf(files, 8));
    for (const name of names) {
      const folder = join(work.path, name);
      await trained(name, { finds, resume: true });
      // The name says which of the kills it was.
      expect([name, await logLines(folder)]).toEqual([name, lines]);
      expect((await readReturns(runPaths(folder))).returns).toEqual(returns);
      expect(await logLines(join(folder, 'aside', '00001'))).toEqual(aside);
      const [mine, wholes] = [await last8(folder), await last8(inRun())];
      expect(mine.map((bytes, i) => [name, bytes.equals(wholes[i]!)])).toEqual([
        [name, true],
        [name, true],
      ]);
    }
  }, 300_000);

  it('goes where somebody wants it, on the first way again', async () => {
    // The same dots as before, but that they go.
    const way = { finds: (_attempt: number, step: number) => step === 4, resume: true };
    const named = await trained('whole', { ...way, context: { snapshot: 2 } });
    expect(named.said).toContain('going back to step 2: what came after it up to step 8');
    const { returns } = await readReturns(runPaths(inRun()));
    expect(returns.map(({ toStep, trip, done }) => [toStep, trip?.word, done])).toEqual([
      [2, 'dots', true],
      [2, undefined, true],
    ]);
    const termsOf = async (...folder: string[]) =>
      (await logLines(inRun(...folder))).flatMap(({ step, terms }) =>
        terms && Number(step) <= 6 ? [terms] : [],
      );
    expect(await termsOf()).toEqual(await termsOf('aside', '00001'));
    expect(await termsOf()).toHaveLength(6);
    expect(await readSnapshot(inRun('snapshots'), 8)).toMatchObject({ state: { attempt: 0 } });
    // Without its returns nobody knows which way a snapshot's training had taken.
    rmSync(join(work.path, 'step7', 'returns.json'));
    await expect(trained('step7', { finds, resume: true })).rejects.toMatchObject({
      code: 'bad-snapshot',
      hint: expect.stringContaining('--resume --snapshot 8') as string,
    });
  }, 300_000);

  it('goes back to its beginning, and ends where nothing helps', async () => {
    // What was never healthy has tipped where it gets worse.
    const always: Finds = (_attempt, step) => (step < 4 ? 1.6 : 2);
    let copied = false;
    const at = (moment: string): void => {
      if (moment.includes('going back to step 0: what')) copied = true;
      if (copied && moment === 'step 1') copyRun('lost', 'lost-again');
    };
    const error = {
      code: 'diverged',
      message: expect.stringMatching(
        /went back 1 times and tipped again at step 4: dots, checker 2/,
      ) as string,
    };
    const way = { finds: always, most: 1 };
    await expectNoLeak(() => expect(trained('lost', { ...way, at })).rejects.toMatchObject(error));
    const lines = await logLines(join(work.path, 'lost'));
    expect(lines[0]).toMatchObject({ step: 0, wentBack: { fromStep: 4, attempt: 1 } });
    expect(lines.map(({ step }) => step)).toEqual([0, 1, 2, 2, 3, 4, 4, 4]);
    expect(lines.at(-1)).toEqual({
      step: 4,
      ended: { word: 'dots', why: expect.stringMatching(/^checker 2.00/) as string },
    });
    for (const name of ['lost-again', 'lost']) {
      await expect(trained(name, { ...way, resume: true })).rejects.toMatchObject(error);
      expect(await logLines(join(work.path, name))).toEqual(lines);
    }
    // Alarms are words only where nothing is to be done about them, and when no steps are left.
    const off = {
      ...pipeline,
      training: { ...pipeline.training, steps: 5, stability: 'off' as const },
    };
    const short = { ...pipeline, training: { ...pipeline.training, steps: 4 } };
    for (const [name, changed] of Object.entries({ off, short })) {
      const { ending, said } = await trained(name, { ...way, changed });
      expect([ending, said.includes('dots, checker 2.00')]).toEqual(['done', true]);
      expect(existsSync(join(work.path, name, 'returns.json'))).toBe(false);
    }
  }, 300_000);

  it('goes back where it makes no updates any more', async () => {
    const { optimizer } = pipeline.training;
    const changed = {
      ...pipeline,
      training: {
        ...{ ...pipeline.training, steps: 20, sampleEverySteps: 99, evaluateEverySteps: 99 },
        optimizer: { ...optimizer, generatorLearningRate: 1e30 },
      },
    };
    const way = { finds: () => false, changed, most: 1 };
    await expect(trained('diverging', way)).rejects.toMatchObject({
      code: 'diverged',
      message: expect.stringMatching(
        /went back 1 times and tipped again at step 8: diverged, 8 updates in a row were left out/,
      ) as string,
      hint: expect.stringMatching(/pipeline.yaml --set training.optimizer.generatorLear/) as string,
    });
    const { returns } = await readReturns(runPaths(join(work.path, 'diverging')));
    expect(returns).toMatchObject([{ fromStep: 8, toStep: 0, trip: { word: 'diverged' } }]);
  }, 300_000);
});
