import { writeFile } from 'node:fs/promises';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { useBackend } from '../../../src/backend/index.js';
import { randomStream } from '../../../src/base/random.js';
import type { Dataset } from '../../../src/clips/index.js';
import { registerKernels } from '../../../src/kernels/index.js';
import type { Obedience } from '../../../src/metrics/index.js';
import { openRunModel } from '../../../src/pipeline/run-model.js';
import { evaluateHeldOut } from '../../../src/synthesis/evaluate/held-out.js';
import {
  trainInverseDynamics,
  type PlayedFrames,
} from '../../../src/synthesis/evaluate/inverse-dynamics.js';
import {
  openObedience,
  SharedInverseDynamics,
  type ObedienceJudge,
} from '../../../src/synthesis/evaluate/obedience.js';
import { readPlayed, smallerOf } from '../../../src/synthesis/evaluate/played-frames.js';
import { makeExact, open } from '../../clips/make-data.js';
import { expectNoLeak } from '../../tensors.js';
import { makeRun } from '../make-run.js';

beforeAll(async () => {
  await useBackend();
  registerKernels();
});

const opened: { close(): unknown }[] = [];
const dynamics = new SharedInverseDynamics(150);
afterEach(async () => {
  for (const one of opened.splice(0)) await one.close();
});

const SIZE = { width: 32, height: 24 };
/** What is done in each of some frames: a light that is on, and how fast stripes go, −1 to 1. */
function deeds(count: number, seed: number): { light: number; speed: number; at: number }[] {
  const random = randomStream(seed, 'sample', 'deeds');
  let [light, speed, at] = [0, 0, 0];
  return Array.from({ length: count }, () => {
    if (random.uniform() < 0.2) light = 1 - light;
    if (random.uniform() < 0.2) speed = random.integer(-2, 2) / 2;
    at += 4 * speed;
    return { light, speed, at };
  });
}
type Deeds = ReturnType<typeof deeds>;

/** Stripes that go to the left, and a square that the light shows in. */
const colourOf = ({ light, at }: Deeds[number], x: number, y: number) =>
  [
    light === 1 && x > 20 && x < 28 && y > 8 && y < 16 ? 255 : 40,
    [30, 60, 200, 120, 220, 90, 160, 20][Math.floor((x + at + 800) / 2) % 8]!,
    y * 8,
  ] as const;

const pictureOf = (deed: Deeds[number]): Uint8Array =>
  Uint8Array.from({ length: 3 * SIZE.width * SIZE.height }, (_, i) => {
    const pixel = Math.floor(i / 3);
    return colourOf(deed, pixel % SIZE.width, Math.floor(pixel / SIZE.width))[i % 3]!;
  });

/** @param told otherwise than as it stands in the file */
async function openDeeds(
  done: Deeds,
  told: { range?: [number, number]; offsetFrames?: number } = {},
): Promise<Dataset> {
  const clips = await makeExact({
    ...{ ...SIZE, frames: done.length },
    colour: (frame, x, y) => colourOf(done[frame]!, x, y),
  });
  const rows = done.map(({ light, speed }, frame) => [frame, light, speed].join(','));
  await writeFile(clips.replace(/\.\w+$/, '.csv'), ['frame,light,speed', ...rows, ''].join('\n'));
  const { range = [-1, 1], offsetFrames = 0 } = told;
  const columns = { light: 'key' as const, speed: { kind: 'axis' as const, range } };
  const dataset = await open({
    clips,
    condition: { kind: 'actions', path: '{folder}/{name}.csv', columns, offsetFrames },
    heldOut: { fraction: 0.3 },
  });
  opened.push(dataset);
  return dataset;
}

/** @param make what a generator has made of what was done, in one rollout */
async function judged(judge: ObedienceJudge, done: Deeds, make: Deeds): Promise<Obedience> {
  await judge.begin();
  for (const [t, deed] of done.entries()) {
    await judge.add({
      actions: Float32Array.of(deed.light, deed.speed),
      real: pictureOf(deed),
      generated: pictureOf(make[t]!),
    });
  }
  const found = await judge.result();
  if (!found) throw new Error('nothing was seen');
  return Promise.resolve(found);
}

describe('whether frames do what they were told', () => {
  it('is learned from real frames, and seen in others', async () => {
    const done = deeds(400, 1);
    const dataset = await openDeeds(done);
    const judgeOf = async (): Promise<ObedienceJudge> => {
      const judge = await openObedience({ dataset, training: dataset, dynamics, seed: 3 });
      return judge!;
    };
    const other = deeds(160, 2);
    const obedient = await judged(await judgeOf(), other, other);
    expect(obedient.frames).toBe(157);
    expect(obedient.columns.map(({ name }) => name)).toEqual(['light', 'speed']);
    expect(obedient.keys!.made).toBeGreaterThan(0.95);
    expect(obedient.keys!.made).toBe(obedient.keys!.real);
    expect(obedient.axes!.real).toBeGreaterThan(0.7);
    expect(obedient.keys!.shuffled).toBeGreaterThan(0.3);
    expect(obedient.keys!.shuffled).toBeLessThan(0.7);
    expect(obedient.axes!.shuffled).toBeLessThan(0.3);

    // What does something else is found out, beside real frames that do not.
    const deaf = await judged(await judgeOf(), other, deeds(160, 4));
    expect(deaf.keys!.real).toBe(obedient.keys!.real);
    expect(deaf.keys!.made).toBeGreaterThan(0.3);
    expect(deaf.keys!.made).toBeLessThan(0.7);
    expect(deaf.axes!.made).toBeLessThan(0.3);
    // A frame that never changes shows neither.
    const still = await judged(await judgeOf(), other, other.map(() => other[0]!)); // prettier-ignore
    expect(still.keys!.made).toBeCloseTo(0.5, 1);
    expect(still.axes!.made).toBeLessThan(0.1);
    dynamics.dispose();
  });

  it('is nothing of data without actions, and of rollouts that are too short', async () => {
    const without = await open({ clips: await makeExact({ colour: () => [1, 2, 3] }) });
    opened.push(without);
    expect(await openObedience({ dataset: without, training: without, seed: 1 })).toBeNull();
    const dataset = await openDeeds(deeds(60, 1));
    const short = new SharedInverseDynamics(1);
    const judge = await openObedience({ dataset, training: dataset, dynamics: short, seed: 1 });
    await judge!.begin();
    const [deed] = deeds(1, 1);
    for (let i = 0; i < 3; i += 1) {
      const rgb = pictureOf(deed!);
      await judge!.add({ actions: Float32Array.of(0, 0), real: rgb, generated: rgb });
    }
    expect(await judge!.result()).toBeNull();
    short.dispose();
  });

  it('is seen by one network as long as the same is told in the same numbers', async () => {
    const quick = new SharedInverseDynamics(1);
    const network = async (told?: Parameters<typeof openDeeds>[1]) =>
      quick.of(await openDeeds(deeds(30, 1), told), { seed: 1 });
    const own = await network();
    const wider = await network({ range: [-2, 2] });
    expect(wider).not.toBe(own);
    expect(await network({ range: [-2, 2], offsetFrames: 1 })).not.toBe(wider);
    quick.dispose();
  });

  it('stands in an evaluation, of all its rollouts', async () => {
    const dataset = await openDeeds(deeds(80, 1));
    const columns = { light: 'key', speed: 'axis' };
    const condition = { kind: 'actions', path: '{folder}/{name}.csv', columns };
    const model = await openRunModel(await makeRun({ data: { condition } }));
    const quick = new SharedInverseDynamics(2);
    const judge = await openObedience({ dataset, training: dataset, dynamics: quick, seed: 1 });
    const [segment] = dataset.heldOut();
    const rollouts = [6, 5].map((frames) => ({ segment: segment!, frames }));
    const { obedience } = await evaluateHeldOut(dataset, model, { rollouts, obedience: judge });
    // Of each rollout three frames have not enough others around them.
    expect(obedience).toMatchObject({
      frames: 3 + 2,
      columns: [{ name: 'light' }, { name: 'speed' }],
    });
    const without = await evaluateHeldOut(dataset, model, { rollouts });
    expect(without.obedience).toBeNull();
    quick.dispose();
  });

  it('sees large frames made smaller, with even sides', async () => {
    const clips = await makeExact({ width: 260, height: 196, frames: 2, colour: (_, x) => [x, 0, 0] }); // prettier-ignore
    const dataset = await open({ clips, size: '260x196', heldOut: { fraction: 0 } });
    opened.push(dataset);
    const smaller = smallerOf(dataset);
    expect(smaller).toMatchObject({ width: 86, height: 64, columns: [] });
    const { frames } = await dataset.readFrames(0, 0, 1);
    const shrunk = smaller.shrink(frames);
    expect(shrunk).toHaveLength(3 * 86 * 64);
    expect([shrunk[0], shrunk[3], shrunk[3 * 86 + 6]]).toEqual([1, 4, 7]);
    await expect(readPlayed(dataset, smaller, undefined)).rejects.toMatchObject({
      code: 'bad-data',
    });
  });
});

describe('the network that sees what was done', () => {
  const done = deeds(40, 1);
  const part: PlayedFrames = {
    count: done.length,
    frames: Uint8Array.from(done.flatMap((deed) => [...pictureOf(deed)])),
    actions: Float32Array.from(done.flatMap(({ light, speed }) => [light, speed])),
  };
  const columns = [
    { name: 'light', kind: 'key' },
    { name: 'speed', kind: 'axis' },
  ] as const;
  const windows = [done.slice(0, 4).map(pictureOf), done.slice(9, 13).map(pictureOf)];

  it('is the same of the same seed, and leaves no tensor behind', async () => {
    const seen = async (seed: number): Promise<string> => {
      let said = '';
      await expectNoLeak(async () => {
        const network = await trainInverseDynamics(
          [part],
          { ...SIZE, columns },
          { seed, steps: 3 },
        );
        said = (await network.actions(windows)).map(String).join();
        network.dispose();
      });
      return said;
    };
    expect(await seen(1)).toBe(await seen(1));
    expect(await seen(1)).not.toBe(await seen(2));
  });

  it('needs four frames in a row, and ends where it is told to, with nothing left', async () => {
    const kind = { ...SIZE, columns };
    await expect(
      trainInverseDynamics([{ ...part, count: 3 }], kind, { seed: 1 }),
    ).rejects.toMatchObject({ code: 'bad-data' });
    const stop = new AbortController();
    await expectNoLeak(async () => {
      const training = trainInverseDynamics([part], kind, {
        ...{ seed: 1, signal: stop.signal },
        onTraining: (step) => step === 2 && stop.abort(),
      });
      await expect(training).rejects.toMatchObject({ code: 'cancelled' });
    });
  });
});
