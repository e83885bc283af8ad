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

/** Three segments. */
const FRAMES = 12;
const SEGMENT = 4;
/** The third frame of the third segment: two are made ahead of what is encoded. */
const STOP = 11;
const KEPT = 2 * SEGMENT;
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

/** Generates into a file, in segments. */
async function generate(output: string, options: Options = {}): Promise<Outcome> {
  const { of = model, stopAt, ...more } = options;
  const { log, said } = keepingLog();
  const stop = new AbortController();
  const made: number[] = [];
  const totals: (number | null)[] = [];
  const all = {
    ...{ input: clip, output, startFrames: 0, baseFolder: '.', segmentFrames: SEGMENT, log },
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

/** Films that several tests compare with theirs, by their seed. */
const films = new Map<number, Promise<Buffer>>();
const filmOf = (seed: number): Promise<Buffer> => {
  const made = films.get(seed) ?? undisturbed('a.mp4', { seed });
  films.set(seed, made);
  return made;
};

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
  // Stopped before a segment is whole, and with one or two of them whole.
  it.each([
    ['a.mp4', 'as it is', {}, {}, [3, 7, 11]],
    ['a.mkv', 'from real frames', { startFrames: 7 }, {}, [5, 11]],
    ['a.webm', 'at another rate', { fps: { num: 20, den: 1 } }, {}, [2, 9]],
    ['a.mov', 'where damage is an error', { onDamage: 'error' }, {}, [4, 9]],
    ['a.ts', 'by a filter that remembers', {}, { condition: custom }, [8, 10]],
    ['a.mp4', 'without a condition', {}, { condition: { kind: 'none' } }, [1, 7, 11]],
  ] as const)('goes on, and %s %s is the same file', async (name, _how, options, data, stops) => {
    const of = await openRunModel(
      await makeRun({
        generator: { noiseChannels: 2, historyFrames: 3, conditionFrames: 3 },
        ...(Object.keys(data).length > 0 && { data }),
      }),
    );
    const whole = await undisturbed(name, { of, ...options });
    const output = await out(name);
    for (const stopAt of stops) {
      const { error } = await generate(output, { of, ...options, stopAt });
      expect(error).toMatchObject({ code: 'cancelled' });
      expect(await stat(output).catch(() => null)).toBeNull();
    }
    const last = await generate(output, { of, ...options });
    expect(last.made[0]).toBeGreaterThan(SEGMENT);
    expect((await readFile(output)).equals(whole)).toBe(true);
    expect(await beside(output)).toEqual([]);
    expect(runningProcesses()).toEqual([]);
  });

  it('goes on by a seek where the input can be entered at any frame', async () => {
    const input = await makeClip({ frames: 48, name: 'longer.mp4' });
    const options = { input, segmentFrames: 20, onDamage: 'error' } as const;
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
    await generate(output, { input, stopAt: STOP });
    expect((await generate(output, { input })).made[0]).toBe(KEPT + 1);
    expect((await readFile(output)).equals(whole)).toBe(true);
    const [made, given] = [
      await probe(output, { count: true }),
      await probe(input, { count: true }),
    ];
    expect(made.frameTimes).toEqual(given.frameTimes);
  });

  it('says what is kept, where, and that it goes on; progress counts on', async () => {
    const output = await out('a.mp4');
    const first = await generate(output, { stopAt: STOP });
    const folder = await partsOf(output);
    expect(first.said).toContain(
      `${KEPT} of ${FRAMES} frames are kept in ${folder}: the same command goes on from there`,
    );
    expect((await readdir(folder)).sort()).toEqual(['00000.mp4', '00001.mp4', 'state']);
    const second = await generate(output);
    expect(second.said).toContain(`${output}: going on at frame ${KEPT} of ${FRAMES}`);
    expect(second.made).toEqual([9, 10, 11, 12]);
    expect(second.totals[0]).toBe(FRAMES);
    expect(second.result).toMatchObject({ frames: FRAMES, durationSeconds: FRAMES / 25 });
    expect(await probe(output, { count: true })).toMatchObject({ frameCount: FRAMES });
  });

  it.each([
    ['seed', { seed: 2 }],
    ['number of frames a segment', { segmentFrames: 5 }],
    ['input', 'input'],
    ['model', 'model'],
  ] as const)('does not go on from parts of another %s', async (_what, change) => {
    const own = scratchPath('own.mp4');
    await copyFile(clip, own);
    const output = await out('a.mp4');
    await generate(output, { input: own, stopAt: STOP });
    let options: Options = typeof change === 'object' ? change : {};
    if (change === 'input') await utimes(own, 1, 1);
    if (change === 'model') {
      const other = { noiseChannels: 2, historyFrames: 3, conditionFrames: 3 };
      options = { of: await openRunModel(await makeRun({ seed: 2, generator: other })) };
    }
    const asAnother = 'of' in options || 'segmentFrames' in options;
    const whole = await (asAnother ? undisturbed('a.mp4', options) : filmOf(options.seed ?? 1));
    const second = await generate(output, { input: own, ...options });
    expect(second.made[0]).toBe(1);
    expect(second.said).toContain('holds 8 frames of other work: they are removed');
    expect((await readFile(output)).equals(whole)).toBe(true);
    expect(await beside(output)).toEqual([]);
  });

  it('keeps what is finished when it fails, and everything when only the joining does', async () => {
    const output = await out('a.mp4');
    const whole = await filmOf(1);
    const own = await createSynthesizer(model);
    let left = SEGMENT + 2;
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
      ...{ input: clip, output, startFrames: 0, baseFolder: '.', segmentFrames: SEGMENT },
      onFrame: (done) => (done === FRAMES ? void writeFile(output, 'theirs') : undefined),
    }).catch((error: unknown) => (isFrameloomError(error) ? error.code : error));
    expect(second).toBe('exists');
    expect(await readFile(output, 'utf8')).toBe('theirs');
    expect(await readdir(await partsOf(output))).toContain('00002.mp4');
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
    const whole = await filmOf(1);
    await generate(output, { stopAt: STOP });
    await writeFile(join(await partsOf(output), '00001.mp4'), 'short');
    const second = await generate(output, { stopAt: STOP });
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
      ...{ input: clip, output, startFrames: 0, baseFolder: '.', segmentFrames: SEGMENT },
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
    const segmentFrames = 2;
    await generate(output, { segmentFrames, stopAt: 7 });
    const folder = await partsOf(output);
    const stray = (await temporariesIn(folder))('.mp4');
    await writeFile(stray, 'half a segment');
    await writeFile(join(folder, '00002.mp4'), 'named, and the state not written');
    await sweepTemporaries(dirname(output));
    expect(await readdir(folder)).toContain('00001.mp4');
    const second = await generate(output, { segmentFrames, stopAt: 9 });
    expect(second.made[0]).toBe(5);
    expect((await readdir(folder)).sort()).toEqual([
      ...['00000.mp4', '00001.mp4', '00002.mp4', 'state'],
    ]);
  });

  it('cleans up what is of no use: behind a film that is there, and for one made in one piece', async () => {
    const output = await out('a.mp4');
    await generate(output, { stopAt: STOP });
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
    await generate(output, { stopAt: STOP });
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
        ...{ ...settings, segmentFrames: SEGMENT, signal: stop.signal },
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
    const first = await run(STOP);
    expect(first.at(-1)).toBe(`2 ${STOP}`);
    const second = await run(0);
    expect(second[0]).toBe(`2 ${KEPT + 1}`);
    expect(second).toHaveLength(FRAMES - KEPT);
    const whole = await filmOf(2);
    expect((await readFile(join(folder, '2.mp4'))).equals(whole)).toBe(true);
    expect((await readdir(folder)).sort()).toEqual([
      ...['1.mp4', '2.mp4', 'frameloom-manifest.jsonl'],
    ]);
  });
});
