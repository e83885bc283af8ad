import { readFile, writeFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { createLogger } from '../../src/base/log.js';
import { isFrameloomError } from '../../src/base/error.js';
import { dataOptions, openCondition, type DataInput } from '../../src/clips/index.js';
import { deinterlaceFilter } from '../../src/video/deinterlace.js';
import { decodeFrames, probe } from '../../src/video/index.js';
import { lastValueFrom, toArray } from 'rxjs';
import { makeClip, runFfmpeg, scratchFolder, scratchPath } from '../video/make-clip.js';
import { makeExact, open } from './make-data.js';

async function opened(data: DataInput, cacheFolder?: string) {
  let said = '';
  const log = createLogger({ write: (line) => void (said += line) });
  try {
    const dataset = await open(data, { log, ...(cacheFolder !== undefined && { cacheFolder }) });
    const { report } = dataset;
    const { frames, condition } = await dataset.readFrames(0, 0, report.totals.frames);
    await dataset.close();
    return { report, said, frames, condition, error: '' };
  } catch (error) {
    if (!isFrameloomError(error)) throw error;
    return { said, error: error.toLine(), report: undefined, frames: undefined, condition: null };
  }
}

describe('a damaged clip', () => {
  it('is an error, or with onDamage: warn a warning, each time', async () => {
    const whole = await makeClip({ frames: 60, width: 128, height: 72 });
    const bytes = await readFile(whole);
    // The index of an MP4 stands at its end: the middle is all pictures.
    const middle = Math.floor(bytes.length / 2);
    for (let i = middle; i < middle + 400; i += 1) bytes[i] = (i * 167) & 255;
    const clip = scratchPath('damaged.mp4');
    await writeFile(clip, bytes);
    const strict = await opened({ clips: [clip] });
    expect(strict.error).toContain(clip);
    const cache = scratchPath('cache');
    const borne = await opened({ clips: [clip], onDamage: 'warn' }, cache);
    expect(borne.error).toBe('');
    expect(borne.said).toMatch(/warning: .*damaged/);
    expect(borne.report!.totals.frames).toBeGreaterThan(30);
    // From the scan that was kept.
    const again = await opened({ clips: [clip], onDamage: 'warn' }, cache);
    expect(again.said).toMatch(/warning: .*damaged/);
    expect(again.said).not.toContain('reading ');
    // What was borne once is no less an error where it is to be one.
    expect((await opened({ clips: [clip] }, cache)).error).toContain(clip);
  });
});

describe('an interlaced clip', () => {
  const combed = (): Promise<string> =>
    makeClip({
      ...{ width: 64, height: 48, frames: 24, name: 'combed.mkv', fps: 50 },
      filter: 'tinterlace=interleave_top',
      options: ['-c:v', 'mpeg2video', '-flags', '+ildct+ilme', '-top', '1', '-q:v', '2'],
    });

  it('is warned of with what to do, and made whole where that is asked for', async () => {
    const clip = await combed();
    expect((await probe(clip)).interlaced).toBe(true);
    const data: DataInput = { clips: [clip], size: '64x48', condition: 'grey' };
    const plain = await opened(data);
    const mended = await opened({ ...data, deinterlace: true });
    expect(plain.report!.clips[0]!.warnings.join()).toContain('data.deinterlace: true');
    expect(mended.report!.clips[0]!.warnings.join()).not.toContain('interlaced');
    // One frame for one frame, of clip and condition, and another picture.
    expect(mended.report!.totals.frames).toBe(plain.report!.totals.frames);
    expect(Buffer.compare(mended.frames!, plain.frames!)).not.toBe(0);
    expect(Buffer.compare(mended.condition!, plain.condition!)).not.toBe(0);
    const frames = await lastValueFrom(
      decodeFrames(clip, { preFilter: await deinterlaceFilter() }).pipe(toArray()),
    );
    const whole = Buffer.concat(frames.map((frame) => frame.data));
    expect(whole.equals(mended.frames!)).toBe(true);
    expect(frames).toHaveLength(plain.report!.totals.frames);
  });

  it('gives the conditions of training when generating', async () => {
    const clip = await combed();
    const data = dataOptions.parse({ size: '64x48', condition: 'grey', deinterlace: true });
    const trained = await opened({ ...data, clips: [clip] });
    const { fps } = await probe(clip);
    const source = { path: clip, info: await probe(clip) };
    const context = { baseFolder: scratchFolder(), fps };
    const stream = await openCondition(data, source, context);
    const frames = await lastValueFrom(stream!.frames.pipe(toArray()));
    const made = Buffer.concat(frames.map((frame) => frame.data));
    expect(made.equals(trained.condition!)).toBe(true);
  });

  it('leaves label maps as they are', async () => {
    const clip = await combed();
    const frames = (await opened({ clips: [clip] })).report!.totals.frames;
    const sea = [10, 40, 90] as const;
    const exact = await makeExact({
      ...{ width: 64, height: 48, frames, fps: 25 },
      colour: (k, x, y) => ((x + 4 * k + 8 * (y % 2)) % 32 < 16 ? sea : [255, 255, 255]),
    });
    // Said to be interlaced, which old ffmpegs cannot say of it.
    const maps = scratchPath('maps.mkv');
    await runFfmpeg(
      ...['-i', exact, '-vf', 'setfield=tff', '-c:v', 'ffv1', '-pix_fmt', 'bgr0'],
      ...['-flags', '+ildct+ilme', maps],
    );
    const labels: DataInput = {
      clips: [clip],
      size: '64x48',
      deinterlace: true,
      condition: {
        ...{ kind: 'paired', content: 'labels', path: [maps] },
        palette: { sea: [...sea], white: [255, 255, 255] },
      },
    };
    const { error, condition } = await opened(labels);
    expect(error).toBe('');
    expect([...condition!.subarray(0, 12)].join('')).toBe('000000000000');
    expect([...condition!.subarray(64, 76)].join('')).toBe('000000001111');
  });

  it('leaves a clip that is not interlaced as it is', async () => {
    const clip = await makeClip({ width: 64, height: 48, frames: 20 });
    const [plain, asked] = [
      await opened({ clips: [clip], size: '64x48' }),
      await opened({ clips: [clip], size: '64x48', deinterlace: true }),
    ];
    expect(Buffer.compare(plain.frames!, asked.frames!)).toBe(0);
  });
});
