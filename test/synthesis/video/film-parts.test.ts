import {
  copyFile,
  cp,
  mkdir,
  readdir,
  readFile,
  rm,
  stat,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { useBackend } from '../../../src/backend/index.js';
import { isFrameloomError } from '../../../src/base/error.js';
import { randomStream } from '../../../src/base/random.js';
import { sweepTemporaries, temporariesIn } from '../../../src/base/temporaries.js';
import { openRunModel } from '../../../src/pipeline/run-model.js';
import { runBatch } from '../../../src/synthesis/batch/batch.js';
import {
  generateVideo,
  type GenerateVideoOptions,
} from '../../../src/synthesis/video/generate-video.js';
import type { SynthesisModel } from '../../../src/synthesis/models/model.js';
import { createSynthesizer } from '../../../src/synthesis/engines/open.js';
import type { Synthesizer } from '../../../src/synthesis/engines/synthesizer.js';
import { outputFolder, planBatch } from '../../../src/synthesis/batch/template.js';
import { probe, runningProcesses, type EncodeResult } from '../../../src/video/index.js';
import { keepingLog } from '../../cases/look.js';
import { makeClip, scratchPath } from '../../video/make-clip.js';
import { makeRun } from '../make-run.js';

const FRAMES = 23;
let model: SynthesisModel;
let clip: string;

beforeAll(async () => {
  await useBackend();
  const generator = { noiseChannels: 2, historyFrames: 3, conditionFrames: 3 };
  model = await openRunModel(await makeRun({ generator }));
  clip = await makeClip({ frames: FRAMES, name: 'clip.mp4' });
});

interface Outcome {
  readonly result: EncodeResult | null;
  /** Numbers of the frames that were made, from 1. */
  readonly made: readonly number[];
  readonly totals: readonly (number | null)[];
  readonly said: string;
  readonly error: unknown;
}

type Options = Partial<GenerateVideoOptions> & {
  readonly of?: SynthesisModel;
  /** Stops it when so many frames of the film are made. */
  readonly stopAt?: number;
};

/** Generates into a file, in segments of five frames. */
async function generate(output: string, options: Options = {}): Promise<Outcome> {
  const { of = model, stopAt, ...more } = options;
  const { log, said } = keepingLog();
  const stop = new AbortController();
  const made: number[] = [];
  const totals: (number | null)[] = [];
  const all = {
    ...{ input: clip, output, startFrames: 0, baseFolder: '.', segmentFrames: 5, log },
    ...more,
    signal: stop.signal,
    onFrame: (done: number, total: number | null) => {
      made.push(done);
      totals.push(total);
      if (done === stopAt) stop.abort();
    },
  };
  try {
    const result = await generateVideo(of, all);
    return { result, made, totals, said: said(), error: undefined };
  } catch (error) {
    return { result: null, made, totals, said: said(), error };
  }
}

const out = async (name: string): Promise<string> => {
  const folder = scratchPath('out');
  await mkdir(folder);
  return join(folder, name);
};

const beside = async (output: string): Promise<string[]> =>
  (await readdir(dirname(output))).filter((name) => name !== basename(output));

async function partsOf(output: string): Promise<string> {
  const [name] = (await beside(output)).filter((found) => found.endsWith('.frameloom-parts'));
  return join(dirname(output), name ?? 'nothing');
}

/** What a film is that nobody disturbed. */
async function undisturbed(name: string, options: Options = {}): Promise<Buffer> {
  const output = await out(name);
  const { error, made } = await generate(output, options);
  expect(error).toBeUndefined();
  expect(made[0]).toBe(1);
  expect(await beside(output)).toEqual([]);
  return readFile(output);
}

describe('a long film that is stopped', () => {
  const custom = { kind: 'derived', filtergraph: 'hqdn3d,format=gray', channels: 1 };
  it.each([
    ['a.mp4', 'as it is', {}, {}],
    ['a.mkv', 'from real frames', { startFrames: 7 }, {}],
    ['a.webm', 'at another rate', { fps: { num: 20, den: 1 } }, {}],
    ['a.mov', 'where damage is an error', { onDamage: 'error' }, {}],
    ['a.ts', 'by a filter that remembers', {}, { condition: custom }],
    ['a.mp4', 'without a condition', {}, { condition: { kind: 'none' } }],
  ] as const)('goes on, and %s %s is the same file', async (name, _how, options, data) => {
    const of = await openRunModel(
      await makeRun({
        generator: { noiseChannels: 2, historyFrames: 3, conditionFrames: 3 },
        ...(Object.keys(data).length > 0 && { data }),
      }),
    );
    const whole = await undisturbed(name, { of, ...options });
    const output = await out(name);
    const random = randomStream(11, 'eval', name + _how);
    let last = await generate(output, { of, ...options, stopAt: random.integer(1, 12) });
    let runs = 1;
    while (!last.result) {
      expect(last.error).toMatchObject({ code: 'cancelled' });
      expect(await stat(output).catch(() => null)).toBeNull();
      runs += 1;
      // Each a little further, until it comes to its end.
      const stopAt = last.made.at(-1)! + random.integer(2, 9);
      last = await generate(output, { of, ...options, stopAt });
    }
    expect(runs).toBeGreaterThan(2);
    expect(last.made[0]).toBeGreaterThan(5);
    expect((await readFile(output)).equals(whole)).toBe(true);
    expect(await beside(output)).toEqual([]);
    expect(runningProcesses()).toEqual([]);
  });

  it('goes on by a seek where the input can be entered at any frame', async () => {
    const input = await makeClip({ frames: 48, name: 'longer.mp4' });
    const options = { input, segmentFrames: 10, onDamage: 'error' } as const;
    const whole = await undisturbed('a.mp4', options);
    const output = await out('a.mp4');
    await generate(output, { ...options, stopAt: 43 });
    const second = await generate(output, options);
    expect(second.made[0]).toBe(41);
    expect((await readFile(output)).equals(whole)).toBe(true);
  });

  it('keeps times that are not even', async () => {
    const filter = "select='lt(mod(n\\,7)\\,4)'";
    const options = ['-vsync', 'vfr'];
    const input = await makeClip({ frames: FRAMES, name: 'uneven.mp4', filter, options });
    expect((await probe(input, { count: true })).variableFrameRate).toBe(true);
    const whole = await undisturbed('a.mp4', { input });
    const output = await out('a.mp4');
    await generate(output, { input, stopAt: 13 });
    expect((await generate(output, { input })).made[0]).toBe(11);
    expect((await readFile(output)).equals(whole)).toBe(true);
    const [made, given] = [
      await probe(output, { count: true }),
      await probe(input, { count: true }),
    ];
    expect(made.frameTimes).toEqual(given.frameTimes);
  });

  it('says what is kept, where, and that it goes on; progress counts on', async () => {
    const output = await out('a.mp4');
    const first = await generate(output, { stopAt: 13 });
    const folder = await partsOf(output);
    expect(first.said).toContain(
      `10 of ${FRAMES} frames are kept in ${folder}: the same command goes on from there`,
    );
    expect((await readdir(folder)).sort()).toEqual(['00000.mp4', '00001.mp4', 'state']);
    const second = await generate(output);
    expect(second.said).toContain(`${output}: going on at frame 10 of ${FRAMES}`);
    expect(second.made).toEqual(Array.from({ length: FRAMES - 10 }, (_, i) => 11 + i));
    expect(second.totals[0]).toBe(FRAMES);
    expect(second.result).toMatchObject({ frames: FRAMES, durationSeconds: FRAMES / 25 });
    expect(await probe(output, { count: true })).toMatchObject({ frameCount: FRAMES });
  });

  it.each([
    ['seed', { seed: 9 }],
    ['number of frames a segment', { segmentFrames: 4 }],
    ['input', 'input'],
    ['model', 'model'],
  ] as const)('does not go on from parts of another %s', async (_what, change) => {
    const own = scratchPath('own.mp4');
    await copyFile(clip, own);
    const output = await out('a.mp4');
    await generate(output, { input: own, stopAt: 13 });
    let options: Options = typeof change === 'object' ? change : {};
    if (change === 'input') await utimes(own, 1, 1);
    if (change === 'model') {
      const other = { noiseChannels: 2, historyFrames: 3, conditionFrames: 3 };
      options = { of: await openRunModel(await makeRun({ seed: 2, generator: other })) };
    }
    const whole = await undisturbed('a.mp4', { input: own, ...options });
    const second = await generate(output, { input: own, ...options });
    expect(second.made[0]).toBe(1);
    expect(second.said).toContain('holds 10 frames of other work: they are removed');
    expect((await readFile(output)).equals(whole)).toBe(true);
    expect(await beside(output)).toEqual([]);
  });

  it('keeps what is finished when it fails, and everything when only the joining does', async () => {
    const output = await out('a.mp4');
    const whole = await undisturbed('a.mp4');
    const own = await createSynthesizer(model);
    let left = 8;
    const failing: Synthesizer = {
      ...own,
      next: (condition) =>
        (left -= 1) < 0 ? Promise.reject(new Error('no more')) : own.next(condition),
    };
    const first = await generate(output, { synthesizer: failing });
    expect(first.error).toMatchObject({ message: 'no more' });
    expect((await readdir(await partsOf(output))).sort()).toEqual(['00000.mp4', 'state']);
    own.dispose();
    // Somebody else's file comes into its place meanwhile.
    const second = await generateVideo(model, {
      ...{ input: clip, output, startFrames: 0, baseFolder: '.', segmentFrames: 5 },
      onFrame: (done) => (done === FRAMES ? void writeFile(output, 'theirs') : undefined),
    }).catch((error: unknown) => (isFrameloomError(error) ? error.code : error));
    expect(second).toBe('exists');
    expect(await readFile(output, 'utf8')).toBe('theirs');
    expect(await readdir(await partsOf(output))).toContain('00004.mp4');
    await rm(output);
    const folder = await partsOf(output);
    const copy = scratchPath('parts');
    await cp(folder, copy, { recursive: true, preserveTimestamps: true });
    const third = await generate(output);
    expect(third.made).toEqual([]);
    expect((await readFile(output)).equals(whole)).toBe(true);
    expect(await beside(output)).toEqual([]);
    // Killed between naming the film and removing its parts: whoever comes there removes them.
    await cp(copy, folder, { recursive: true, preserveTimestamps: true });
    const fourth = await generate(output);
    expect(fourth.error).toMatchObject({ code: 'exists' });
    expect(await beside(output)).toEqual([]);
  });

  it('leaves nothing when it fails before a segment is finished', async () => {
    const output = await out('a.mp4');
    await generate(output, { stopAt: 3 });
    expect(await beside(output)).toEqual([]);
    const { error } = await generate(output, { startFrames: FRAMES + 1 });
    expect(error).toMatchObject({ code: 'bad-input' });
    expect(await beside(output)).toEqual([]);
    const refused = await generate(output, { segmentFrames: 0 });
    expect(refused.error).toMatchObject({ code: 'bad-option' });
  });

  it('makes it from its start where a segment is gone or the state is damaged', async () => {
    const output = await out('a.mp4');
    const whole = await undisturbed('a.mp4');
    await generate(output, { stopAt: 13 });
    await writeFile(join(await partsOf(output), '00001.mp4'), 'short');
    const second = await generate(output, { stopAt: 13 });
    expect(second.made[0]).toBe(1);
    expect(second.said).toContain('00001.mp4 is missing or was changed');
    const state = join(await partsOf(output), 'state');
    await writeFile(state, (await readFile(state)).subarray(0, -8));
    const third = await generate(output);
    expect(third.made[0]).toBe(1);
    expect((await readFile(output)).equals(whole)).toBe(true);
  });

  it('is made by one at a time', async () => {
    const output = await out('a.mp4');
    let second: Promise<Outcome> | undefined;
    const first = await generateVideo(model, {
      ...{ input: clip, output, startFrames: 0, baseFolder: '.', segmentFrames: 5 },
      onFrame: () => {
        second ??= generate(output);
      },
    });
    expect(first.frames).toBe(FRAMES);
    expect((await second!).error).toMatchObject({
      code: 'bad-option',
      message: `${output} is being made already, by this process`,
    });
    expect(await beside(output)).toEqual([]);
  });

  it('sweeps what a dead owner left among the parts, and no sweep takes the parts', async () => {
    const output = await out('a.mp4');
    await generate(output, { stopAt: 13 });
    const folder = await partsOf(output);
    const stray = (await temporariesIn(folder))('.mp4');
    await writeFile(stray, 'half a segment');
    await writeFile(join(folder, '00002.mp4'), 'named, and the state not written');
    await sweepTemporaries(dirname(output));
    expect(await readdir(folder)).toContain('00001.mp4');
    const second = await generate(output, { stopAt: 18 });
    expect(second.made[0]).toBe(11);
    expect((await readdir(folder)).sort()).toEqual([
      ...['00000.mp4', '00001.mp4', '00002.mp4', 'state'],
    ]);
  });

  it('cleans up what is of no use: behind a film that is there, and for one made in one piece', async () => {
    const output = await out('a.mp4');
    await generate(output, { stopAt: 13 });
    const folder = await partsOf(output);
    // Half of a film that is to replace one stays where that one is in its place.
    await writeFile(output, 'another');
    const refused = await generate(output);
    expect(refused.error).toMatchObject({ code: 'exists' });
    expect(await readdir(folder)).toContain('00001.mp4');
    // Made in one piece instead.
    const short = await generate(output, { segmentFrames: 1000, overwrite: true });
    expect(short.said).toContain(`removing ${folder}`);
    expect(await beside(output)).toEqual([]);
  });

  it.each(['a.gif', 'a-%03d.png', 'a.y4m'])('is made in one piece as %s', async (name) => {
    const output = await out(name);
    await generate(output, { stopAt: 13 });
    expect((await readdir(dirname(output))).filter((n) => n.includes('parts'))).toEqual([]);
  });

  it('is gone on with in a batch too', async () => {
    const folder = scratchPath('batch');
    const template = join(folder, '{seed}.mp4');
    const jobs = planBatch({ inputs: [clip], seeds: [1, 2], template });
    const settings = { folder: outputFolder(template), startFrames: 0, baseFolder: folder };
    const run = (stopAt: number): Promise<readonly string[]> => {
      const stop = new AbortController();
      const seen: string[] = [];
      return runBatch(model, jobs, {
        ...{ ...settings, segmentFrames: 5, signal: stop.signal },
        onEvent: (event) => {
          if (event.kind !== 'frame') return;
          seen.push(`${event.job.seed} ${event.done}`);
          if (event.done === stopAt && event.job.seed === 2) stop.abort();
        },
      }).then(
        () => seen,
        () => seen,
      );
    };
    const first = await run(13);
    expect(first.at(-1)).toBe('2 13');
    const second = await run(0);
    expect(second[0]).toBe('2 11');
    expect(second).toHaveLength(FRAMES - 10);
    const whole = await undisturbed('2.mp4', { seed: 2 });
    expect((await readFile(join(folder, '2.mp4'))).equals(whole)).toBe(true);
    expect((await readdir(folder)).sort()).toEqual([
      ...['1.mp4', '2.mp4', 'frameloom-manifest.jsonl'],
    ]);
  });
});
