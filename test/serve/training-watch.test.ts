import { appendFile, mkdir, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { silentLogger } from '../../src/base/log.js';
import { curvesOf } from '../../src/cli/commands/live/curves.js';
import { LogTail } from '../../src/serve/log-tail.js';
import { API } from '../../src/serve/page-api.js';
import { startLive, type RunningLive } from '../../src/serve/live.js';
import type { TrainingMessage } from '../../src/serve/training-messages.js';
import { takeLock } from '../../src/training/run/lock.js';
import { runPaths } from '../../src/training/run/run-folder.js';
import { makeRun } from '../synthesis/make-run.js';
import { scratchPath } from '../video/make-clip.js';
import { ask, dial, placeholderPage, until } from './support.js';

const line = (step: number, more: object = {}): string =>
  `${JSON.stringify({ step, terms: { 'generator/reconstruction': 1 / step }, health: 'healthy', clock: { framesPerSecond: 9 }, ...more })}\n`;

describe('the tail of a log', () => {
  it('gives each whole line once, and all again where the log is another', async () => {
    const path = scratchPath('log.jsonl');
    const tail = new LogTail(path);
    expect(await tail.read()).toEqual({ lines: [], replaced: false });
    await writeFile(path, line(10) + line(20).slice(0, 15));
    expect((await tail.read()).lines.map(({ step }) => step)).toEqual([10]);
    await appendFile(path, line(20).slice(15));
    expect((await tail.read()).lines.map(({ step }) => step)).toEqual([20]);
    expect(await tail.read()).toEqual({ lines: [], replaced: false });
    // Went back, and has come further than before since.
    await truncate(path, line(10).length);
    await appendFile(path, line(11) + line(12) + line(13));
    const again = await tail.read();
    expect([again.replaced, again.lines.map(({ step }) => step)]).toEqual([true, [10, 11, 12, 13]]);
  });
});

describe('a run that is trained', () => {
  let live: RunningLive;
  let run: string;
  let release: () => Promise<void>;
  const said: TrainingMessage[] = [];
  const heard = <T extends TrainingMessage['type']>(type: T) =>
    said.filter((one): one is Extract<TrainingMessage, { type: T }> => one.type === type);

  beforeAll(async () => {
    run = await makeRun();
    const paths = runPaths(run);
    await writeFile(paths.log, line(10));
    await mkdir(paths.samples, { recursive: true });
    await writeFile(join(paths.samples, 'step-0000010.png'), 'png');
    const lock = await takeLock(join(run, 'lock'));
    release = () => lock.release();
    const pageFolder = await placeholderPage();
    live = await startLive({
      ...{ place: run, pageFolder, log: silentLogger },
      curvesOf: (lines) => Promise.resolve(curvesOf(lines)),
    });
    const { socket, opened } = dial(live, API.training);
    socket.on('message', (data: Buffer) => said.push(JSON.parse(data.toString()) as never));
    await opened;
  });
  afterAll(() => live.close());

  it('is told of from its beginning: how far, curves, samples, snapshots', async () => {
    expect(await live.training).toBe(true);
    await until(() => heard('snapshot').length > 0, 'a snapshot');
    expect(said.map(({ type }) => type)).toEqual(['progress', 'curves', 'sample', 'snapshot']);
    expect(heard('progress')[0]).toMatchObject({
      ...{ run, pipeline: 'random', state: 'training', step: 10, health: 'healthy' },
    });
    expect(heard('curves')[0]).toMatchObject({
      replace: true,
      curves: [{ group: 'losses', title: 'generator: reconstruction', points: [[10, 0.1]] }],
    });
    expect(heard('sample')[0]).toMatchObject({ step: 10 });
    const sample = await ask(live, heard('sample')[0]!.path);
    expect([sample.headers['content-type'], sample.text]).toEqual(['image/png', 'png']);
    expect((await ask(live, `${API.samples}/..%2fpipeline.yaml`)).status).toBe(404);
    const about = JSON.parse((await ask(live, API.about)).text) as object;
    expect(about).toMatchObject({ training: true, step: 1 });
  });

  it('is told of as it goes on', async () => {
    const { log, samples } = runPaths(run);
    const more = { heldOut: { psnr: 21.5 }, alarms: { flicker: 'it boils' } };
    await appendFile(log, line(20, more) + line(20, { act: 'slows', why: 'because' }));
    await writeFile(join(samples, 'step-0000020.png'), 'png');
    await until(() => heard('sample').length === 2, 'a sample');
    await until(() => heard('event').length === 2, 'events');
    expect(heard('curves').at(-1)).toMatchObject({ replace: false });
    expect(
      heard('curves')
        .at(-1)
        ?.curves.map(({ name, group }) => [name, group]),
    ).toContainEqual([...['psnr', 'held-out']]);
    expect(heard('event').map(({ kind, word, text }) => [kind, word, text])).toEqual([
      ['alarm', 'flicker', 'it boils'],
      ['act', 'slows', 'because'],
    ]);
    await live.tell({ state: 'evaluating', doing: '3/9 frames', share: 0.4, etaSeconds: 12 });
    await until(() => heard('progress').at(-1)?.share === 0.4, 'the share');
    expect(heard('progress').at(-1)).toMatchObject({
      state: 'evaluating',
      step: 20,
      etaSeconds: 12,
    });
  });

  it('is told to have ended', async () => {
    await live.tell({ state: 'ended', ending: { why: 'done', next: ['frameloom live x'] } });
    await release();
    await until(() => heard('progress').at(-1)?.state === 'ended', 'the end');
    expect(heard('progress').at(-1)?.ending?.next).toEqual(['frameloom live x']);
    const about = JSON.parse((await ask(live, API.about)).text) as object;
    expect(about).toMatchObject({ training: false });
  });
});
