import { writeFile } from 'node:fs/promises';
import { beforeAll, describe, expect, it } from 'vitest';
import { useBackend } from '../../../src/backend/index.js';
import { createLogger } from '../../../src/base/log.js';
import { actionColumns } from '../../../src/clips/actions.js';
import { planCondition } from '../../../src/clips/condition-plan.js';
import { dataOptions, type DataInput } from '../../../src/clips/options.js';
import { createGenerator, generatorOptions } from '../../../src/networks/index.js';
import { createSynthesizer } from '../../../src/synthesis/engines/open.js';
import type { SynthesisModel } from '../../../src/synthesis/models/model.js';
import { generate } from '../../../src/synthesis/video/generate.js';
import { JobMaker } from '../../../src/synthesis/batch/job.js';
import { Manifest } from '../../../src/synthesis/batch/manifest.js';
import { counting } from '../../clips/make-data.js';
import { runFfmpeg, scratchFolder, scratchPath } from '../../video/make-clip.js';

const ACTIONS: DataInput = {
  actions: { path: '{folder}/{name}.csv', columns: { left: 'key', steer: 'axis' } },
};

async function modelOf(data: DataInput): Promise<SynthesisModel> {
  const parsed = dataOptions.parse({ size: '16x16', condition: 'none', ...data });
  const { layout } = await planCondition(parsed, { baseFolder: '/', ...parsed.size });
  const generator = createGenerator(
    generatorOptions.parse({ channels: 4, residualBlocks: 1, branchBlocks: 0 }),
    layout.channels,
    actionColumns(layout),
  );
  const named = generator.layout.toNamed(generator.layout.initialize(2));
  for (const [name, { data: own }] of Object.entries(named)) {
    if (name.includes('.acting.')) own.forEach((_, i) => (own[i] = Math.sin(i)));
  }
  const weights = generator.layout.fromNamed(named);
  return { generator, weights, seed: 1, data: parsed, layout, step: 1 };
}

/** What is done in frame t. */
const done = (t: number): { left: number; steer: number } => ({ left: t % 2, steer: t / 20 });
const csv = (frames: number, from = 0): string =>
  [
    'frame,left,steer',
    ...Array.from({ length: frames }, (_, i) => {
      const { left, steer } = done(i + from);
      return [i, left, steer].join(',');
    }),
  ].join('\n');

describe('what is done in an input', () => {
  let model: SynthesisModel;
  let clip: string;
  const beside = (): string => clip.replace(/mkv$/, 'csv');
  const lines: string[] = [];
  const log = createLogger({ write: (line) => void lines.push(line) });

  beforeAll(async () => {
    await useBackend();
    model = await modelOf(ACTIONS);
    clip = await counting({ frames: 8, name: 'played.mkv', width: 16, height: 16 });
  });

  const made = async (options: object = {}): Promise<Uint8Array[]> => {
    const frames: Uint8Array[] = [];
    for await (const { data } of generate(model, clip, { log, ...options })) frames.push(data);
    return frames;
  };
  const by = async (actions: (t: number) => object | null, frames = 8): Promise<Uint8Array[]> => {
    const synthesizer = await createSynthesizer(model);
    const all: Uint8Array[] = [];
    for (let t = 0; t < frames; t += 1) {
      all.push(await synthesizer.next(null, { actions: actions(t) as Record<string, number> }));
    }
    synthesizer.dispose();
    return all;
  };

  it('is of the file that is named, of the one beside it, or not known', async () => {
    const alone = await made();
    expect(alone).toEqual(await by(() => null));
    expect(lines.splice(0).join()).toContain('the world goes on by itself (give actions)');
    await writeFile(beside(), csv(8));
    const played = await by(done);
    expect(played).not.toEqual(alone);
    expect(await made()).toEqual(played);
    const other = scratchPath('other.csv');
    await writeFile(other, csv(8, 5));
    expect(await made({ actions: other })).toEqual(await by((t) => done(t + 5)));
    expect(lines).toEqual([]);
  });

  it('is taken from where a part begins', async () => {
    await writeFile(beside(), csv(8));
    const part = await made({ startSeconds: 0.15, durationSeconds: 0.2 });
    expect(part).toEqual(await by((t) => done(t + 3), 4));
    // What the file says of the rest is none of it, and nothing to warn of.
    expect(lines).toEqual([]);
    const rows = csv(8).replaceAll(/^(?:frame|\d+),/gm, '');
    for (const told of [csv(8), rows]) {
      await writeFile(beside(), told);
      expect(await made({ durationSeconds: 0.2 })).toEqual(await by(done, 4));
    }
    expect(lines).toEqual([]);
    await expect(made({ actions: 'none.csv' })).rejects.toMatchObject({
      hint: 'actions names the CSV file of it',
    });
  });

  it('is of the frames of the whole file, at uneven times and at another rate', async () => {
    const own = scratchPath('paused.csv');
    const paused = scratchPath('paused.mkv');
    // Shown at 0, 0.05, 0.1 and, after a second, from 1.15 on.
    const times = "setpts='(N/20+gt(N,2))/TB'";
    await runFfmpeg('-i', clip, '-vf', times, '-fps_mode', 'vfr', '-c:v', 'ffv1', paused);
    await writeFile(own, csv(8));
    const of = async (options: object): Promise<Uint8Array[]> => {
      const frames: Uint8Array[] = [];
      for await (const { data } of generate(model, paused, { log, actions: own, ...options })) {
        frames.push(data);
      }
      return frames;
    };
    const last = await by((t) => done(t + 4), 4);
    expect(await of({ startSeconds: 1.19 })).toEqual(last);
    await writeFile(own, csv(8).replaceAll(/^(?:frame|\d+),/gm, ''));
    expect(await of({ startSeconds: 1.19 })).toEqual(last);
    expect(lines).toEqual([]);
    // As many rows as the part has frames are of another one.
    await writeFile(own, 'left,steer\n0,0\n0,0\n1,0\n1,0\n');
    await expect(of({ startSeconds: 1.19 })).rejects.toThrow('has 4 rows, and');
    // A quarter of the frames, from the fifth on: each with what is done in the frames that it stands for.
    const even = scratchPath('even.csv');
    await writeFile(even, csv(8));
    const fewer = await made({ actions: even, startSeconds: 0.2, fps: { num: 10, den: 1 } });
    const mean = (t: number): number => (done(t).steer + done(t - 1).steer) / 2;
    expect(fewer).toEqual(await by((t) => ({ left: 1, steer: mean(4 + 2 * t) }), 2));
    expect(lines).toEqual([]);
  });

  it('is refused of a model that is told nothing, and where it does not fit', async () => {
    const other = scratchPath('short.csv');
    await writeFile(other, 'left,steer\n0,0\n');
    await expect(made({ actions: other })).rejects.toThrow('has 1 row, and');
    const silent = await modelOf({});
    await expect(generate(silent, clip, { actions: other }).next()).rejects.toThrow(
      'this generator is told no actions',
    );
    const synthesizer = await createSynthesizer(model);
    await expect(synthesizer.next(null)).rejects.toThrow('is told what is done in each frame');
    for (const [actions, message] of [
      [{ jump: 1 }, 'there is no action "jump"'],
      [{ left: 0.5 }, 'left is 0.5, and a key is 0 or 1'],
      [{ steer: 2 }, 'steer is 2, and an axis is'],
      [[1], '1 actions were given, and the generator is told 2'],
    ] as const) {
      await expect(
        synthesizer.next(null, { actions: actions as Record<string, number> }),
      ).rejects.toThrow(message);
    }
    synthesizer.dispose();
    const plain = await createSynthesizer(silent);
    await expect(plain.next(null, { actions: {} })).rejects.toThrow('is told no actions');
    plain.dispose();
  });

  it('is a part of what decides whether a batch has made a video', async () => {
    await writeFile(beside(), csv(8));
    const manifest = await Manifest.open(scratchFolder());
    const maker = new JobMaker(model, manifest, 'model', {});
    const job = { index: 1, input: clip, output: scratchPath('made.mkv'), seed: 1 };
    const before = await maker.workOf(job);
    expect(before.settings.actions).toMatch(/^[0-9a-f]{64}$/);
    await writeFile(beside(), csv(8, 1));
    expect((await maker.workOf(job)).settings.actions).not.toBe(before.settings.actions);
  });
});
