import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { useBackend } from '../../src/backend/index.js';
import { exportGenerator } from '../../src/export/index.js';
import { expandStoreInput } from '../../src/queue/store/inputs.js';
import { localModel } from '../../src/queue/store/model-cache.js';
import { Store } from '../../src/queue/store/store.js';
import type { ManifestEntry } from '../../src/synthesis/batch/manifest.js';
import { frameloom } from '../cli/support.js';
import { makeModel } from '../export/make-model.js';
import { makeClip, scratchPath } from '../video/make-clip.js';
import { OwnRedis, redisPath } from './redis.js';
import { S3Server } from './s3-server.js';
import { startWorker, stopAll } from './worker.js';

const server = new S3Server();
const cache = scratchPath('cache');

beforeAll(async () => {
  for (const [name, value] of Object.entries(await server.start())) vi.stubEnv(name, value);
  vi.stubEnv('FRAMELOOM_CACHE', cache);
});
afterAll(async () => {
  vi.unstubAllEnvs();
  await server.stop();
});

describe('a store', () => {
  it('keeps what was put there first, and says what it is', async () => {
    const store = await Store.open();
    const place = 's3://films/a b/ü+1.txt';
    expect(await store.look(place)).toBeUndefined();
    expect(await store.put(place, { text: 'first' }, { nothing: true }, { work: 'w' })).toBe(true);
    expect(await store.put(place, { text: 'second' }, { nothing: true })).toBe(false);
    const there = (await store.look(place))!;
    expect(there).toMatchObject({ bytes: 5, notes: { work: 'w' } });
    expect(await store.put(place, { text: 'third' }, { etag: 'other' })).toBe(false);
    expect(await store.put(place, { text: 'third' }, { etag: there.etag })).toBe(true);
    expect((await store.text(place))?.text).toBe('third');
    const path = scratchPath('fetched');
    await store.fetch(place, path);
    expect(await readFile(path, 'utf8')).toBe('third');
    expect(await store.list('s3://films/a')).toEqual([place]);
  });

  it('is asked again when it is busy, and not when it refuses', async () => {
    const store = await Store.open();
    server.put('there.txt', Buffer.from('x'));
    server.busy = 2;
    expect((await store.look('s3://films/there.txt'))?.bytes).toBe(1);
    expect(server.busy).toBe(0);
    await expect(store.fetch('s3://films/none', scratchPath('none'))).rejects.toMatchObject({
      code: 'not-found',
      message: 's3://films/none does not exist',
    });
    const wrong = await Store.open({ ...process.env, AWS_SECRET_ACCESS_KEY: 'guessed' });
    await expect(wrong.look('s3://films/there.txt')).rejects.toMatchObject({ code: 'bad-option' });
    await expect(Store.open({})).rejects.toMatchObject({ code: 'bad-option' });
    await expect(store.look('s3://x')).rejects.toMatchObject({ code: 'bad-option' });
  });

  it('takes what is large in parts, whole or not at all, under the same conditions', async () => {
    const place = 's3://films/large.mp4';
    const body = Buffer.from(Array.from({ length: 2500 }, (_, i) => (i * 7) % 256));
    const file = scratchPath('large.mp4');
    await writeFile(file, body);
    const store = await Store.open(process.env, 1000);
    server.busy = 1;
    expect(await store.put(place, { file }, { nothing: true }, { work: 'w' })).toBe(true);
    expect(server.objects.get('large.mp4')?.body.equals(body)).toBe(true);
    expect(await store.look(place)).toMatchObject({ bytes: 2500, notes: { work: 'w' } });
    // Something is there, before it begins or when it ends.
    expect(await store.put(place, { file }, { nothing: true })).toBe(false);
    const { etag } = (await store.look(place))!;
    server.onComplete = () => server.put('large.mp4', Buffer.from('of somebody else'));
    expect(await store.put(place, { file }, { etag })).toBe(false);
    server.onComplete = () => undefined;
    expect(server.objects.get('large.mp4')?.body.toString()).toBe('of somebody else');
    // What is given up leaves no parts.
    server.partsTaken = 1;
    const other = store.put('s3://films/other.mp4', { file }, { nothing: true });
    await expect(other).rejects.toMatchObject({ code: 'bad-option', path: 's3://films/other.mp4' });
    server.partsTaken = Infinity;
    expect(server.objects.has('other.mp4')).toBe(false);
    expect(server.uploads.size).toBe(0);
  });

  it('names inputs by a folder or by *', async () => {
    for (const key of ['in/a.mp4', 'in/b.mkv', 'in/b.txt', 'in/deep/c.mp4'])
      server.put(key, Buffer.from(key));
    const names = async (address: string) =>
      (await expandStoreInput(address)).map((each) => each.replace('s3://films/', ''));
    expect(await names('s3://films/in/')).toEqual(['in/a.mp4', 'in/b.mkv']);
    expect(await names('s3://films/in/*.mp4')).toEqual(['in/a.mp4']);
    expect(await names('s3://films/in/**/*.mp4')).toEqual(['in/a.mp4', 'in/deep/c.mp4']);
    expect(await names('s3://films/in/z.mp4')).toEqual(['in/z.mp4']);
    await expect(names('s3://films/in/*.mov')).rejects.toMatchObject({ code: 'not-found' });
  });

  it('needs a queue', async () => {
    const { code, stderr } = await frameloom(
      'generate',
      'm.onnx',
      '-i',
      's3://films/a.mp4',
      '-o',
      'b.mp4',
    );
    expect([code, stderr]).toEqual([
      2,
      'error: s3://films/a.mp4 is of a store, which workers read and write (say which by --queue redis://…)\n',
    ]);
  });
});

describe.skipIf(redisPath === undefined)('a batch in a store', () => {
  let redis: OwnRedis;
  let alone: string;

  beforeAll(async () => {
    await useBackend();
    redis = await OwnRedis.start();
    const model = scratchPath('model.onnx');
    await exportGenerator(await makeModel(), model, { baseFolder: '/' });
    server.put('model.onnx', await readFile(model));
    const clips = scratchPath('clips');
    await mkdir(clips);
    for (const frames of [4, 5]) {
      const clip = await readFile(await makeClip({ width: 48, height: 32, frames }));
      await writeFile(join(clips, `clip-${frames}.mp4`), clip);
      server.put(`clips/clip-${frames}.mp4`, clip);
    }
    alone = scratchPath('alone');
    await frameloom('generate', model, '-i', clips, '-o', join(alone, '{name}.mp4'));
  });
  afterEach(stopAll);
  afterAll(() => redis.remove());

  const submit = (...more: string[]) =>
    frameloom(
      ...['generate', 's3://films/model.onnx', '-i', 's3://films/clips/'],
      ...['-o', 's3://films/made/{name}.mp4', '--queue', redis.address, ...more],
    );
  const manifest = (text: string): unknown[] =>
    text
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as ManifestEntry)
      .sort((a, b) => (a.output < b.output ? -1 : 1))
      .map((entry) => ({
        ...entry,
        input: { ...entry.input, path: '', modifiedMs: 0 },
        made: { ...entry.made, modifiedMs: 0 },
      }));

  it('is what one machine makes on a disk, is made once, and leaves what is not its own', async () => {
    server.put('made/clip-5.mp4', Buffer.from('of somebody else'));
    const worker = startWorker(redis, { local: localModel });
    const first = await submit();
    expect([first.code, first.stdout]).toEqual([
      0,
      '2 videos: 1 made, 0 there already, 1 left as they are (--overwrite replaces them), 0 failed\n',
    ]);
    expect(server.objects.get('made/clip-5.mp4')?.body.toString()).toBe('of somebody else');
    const second = await submit('--overwrite');
    expect([second.code, second.stdout]).toEqual([
      0,
      '2 videos: 1 made, 1 there already, 0 failed\n',
    ]);
    for (const frames of [4, 5]) {
      const made = server.objects.get(`made/clip-${frames}.mp4`)!.body;
      expect(made.equals(await readFile(join(alone, `clip-${frames}.mp4`)))).toBe(true);
    }
    const text = server.objects.get('made/frameloom-manifest.jsonl')!.body.toString();
    const onDisk = await readFile(join(alone, 'frameloom-manifest.jsonl'), 'utf8');
    expect(manifest(text)).toEqual(manifest(onDisk));
    // Who lost the manifest, as one that was detached never wrote it, gets it from the outputs.
    server.objects.delete('made/frameloom-manifest.jsonl');
    expect((await submit()).stdout).toBe('2 videos: 0 made, 2 there already, 0 failed\n');
    expect(manifest(server.objects.get('made/frameloom-manifest.jsonl')!.body.toString())).toEqual(
      manifest(onDisk),
    );
    await worker.stop();
    // Fetched once, and nothing else is left.
    expect(await readdir(join(cache, 'models'))).toHaveLength(1);
    expect(await readdir(join(cache, 'jobs'))).toEqual([]);
  });
});
