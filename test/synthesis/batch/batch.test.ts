import { mkdirSync } from 'node:fs';
import {
  copyFile,
  mkdir,
  readdir,
  readFile,
  rm,
  rmdir,
  stat,
  symlink,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { useBackend } from '../../../src/backend/index.js';
import { openRunModel } from '../../../src/pipeline/run-model.js';
import {
  runBatch,
  type BatchEvent,
  type BatchOptions,
} from '../../../src/synthesis/batch/batch.js';
import { Claims, type ClaimedWork } from '../../../src/synthesis/batch/claim.js';
import type { ManifestEntry } from '../../../src/synthesis/batch/manifest.js';
import type { SynthesisModel } from '../../../src/synthesis/models/model.js';
import { createTensorFlowSynthesizer } from '../../../src/synthesis/engines/tensorflow.js';
import { outputFolder, planBatch } from '../../../src/synthesis/batch/template.js';
import { decodeFrames, runningProcesses } from '../../../src/video/index.js';
import { collect } from '../../video/frames.js';
import { makeClip, scratchPath } from '../../video/make-clip.js';
import { makeRun } from '../make-run.js';

const FRAMES = 6;
let model: SynthesisModel;
let clips: string[];

beforeAll(async () => {
  await useBackend();
  model = await openRunModel(await makeRun({ generator: { noiseChannels: 2 } }));
  clips = await Promise.all(
    [1, 2, 3].map((i) => makeClip({ frames: FRAMES, name: `clip-${i}.mp4`, filter: `hue=h=${i}` })),
  );
});

interface Batch {
  inputs?: string[];
  seeds?: number[];
  of?: SynthesisModel;
  folder: string;
  more?: Partial<BatchOptions>;
}

/** Runs a batch of the clips and says what happened to each. */
async function run({ inputs = clips, seeds = [1], of = model, folder, more }: Batch) {
  const template = join(folder, '{index}-{seed}.mkv');
  const events: BatchEvent[] = [];
  const summary = await runBatch(of, planBatch({ inputs, seeds, template }), {
    ...{ folder: outputFolder(template), startFrames: 0, baseFolder: folder },
    ...more,
    onEvent: (event) => {
      events.push(event);
      more?.onEvent?.(event);
    },
  });
  const ended = events
    .filter(({ kind }) => kind !== 'started' && kind !== 'frame')
    .map(({ kind, job }) => `${kind} ${job.index}-${job.seed}`)
    .sort();
  return { summary, events, ended };
}

/** All its frames: two files of the same frames need not be the same bytes. */
const pixels = async (...place: string[]): Promise<Buffer> =>
  Buffer.concat((await collect(decodeFrames(join(...place)))).map(({ data }) => data));

const videos = async (folder: string): Promise<string[]> =>
  (await readdir(folder)).filter((name) => name.endsWith('.mkv')).sort();

describe('runBatch', () => {
  it('makes what is not made yet, and only that', async () => {
    const folder = scratchPath('out');
    const before = tf.memory().numTensors;
    const first = await run({ folder, seeds: [1, 2], inputs: clips.slice(0, 2) });
    expect(first.ended).toEqual(['done 1-1', 'done 1-2', 'done 2-1', 'done 2-2']);
    const made = (await stat(join(folder, '1-1.mkv'))).mtimeMs;
    const second = await run({ folder, seeds: [1, 2], more: { parallel: 2 } });
    expect(second.summary).toEqual({ done: 2, skipped: 4, kept: 0, failed: [] });
    expect(second.ended.slice(0, 2)).toEqual(['done 3-1', 'done 3-2']);
    expect((await stat(join(folder, '1-1.mkv'))).mtimeMs).toBe(made);
    // Each with its own history and seed, whoever made it and in whatever order.
    const [one, other] = [await pixels(folder, '2-1.mkv'), await pixels(folder, '2-2.mkv')];
    expect(one.equals(other)).toBe(false);
    const alone = scratchPath('alone');
    await run({ folder: alone, seeds: [2], inputs: [clips[1]!] });
    expect((await pixels(alone, '1-2.mkv')).equals(other)).toBe(true);
    expect(tf.memory().numTensors).toBe(before);
  });

  it('enters later what was made and could not be entered, and makes it no second time', async () => {
    const folder = scratchPath('out');
    const place = join(folder, 'frameloom-manifest.jsonl');
    const inputs = clips.slice(0, 1);
    const full = run({
      ...{ folder, inputs },
      more: {
        onEvent: ({ kind }) => {
          // What no line can be added to.
          if (kind === 'started') mkdirSync(place);
        },
      },
    });
    await expect(full).rejects.toMatchObject({ code: 'write-failed', path: place });
    const made = (await stat(join(folder, '1-1.mkv'))).mtimeMs;
    await rmdir(place);
    // With --overwrite too: it is this batch's own.
    const again = await run({ folder, inputs, more: { overwrite: true } });
    expect(again.ended).toEqual(['skipped 1-1']);
    expect((await stat(join(folder, '1-1.mkv'))).mtimeMs).toBe(made);
    expect((await readFile(place, 'utf8')).trim().split('\n')).toHaveLength(1);
    expect((await readdir(folder)).sort()).toEqual(['1-1.mkv', 'frameloom-manifest.jsonl']);
  });

  it('makes again what was changed: input, output, model, settings', async () => {
    const folder = scratchPath('out');
    const clip = scratchPath('changing.mp4');
    await copyFile(clips[0]!, clip);
    const inputs = [clip, clips[1]!];
    const again = async (batch: Partial<Batch> = {}) =>
      (await run({ folder, inputs, ...batch })).ended;
    await again();
    await utimes(clip, 1, 1); // the same content
    expect(await again()).toEqual(['skipped 1-1', 'skipped 2-1']);
    await copyFile(clips[2]!, clip);
    expect(await again()).toEqual(['done 1-1', 'skipped 2-1']);
    await rm(join(folder, '2-1.mkv'));
    expect(await again()).toEqual(['done 2-1', 'skipped 1-1']);
    await writeFile(join(folder, '1-1.mkv'), 'something else');
    expect(await again()).toEqual(['kept 1-1', 'skipped 2-1']);
    expect(await readFile(join(folder, '1-1.mkv'), 'utf8')).toBe('something else');
    expect(await again({ more: { overwrite: true } })).toEqual(['done 1-1', 'skipped 2-1']);
    expect(await again({ more: { startFrames: 1 } })).toEqual(['done 1-1', 'done 2-1']);
    const other = await openRunModel(await makeRun({ seed: 2, generator: { noiseChannels: 2 } }));
    expect(await again({ of: other, more: { startFrames: 1 } })).toEqual(['done 1-1', 'done 2-1']);
  });

  it('reports one that fails and makes the rest', async () => {
    const folder = scratchPath('out');
    const bad = scratchPath('bad.mp4');
    await writeFile(bad, 'not a video');
    const inputs = [clips[0]!, bad, scratchPath('none.mp4'), clips[1]!];
    const { summary, ended } = await run({ folder, inputs });
    expect(ended).toEqual(['done 1-1', 'done 4-1', 'failed 2-1', 'failed 3-1']);
    expect(summary.failed.map(({ job, error }) => [job.input, error.code])).toEqual([
      [bad, 'bad-input'],
      [inputs[2], 'not-found'],
    ]);
    expect(await videos(folder)).toEqual(['1-1.mkv', '4-1.mkv']);
    expect((await run({ folder, inputs })).summary).toMatchObject({ done: 0, skipped: 2 });
  });

  it('goes on with its synthesizer after a failure in the middle of a frame', async () => {
    const folder = scratchPath('out');
    const { width, height } = model.data.size;
    let calls = 0;
    const { summary } = await run({
      folder,
      more: {
        openSynthesizer: () => {
          const real = createTensorFlowSynthesizer({ ...model, width, height });
          const next = async (condition: Uint8Array | null) => {
            calls += 1;
            if (calls === 3) throw new TypeError('a defect');
            return real.next(condition);
          };
          return { ...real, next };
        },
      },
    });
    expect(summary).toMatchObject({ done: 2, failed: [{ error: { message: 'a defect' } }] });
    const whole = scratchPath('whole');
    await run({ folder: whole });
    const [after, expected] = [await pixels(folder, '2-1.mkv'), await pixels(whole, '2-1.mkv')];
    expect(after.equals(expected)).toBe(true);
  });

  it('stops in order, and goes on from there', async () => {
    const folder = scratchPath('out');
    const stop = new AbortController();
    const onEvent = ({ kind, job }: BatchEvent): void => {
      if (kind === 'frame' && job.index === 2) stop.abort();
    };
    const stopped = run({ folder, more: { signal: stop.signal, onEvent } });
    await expect(stopped).rejects.toMatchObject({
      code: 'cancelled',
      message: 'stopped with 1 of 3 videos made',
    });
    expect((await readdir(folder)).sort()).toEqual(['1-1.mkv', 'frameloom-manifest.jsonl']);
    expect(runningProcesses()).toEqual([]);
    expect((await run({ folder })).ended).toEqual(['done 2-1', 'done 3-1', 'skipped 1-1']);
  });

  it('enters what was in place when its process died, and does not make it again', async () => {
    const folder = scratchPath('out');
    await run({ folder, inputs: clips.slice(0, 1) });
    const [manifest] = (await readdir(folder)).filter((name) => name.endsWith('.jsonl'));
    const entry = JSON.parse(await readFile(join(folder, manifest!), 'utf8')) as ManifestEntry;
    await rm(join(folder, manifest!));
    const { output, model: made, settings, input } = entry;
    const abandon = async (
      before: ClaimedWork['before'],
      change: ClaimedWork['settings'] = {},
    ): Promise<void> => {
      const claims = new Claims(folder);
      await claims.take({
        ...{ output, model: made, input, before },
        settings: { ...settings, ...change },
      });
      const names = await readdir(join(folder, '.frameloom-claims'));
      const name = names.find((one) => one.endsWith('.json'));
      const path = join(folder, '.frameloom-claims', name!);
      const claim = JSON.parse(await readFile(path, 'utf8')) as object;
      // As from a process that was killed, and whose number another one has now.
      await writeFile(path, JSON.stringify({ ...claim, born: 'before' }));
    };
    await abandon(null);
    const { mtimeMs } = await stat(join(folder, output));
    const first = await run({ folder, inputs: clips.slice(0, 1) });
    expect(first.ended).toEqual(['skipped 1-1']);
    expect((await stat(join(folder, output))).mtimeMs).toBe(mtimeMs);
    expect(JSON.parse(await readFile(join(folder, manifest!), 'utf8'))).toMatchObject({
      ...{ output, frames: FRAMES, made: entry.made },
    });
    expect((await readdir(folder)).sort()).toEqual([output, manifest!].sort());
    // What lay there before the dead process began was not made by it.
    await rm(join(folder, manifest!));
    await abandon(entry.made);
    expect((await run({ folder, inputs: clips.slice(0, 1) })).ended).toEqual(['kept 1-1']);
    // What one made of other work and did not live to enter is nobody's to keep.
    await abandon(null, { seed: 7 });
    expect((await run({ folder, inputs: clips.slice(0, 1) })).ended).toEqual(['done 1-1']);
    // Of settings that nobody asks for now, actions say, either.
    await rm(join(folder, manifest!));
    await abandon(null, { actions: 'a'.repeat(64) });
    expect((await run({ folder, inputs: clips.slice(0, 1) })).ended).toEqual(['done 1-1']);
    // Nor is it when the next one died at it too.
    await rm(join(folder, manifest!));
    await abandon(null, { seed: 7 });
    const { mtimeMs: modifiedMs, size: bytes } = await stat(join(folder, output));
    await abandon({ bytes, modifiedMs });
    expect((await run({ folder, inputs: clips.slice(0, 1) })).ended).toEqual(['done 1-1']);
  });

  it('leaves what another process is at for the end, and waits for it', async () => {
    const folder = scratchPath('out');
    const template = join(folder, '{index}-{seed}.mkv');
    const order: string[] = [];
    const options = { folder: outputFolder(template), startFrames: 0, baseFolder: folder };
    const jobs = planBatch({ inputs: clips, seeds: [1], template });
    const summaries = await Promise.all(
      ['a', 'b'].map((name) =>
        runBatch(model, jobs, {
          ...options,
          onEvent: ({ kind, job }) => {
            if (kind === 'done') order.push(`${name} ${job.index}`);
          },
        }),
      ),
    );
    expect(order.map((line) => line.slice(2)).sort()).toEqual(['1', '2', '3']);
    expect(summaries.map(({ done, skipped }) => done + skipped)).toEqual([3, 3]);
    expect(summaries[0]!.done + summaries[1]!.done).toBe(3);
  });

  it('leaves what it did not make, and says so, unless it may replace it', async () => {
    const folder = scratchPath('out');
    await mkdir(folder);
    await writeFile(join(folder, '1-1.mkv'), 'theirs');
    const said: string[] = [];
    const none = (): void => undefined;
    const log = { error: none, info: none, debug: none, warn: (text: string) => said.push(text) };
    const inputs = clips.slice(0, 2);
    const first = await run({ folder, inputs, more: { log } });
    expect(first.ended).toEqual(['done 2-1', 'kept 1-1']);
    expect(first.summary).toMatchObject({ done: 1, kept: 1, failed: [] });
    expect(said).toEqual([expect.stringContaining('1-1.mkv is there, not made by this batch')]);
    expect(await readFile(join(folder, '1-1.mkv'), 'utf8')).toBe('theirs');
    const second = await run({ folder, inputs, more: { overwrite: true } });
    expect(second.ended).toEqual(['done 1-1', 'skipped 2-1']);
    expect(await pixels(folder, '1-1.mkv')).not.toHaveLength(0);
  });

  it('writes over nothing that any job reads, by whatever name', async () => {
    const folder = scratchPath('out');
    await mkdir(folder);
    const own = join(folder, '2-1.mkv');
    await copyFile(clips[0]!, own);
    await symlink(clips[1]!, join(folder, '1-1.mkv'));
    const before = await readFile(clips[1]!);
    for (const inputs of [
      [clips[1]!, clips[2]!],
      [clips[2]!, own],
    ]) {
      await expect(run({ folder, inputs, more: { overwrite: true } })).rejects.toMatchObject({
        ...{ code: 'bad-option', message: expect.stringContaining('one of the inputs') as string },
      });
    }
    expect(await readFile(clips[1]!)).toEqual(before);
    const list = join(folder, '1-1.mkv');
    await rm(list);
    await writeFile(list, 'a list');
    const inputs = clips.slice(1);
    const more = { overwrite: true, reads: [list] };
    await expect(run({ folder, inputs, more })).rejects.toMatchObject({ code: 'bad-option' });
  });

  it('makes pictures of several videos at once in one folder', async () => {
    const folder = scratchPath('out 100%');
    const long = await makeClip({ frames: 3 * FRAMES, name: '50%.mp4' });
    const template = join(folder, '{name}-%03d.png');
    const jobs = planBatch({ inputs: [...clips, long], seeds: [1], template });
    const options = { folder: outputFolder(template), startFrames: 0, baseFolder: folder };
    const summary = await runBatch(model, jobs, { ...options, parallel: 4 });
    expect(summary).toMatchObject({ done: 4, failed: [] });
    for (const { input, output } of jobs) {
      const frames = await collect(decodeFrames(output));
      expect([input, frames.length]).toEqual([input, input === long ? 3 * FRAMES : FRAMES]);
    }
    const names = await readdir(folder);
    expect(names.filter((name) => name.endsWith('.png'))).toHaveLength(6 * FRAMES);
    expect(names.filter((name) => !name.endsWith('.png'))).toEqual(['frameloom-manifest.jsonl']);
    expect(names.some((name) => name.endsWith('50%-001.png'))).toBe(true);
    expect(await runBatch(model, jobs, options)).toMatchObject({ done: 0, skipped: 4 });
    // A shorter video in the place of a longer one leaves nothing of it.
    await copyFile(clips[0]!, long);
    expect(await runBatch(model, jobs, options)).toMatchObject({ done: 1, skipped: 3 });
    expect(await collect(decodeFrames(jobs[3]!.output))).toHaveLength(FRAMES);
    // Pictures of somebody else's are not a rest of ours.
    await writeFile(join(folder, 'theirs-001.png'), 'theirs');
    await writeFile(jobs[0]!.output.replace('%03d', '002'), 'theirs');
    expect(await runBatch(model, jobs, options)).toMatchObject({ done: 0, skipped: 3, kept: 1 });
  });

  it('knows pictures by their pattern', async () => {
    const folder = scratchPath('out');
    const template = join(folder, '{name}', '%03d.png');
    const jobs = planBatch({ inputs: [clips[0]!], seeds: [1], template });
    const options = { folder, startFrames: 0, baseFolder: folder };
    expect(await runBatch(model, jobs, options)).toEqual({
      done: 1,
      skipped: 0,
      kept: 0,
      failed: [],
    });
    expect(await runBatch(model, jobs, options)).toEqual({
      done: 0,
      skipped: 1,
      kept: 0,
      failed: [],
    });
    const [made] = (await readdir(folder)).filter((name) => !name.startsWith('frameloom'));
    await rm(join(folder, made!, '003.png'));
    expect(await runBatch(model, jobs, options)).toEqual({
      done: 1,
      skipped: 0,
      kept: 0,
      failed: [],
    });
    expect(await readdir(join(folder, made!))).toHaveLength(FRAMES);
  });
});
