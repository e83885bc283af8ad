import { mkdir, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { FrameloomError, isFrameloomError } from '../../src/base/error.js';
import { parseQueueAddress } from '../../src/queue/address.js';
import {
  failureOf,
  failureText,
  jobId,
  jobSchema,
  mayPass,
  travelling,
} from '../../src/queue/job-schema.js';
import { Roots } from '../../src/queue/roots.js';
import { scratchPath } from '../video/make-clip.js';

describe('the address of a queue', () => {
  it('is shown without user and password', () => {
    const { url, shown, name } = parseQueueAddress('rediss://me:s3cret@host:6380/2?name=night', {});
    expect(url).toBe('rediss://me:s3cret@host:6380/2');
    expect([shown, name]).toEqual(['rediss://host:6380/2?name=night', 'night']);
  });

  it('takes its password from the environment, where it has none', () => {
    const env = { FRAMELOOM_QUEUE_PASSWORD: 'a/b@c' };
    expect(parseQueueAddress('redis://host', env).url).toBe('redis://:a%2Fb%40c@host');
    expect(parseQueueAddress('redis://:own@host', env).url).toBe('redis://:own@host');
    expect(parseQueueAddress('redis://host', env).shown).toBe('redis://host');
  });

  it.each([
    ['host:6379', 'is host://'],
    ['http://me:s3cret@host', 'is http://'],
    ['redis:///0', 'names no host'],
    ['redis://me:s3cret@host/first', 'number as its database'],
    ['redis://me:s3cret@host?db=1', 'knows no ?db='],
    ['redis://me:s3cret@host?name=a:b', 'has a ?name= of other than'],
    ['redis://me:s3cret@ho st', 'is no address'],
  ])('is refused where it is wrong, and no password is told: %s', (text, words) => {
    const thrown = { line: '' };
    try {
      parseQueueAddress(text, {});
    } catch (error) {
      thrown.line = isFrameloomError(error, 'bad-option') ? error.toLine() : String(error);
    }
    expect(thrown.line).toContain(words);
    expect(thrown.line).not.toContain('s3cret');
  });
});

const job = jobSchema.parse({
  ...{ format: 1, version: '1.2.3', output: '/o/a.mp4', folder: '/o', index: 1, seed: 1 },
  model: { place: '/m.onnx', sha256: 'a'.repeat(64), step: 5 },
  input: { path: '/i/a.mp4', name: 'a.mp4', identity: 'b' },
  settings: travelling({ startFrames: 0, fps: { num: 25, den: 1 }, crf: 20, codec: undefined }),
});

describe('a job', () => {
  it('carries how its video is made, and no more than was said', () => {
    expect(job.settings).toEqual({ startFrames: 0, fps: { num: 25, den: 1 }, crf: 20 });
  });

  it('is called by its work: not by who queued it, or what the model is called', () => {
    const id = jobId(job);
    expect(id).toMatch(/^[0-9a-f]{40}$/);
    expect(jobId({ ...job, version: '2', model: { ...job.model, place: '/other.onnx' } })).toBe(id);
    expect(jobId({ ...job, input: { ...job.input, name: 'b' } })).toBe(id);
    for (const other of [
      { ...job, seed: 2 },
      { ...job, output: '/o/b.mp4' },
      { ...job, input: { ...job.input, identity: 'c' } },
      { ...job, model: { ...job.model, sha256: 'c'.repeat(64) } },
      { ...job, settings: { ...job.settings, crf: 21 } },
    ])
      expect(jobId(other)).not.toBe(id);
  });

  it('is tried again where the machine failed, and not where the work cannot be done', () => {
    const failed = (code: FrameloomError['code']) => mayPass(new FrameloomError(code, 'x'));
    expect((['bad-input', 'untrusted', 'bad-option', 'bad-snapshot'] as const).map(failed)).toEqual(
      [false, false, false, false],
    );
    expect((['disk-full', 'not-found', 'write-failed', 'backend'] as const).map(failed)).toEqual([
      true,
      true,
      true,
      true,
    ]);
    expect(mayPass(new RangeError('Array buffer allocation failed'))).toBe(true);
  });

  it('that failed gives its error back', () => {
    const error = new FrameloomError('bad-input', 'no video', { hint: 'look', path: '/i/a.mp4' });
    const { code, message, hint, path } = failureOf(failureText(error), '/o/a.mp4');
    expect({ code, message, hint, path }).toEqual({
      ...{ code: 'bad-input', message: 'no video', hint: 'look', path: '/i/a.mp4' },
    });
    expect(failureOf('job stalled more than allowable limit', '/o/a.mp4').message).toBe(
      '/o/a.mp4: one worker after another died over it',
    );
    expect(failureOf('what?', '/o/a.mp4')).toMatchObject({ code: 'queue', message: 'what?' });
  });
});

describe('what jobs may name', () => {
  it('is what lies in a root, links followed', async () => {
    const folder = scratchPath('roots');
    const [inside, outside] = [join(folder, 'in'), join(folder, 'in-other')];
    await mkdir(join(inside, 'deep'), { recursive: true });
    await mkdir(outside);
    await symlink(outside, join(inside, 'link'));
    const roots = await Roots.of([inside]);
    await roots.assert(inside, join(inside, 'new', 'a.mp4'), join(inside, 'deep'), undefined);
    for (const path of [outside, folder, '/etc/passwd', join(inside, '..', 'in-other', 'a.mp4')])
      await expect(roots.assert(path)).rejects.toMatchObject({ code: 'untrusted' });
    await expect(roots.assert(join(inside, 'link', 'a.mp4'))).rejects.toMatchObject({
      code: 'untrusted',
    });
    await (await Roots.of(undefined)).assert('/etc/passwd');
    await expect(Roots.of([join(folder, 'none')])).rejects.toMatchObject({ code: 'not-found' });
  });
});
