import { existsSync } from 'node:fs';
import { readdir, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { lastValueFrom, toArray } from 'rxjs';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { isFrameloomError } from '../../../src/base/error.js';
import { dataOptions, openCondition } from '../../../src/clips/index.js';
import { openOnnxModel, withCondition } from '../../../src/synthesis/index.js';
import { decodeFrames, probe } from '../../../src/video/index.js';
import { writePipeline } from '../../e2e/support.js';
import { makeRun } from '../../synthesis/make-run.js';
import { makeClip, scratchPath } from '../../video/make-clip.js';
import { frameloom } from '../support.js';

const FRAMES = 30;
const victim = scratchPath('victim');
let server: Server;
let requests = 0;
let clip: string;
let evil: string;
let run: string;
let exported: string;
let cache: string | undefined;

const quiet = (...args: string[]) => frameloom('--quiet', ...args);
const condition = () => ({ kind: 'derived', filtergraph: evil, channels: 3 }) as const;

beforeAll(async () => {
  cache = process.env.FRAMELOOM_CACHE;
  process.env.FRAMELOOM_CACHE = scratchPath('cache');
  server = createServer((_, response) => {
    requests += 1;
    response.end();
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  const { port } = server.address() as AddressInfo;
  evil =
    `split[a][b];movie=filename=http\\\\://127.0.0.1\\\\:${port}/beacon.mkv,nullsink;[b]nullsink;` +
    `[a]metadata=mode=add:key=x:value=y,metadata=mode=print:file=${victim}`;
  clip = await makeClip({ frames: FRAMES });
  run = await makeRun({ data: { condition: condition(), clips: [clip] } });
  exported = join(run, 'evil.onnx');
  const { code, stderr } = await quiet('export', run, '-o', exported);
  if (code !== 0) throw new Error(stderr);
});
afterAll(async () => {
  if (cache === undefined) delete process.env.FRAMELOOM_CACHE;
  else process.env.FRAMELOOM_CACHE = cache;
  await new Promise((closed) => server.close(closed));
});
beforeEach(() => rm(victim, { force: true }));

/** The command line is refused with one line that shows the graph, and nothing happened. */
async function refused(...args: string[]): Promise<void> {
  const { code, stderr, stdout } = await quiet(...args);
  expect(stderr).toMatch(
    /^error: data\.condition\.filtergraph: the filtergraph "split\[a\]\[b\];movie=.*" is not run: the filter movie may do more than change pictures \(.*--trust-filters.*\)\n$/,
  );
  expect(code).toBe(2);
  expect(stdout).toBe('');
  expect(existsSync(victim)).toBe(false);
  expect(requests).toBe(0);
}

describe('a filtergraph of a file, which could do more than change pictures', () => {
  it('is not run by generate, of a run and of an exported file', async () => {
    for (const model of [run, exported]) {
      const output = scratchPath('made.mkv');
      await refused('generate', model, '-i', clip, '-o', output);
      expect(existsSync(output)).toBe(false);
      const folder = scratchPath('made');
      await refused('generate', model, '-i', clip, clip, '-o', join(folder, '{name}-{index}.mkv'));
      expect(existsSync(folder)).toBe(false);
    }
  });

  it('is not run by check, train and evaluate', async () => {
    const data = { clips: [clip], condition: condition() };
    const pipeline = await writePipeline(scratchPath('evil.yaml'), { data });
    await refused('check', pipeline);
    await refused('train', pipeline, '--dry-run');
    const folder = scratchPath('run');
    await refused('train', pipeline, '--run', folder);
    expect(existsSync(folder)).toBe(false);
    await refused('evaluate', run);
  });

  it('is not there to be trusted: each command says so', async () => {
    const pipeline = await writePipeline(scratchPath('plain.yaml'), { data: { clips: [clip] } });
    const plain = await makeRun({ data: { clips: [clip] } });
    for (const words of [
      ['check', pipeline],
      ['train', pipeline, '--dry-run'],
      ['evaluate', plain],
      ['generate', plain, '-i', clip, '--dataset', scratchPath('set')],
    ]) {
      const { stderr } = await frameloom(...words, '--trust-filters');
      expect(stderr).toContain(
        'warning: --trust-filters does nothing: the model’s condition is no',
      );
    }
  });

  it('is not run by code either', async () => {
    const model = await openOnnxModel(exported);
    const fps = { num: 25, den: 1 };
    const made = () =>
      lastValueFrom(
        decodeFrames(clip, { size: model.data.size }).pipe(withCondition(model, fps), toArray()),
      );
    const data = dataOptions.parse({ condition: condition() });
    const source = { path: clip, info: await probe(clip) };
    const opened = () => openCondition(data, source, { baseFolder: '.', fps });
    for (const work of [made, opened]) {
      const error: unknown = await work().then(
        () => undefined,
        (reason: unknown) => reason,
      );
      expect(isFrameloomError(error, 'untrusted')).toBe(true);
    }
    await model.release();
    expect(existsSync(victim)).toBe(false);
    expect(requests).toBe(0);
  });

  it('shows no control characters of a stranger', async () => {
    const data = { clips: [clip], condition: { ...condition(), filtergraph: 'movie=\u001b[2J\n' } };
    const pipeline = await writePipeline(scratchPath('evil.yaml'), { data });
    const { stderr } = await quiet('check', pipeline);
    expect(stderr).toContain('the filtergraph "movie=\\u001b[2J\\n" is not run');
  });
});

describe('the same graph, trusted', () => {
  /** The file that it writes; the address it would open fails, and ends it. */
  const harmless = () => `metadata=mode=add:key=x:value=y,metadata=mode=print:file=${victim}`;
  const derived = () => ({ kind: 'derived', filtergraph: harmless(), channels: 3 });

  it('is run by generate, of a run and of an exported file', async () => {
    const own = await makeRun({ data: { condition: derived() } });
    const file = join(own, 'own.onnx');
    expect(await quiet('export', own, '-o', file)).toMatchObject({ code: 0 });
    for (const model of [own, file]) {
      await rm(victim, { force: true });
      const output = scratchPath('made.mkv');
      const told = ['generate', model, '-i', clip, '-o', output, '--trust-filters'];
      expect(await quiet(...told)).toMatchObject({ code: 0, stderr: '' });
      expect(existsSync(victim)).toBe(true);
    }
  });

  it('is run by check, where the flag says so or the user wrote it himself', async () => {
    const data = { clips: [clip], condition: derived() };
    const pipeline = await writePipeline(scratchPath('own.yaml'), { data });
    expect(await quiet('check', pipeline, '--trust-filters')).toMatchObject({ code: 0 });
    expect(existsSync(victim)).toBe(true);
    const plain = await writePipeline(scratchPath('plain.yaml'), {
      data: { clips: [clip], condition: { kind: 'derived', filtergraph: 'negate' } },
    });
    expect(await quiet('check', plain)).toMatchObject({ code: 0 });
    await rm(victim);
    const set = `data.condition.filtergraph=${harmless().replace('value=y', 'value=z')}`;
    expect(await quiet('check', plain, '--set', set)).toMatchObject({ code: 0 });
    expect(existsSync(victim)).toBe(true);
    // Another key of the condition does not make the file's graph one's own.
    await rm(victim);
    await writeFile(pipeline, '');
    const again = await writePipeline(pipeline, { data });
    expect(await quiet('check', again, '--set', 'data.condition.channels=1')).toMatchObject({
      code: 2,
    });
    expect(existsSync(victim)).toBe(false);
  });

  it('leaves no traces of what was refused in the cache', async () => {
    const cached = await readdir(process.env.FRAMELOOM_CACHE!);
    expect(cached.length).toBeGreaterThan(0);
    await refused(
      'check',
      await writePipeline(scratchPath('evil.yaml'), {
        data: { clips: [clip], condition: condition() },
      }),
    );
    expect(await readdir(process.env.FRAMELOOM_CACHE!)).toEqual(cached);
  });
});
