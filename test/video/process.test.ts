import { execFile } from 'node:child_process';
import { readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { PassThrough, Readable, Writable } from 'node:stream';
import { promisify } from 'node:util';
import { NEVER, concat, lastValueFrom, take } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { isFrameloomError } from '../../src/base/error.js';
import { decodeFrames, encodeFrames, runningProcesses } from '../../src/video/index.js';
import { moduleAt, NODE_WORDS } from '../program.js';
import { eventually, type FakeFfmpeg, fakeFfmpeg, isAlive } from './fake-ffmpeg.js';
import { collect, failure, flatFrames } from './frames.js';
import { makeClip, scratchPath } from './make-clip.js';

const FOREVER = 'setInterval(() => {}, 1000);';
const IGNORES_SIGTERM = `process.on('SIGTERM', () => {}); ${FOREVER}`;
const FRAMES_FOREVER = `
  const more = () => { while (process.stdout.write(frame())); process.stdout.once('drain', more); };
  more();`;

async function expectGone(fake: FakeFfmpeg): Promise<void> {
  const pid = fake.pid();
  expect(pid).toBeGreaterThan(0);
  expect(await eventually(() => !isAlive(pid ?? 0))).toBe(true);
}

/** Nothing of a target was left behind, under its name or a temporary one. */
function leftovers(path: string): string[] {
  const name = path.split('/').at(-1) ?? '';
  return readdirSync(dirname(path)).filter(
    (entry) => entry.includes(name) || entry.includes('.partial'),
  );
}

describe('a decoder that misbehaves', () => {
  it('is ended on unsubscribe although it ignores SIGTERM and its stdout is full', async () => {
    const clip = await makeClip();
    const fake = await fakeFfmpeg(`process.on('SIGTERM', () => {}); ${FRAMES_FOREVER}`);
    await fake.use(async () => {
      expect(await collect(decodeFrames(clip).pipe(take(3)))).toHaveLength(3);
    });
    await expectGone(fake);
  });

  it('is ended on a signal while it stalls, with one cancelled error', async () => {
    const clip = await makeClip();
    const fake = await fakeFfmpeg(IGNORES_SIGTERM);
    const controller = new AbortController();
    await fake.use(async () => {
      const result = failure(collect(decodeFrames(clip, { signal: controller.signal })));
      expect(await eventually(() => fake.pid() !== undefined)).toBe(true);
      controller.abort();
      expect(isFrameloomError(await result, 'cancelled')).toBe(true);
    });
    await expectGone(fake);
  });

  it('that dies in the middle of a frame is told with its last lines', async () => {
    const clip = await makeClip();
    const fake = await fakeFfmpeg(`
      process.stdout.write(frame());
      process.stdout.write(frame().subarray(0, 100), () => {
        process.stderr.write('[error] something broke inside\\n', () => process.exit(3));
      });`);
    const error = await fake.use(() => failure(collect(decodeFrames(clip))));
    expect(error).toMatchObject({
      code: 'ffmpeg-failed',
      message: `ffmpeg ended with code 3 while it had to decode ${clip}: something broke inside; ffmpeg stopped in the middle of a frame`,
    });
    await expectGone(fake);
  });

  it('that is killed by a signal is not taken for one that ended', async () => {
    const clip = await makeClip();
    const fake = await fakeFfmpeg(
      `process.stdout.write(frame(), () => process.kill(process.pid, 'SIGKILL')); ${FOREVER}`,
    );
    const error = await fake.use(() => failure(collect(decodeFrames(clip))));
    expect(error).toMatchObject({ code: 'ffmpeg-failed' });
    expect(String(error)).toContain('SIGKILL');
  });

  it('may flood stderr without newlines or end: memory stays bounded, frames come', async () => {
    const clip = await makeClip({ frames: 2 });
    const fake = await fakeFfmpeg(`
      const junk = 'x'.repeat(1 << 16);
      for (let i = 0; i < 500; i += 1) process.stderr.write(junk);
      process.stderr.write('\\n');
      process.stdout.write(frame()); process.stdout.write(frame());`);
    const before = process.memoryUsage().rss;
    expect(await fake.use(() => collect(decodeFrames(clip)))).toHaveLength(2);
    expect(process.memoryUsage().rss - before).toBeLessThan(64 * 2 ** 20);
  });

  it('that sends no frames at all but garbage is refused and ended', async () => {
    const clip = await makeClip();
    const fake = await fakeFfmpeg(`process.stdout.write('not a frame'.repeat(100)); ${FOREVER}`);
    const error = await fake.use(() => failure(collect(decodeFrames(clip))));
    expect(error).toMatchObject({ code: 'ffmpeg-failed' });
    await expectGone(fake);
  });
});

describe('a file that takes long to be looked at', () => {
  it('is let go at once on unsubscribe: nothing of ours stays with it', async () => {
    const clip = await makeClip();
    const probe = await fakeFfmpeg(IGNORES_SIGTERM, 'ffprobe');
    await probe.use(async () => {
      const subscription = decodeFrames(clip).subscribe();
      expect(await eventually(() => probe.pid() !== undefined)).toBe(true);
      subscription.unsubscribe();
      await expectGone(probe);
    });
    expect(runningProcesses()).toEqual([]);
  });
});

describe('an encoder that misbehaves', () => {
  const frames = () => flatFrames({ colour: [1, 2, 3], count: 50, width: 256, height: 144 });

  it('that ends well although the last did not go onto the disk has failed, and what was there stays', async () => {
    const target = scratchPath('full.mkv');
    writeFileSync(target, 'old');
    const fake = await fakeFfmpeg(`
      process.stdin.resume().on('end', () => {
        require('node:fs').writeFileSync(target, 'half');
        process.stderr.write('[error] Error writing trailer of o.mkv: No space left on device\\n', () => process.exit(0));
      });`);
    const options = { fps: 25, overwrite: true };
    const error = await fake.use(() =>
      failure(lastValueFrom(frames().pipe(encodeFrames(target, options)))),
    );
    expect(error).toMatchObject({ code: 'disk-full' });
    expect(readFileSync(target, 'utf8')).toBe('old');
  });

  it('that dies early is one error, and no file is left', async () => {
    const target = scratchPath('dies.mkv');
    const fake = await fakeFfmpeg(`
      require('node:fs').writeFileSync(target, 'partial');
      process.stderr.write('[error] Encoder is not well\\n', () => process.exit(1));`);
    const error = await fake.use(() =>
      failure(lastValueFrom(frames().pipe(encodeFrames(target, { fps: 25 })))),
    );
    expect(error).toMatchObject({ code: 'ffmpeg-failed' });
    expect(String(error)).toContain('Encoder is not well');
    expect(leftovers(target)).toEqual([]);
    await expectGone(fake);
  });

  it('that meets a full disk says so', async () => {
    const target = scratchPath('full.mkv');
    const fake = await fakeFfmpeg(`
      require('node:fs').writeFileSync(target, 'partial');
      process.stderr.write('[error] av_interleaved_write_frame(): No space left on device\\n', () => process.exit(1));`);
    const error = await fake.use(() =>
      failure(lastValueFrom(frames().pipe(encodeFrames(target, { fps: 25 })))),
    );
    expect(error).toMatchObject({ code: 'disk-full', path: target });
    expect(leftovers(target)).toEqual([]);
  });

  it('that stalls and ignores SIGTERM is ended on unsubscribe, its partial file removed', async () => {
    const target = scratchPath('stalls.mkv');
    const fake = await fakeFfmpeg(
      `require('node:fs').writeFileSync(target, 'partial'); ${IGNORES_SIGTERM}`,
    );
    await fake.use(async () => {
      const subscription = concat(frames(), NEVER)
        .pipe(encodeFrames(target, { fps: 25 }))
        .subscribe();
      expect(await eventually(() => fake.pid() !== undefined)).toBe(true);
      expect(await eventually(() => leftovers(target).length === 1)).toBe(true);
      subscription.unsubscribe();
    });
    await expectGone(fake);
    expect(await eventually(() => leftovers(target).length === 0)).toBe(true);
  });

  it('that writes fewer frames than it was given does not pass for done', async () => {
    const target = scratchPath('short.mkv');
    const fake = await fakeFfmpeg(`
      require('node:fs').writeFileSync(target, 'x');
      process.stdin.resume().on('end', () => process.stderr.write('frame=49\\nprogress=end\\n'));`);
    const error = await fake.use(() =>
      failure(lastValueFrom(frames().pipe(encodeFrames(target, { fps: 25 })))),
    );
    expect(error).toMatchObject({ code: 'ffmpeg-failed', message: 'ffmpeg wrote 49 of 50 frames' });
    expect(leftovers(target)).toEqual([]);
  });
});

describe('streams that end early', () => {
  const frames = () => flatFrames({ colour: [9, 90, 200], count: 400, width: 256, height: 144 });

  it('a reader that goes away is closed-pipe, and ffmpeg is gone', async () => {
    let taken = 0;
    const reader = new Writable({
      write(chunk: Buffer, _encoding, done) {
        taken += chunk.length;
        if (taken > 300_000) done(Object.assign(new Error('write EPIPE'), { code: 'EPIPE' }));
        else done();
      },
    });
    const error = await failure(
      lastValueFrom(frames().pipe(encodeFrames(reader, { fps: 25, format: 'raw' }))),
    );
    expect(error).toMatchObject({ code: 'closed-pipe' });
    expect(await eventually(() => runningProcesses().length === 0)).toBe(true);
  });

  it('a stream that is destroyed in the middle is closed-pipe', async () => {
    const reader = new PassThrough();
    reader.once('data', () => reader.destroy());
    const error = await failure(
      lastValueFrom(frames().pipe(encodeFrames(reader, { fps: 25, format: 'raw' }))),
    );
    expect(error).toMatchObject({ code: 'closed-pipe' });
    expect(runningProcesses()).toEqual([]);
  });

  it.runIf(process.platform === 'linux')('a full device is disk-full', async () => {
    const error = await failure(
      lastValueFrom(frames().pipe(encodeFrames('/dev/full', { fps: 25, format: 'raw' }))),
    );
    expect(error).toMatchObject({ code: 'disk-full' });
    expect(runningProcesses()).toEqual([]);
  });

  it('an input stream that fails is bad-input', async () => {
    const broken = new Readable({
      read() {
        this.destroy(new Error('cable pulled'));
      },
    });
    const raw = { width: 8, height: 8, fps: 25 };
    const error = await failure(collect(decodeFrames(broken, { raw })));
    expect(error).toMatchObject({
      code: 'bad-input',
      message: 'the input stream failed: cable pulled',
    });
    expect(await eventually(() => runningProcesses().length === 0)).toBe(true);
  });
});

describe('the end of this process', () => {
  it.runIf(process.platform !== 'win32')('takes ffmpeg and the partial file with it', async () => {
    const target = scratchPath('orphan.mkv');
    const fake = await fakeFfmpeg(
      `require('node:fs').writeFileSync(target, 'partial'); ${IGNORES_SIGTERM}`,
    );
    const script = scratchPath('parent.mjs');
    const layer = moduleAt('video/index');
    writeFileSync(
      script,
      `import { encodeFrames } from ${JSON.stringify(layer)};
       import { existsSync } from 'node:fs';
       import { Subject } from 'rxjs';
       const source = new Subject();
       source.pipe(encodeFrames(${JSON.stringify(target)}, { fps: 25 })).subscribe();
       source.next({ index: 0, timeSeconds: 0, width: 2, height: 2, pixelFormat: 'gray', data: new Uint8Array(4) });
       const started = process.env.FRAMELOOM_FFMPEG + '.pid';
       setInterval(() => existsSync(started) && setTimeout(() => process.exit(0), 100), 20);`,
    );
    symlinkSync(resolve('node_modules'), join(dirname(script), 'node_modules'));
    await fake.use(() => promisify(execFile)(process.execPath, [...NODE_WORDS, script]));
    await expectGone(fake);
    expect(leftovers(target)).toEqual([]);
  });
});
