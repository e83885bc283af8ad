import { execFileSync } from 'node:child_process';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { passThrough } from '../../src/video/command.js';
import { findFfmpeg } from '../../src/video/index.js';
import { nutFrameHeader, nutHeader, rawTag } from '../../src/video/nut.js';
import { type NutFrame, NutReader } from '../../src/video/nut-reader.js';
import { bytesPerPixel, frameBytes, PIXEL_FORMATS } from '../../src/video/pixel-format.js';

const size = { width: 6, height: 4 };
const timeBase = { num: 1, den: 1000 };

/** Frames of one colour at some ticks, as NUT. */
function written(ticks: readonly number[], format: (typeof PIXEL_FORMATS)[number]): Buffer {
  const bytes = frameBytes(size.width, size.height, format);
  return Buffer.concat([
    nutHeader({ ...size, tag: rawTag(format), timeBase }),
    ...ticks.flatMap((tick, i) => [nutFrameHeader(tick, bytes), Buffer.alloc(bytes, i + 1)]),
  ]);
}

function read(
  stream: Buffer,
  pieceBytes: number,
  format: (typeof PIXEL_FORMATS)[number],
): NutFrame[] {
  const frames: NutFrame[] = [];
  const reader = new NutReader(bytesPerPixel(format), (frame) => frames.push(frame));
  for (let at = 0; at < stream.length; at += pieceBytes) {
    reader.push(stream.subarray(at, at + pieceBytes));
  }
  expect(reader.pendingBytes).toBe(0);
  return frames;
}

describe('NUT', () => {
  it('gives back frames and times, however the bytes are cut', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.integer({ min: 0, max: 2 ** 40 }), { maxLength: 12 }),
        fc.integer({ min: 1, max: 300 }),
        fc.constantFrom(...PIXEL_FORMATS),
        (drawn, pieceBytes, format) => {
          const ticks = drawn.sort((a, b) => a - b);
          const frames = read(written(ticks, format), pieceBytes, format);
          expect(frames.map((frame) => frame.timeSeconds)).toEqual(
            ticks.map((tick) => tick / 1000),
          );
          expect(frames.map((frame) => frame.data[0])).toEqual(ticks.map((_, i) => i + 1));
        },
      ),
    );
  });

  it.each(PIXEL_FORMATS)('is read and written by ffmpeg with its times: %s', async (format) => {
    const programs = await findFfmpeg();
    const ticks = [0, 1, 40, 41, 5_000, 3_600_000];
    const out = execFileSync(
      programs.ffmpegPath,
      [
        ...['-v', 'error', '-f', 'nut', '-i', 'pipe:0', ...passThrough(programs)],
        ...['-enc_time_base', '1/90000', '-c:v', 'rawvideo', '-pix_fmt', format],
        ...['-threads:v', '1', '-f', 'nut', 'pipe:1'],
      ],
      { input: written(ticks, format), stdio: ['pipe', 'pipe', 'inherit'] },
    );
    const frames = read(out, 77, format);
    expect(frames.map((frame) => frame.timeSeconds)).toEqual(ticks.map((tick) => tick / 1000));
    expect(frames.map((frame) => frame.data[0])).toEqual([1, 2, 3, 4, 5, 6]);
    expect(frames[0]).toMatchObject(size);
  });

  it('is refused where it is something else, or a frame has another size', () => {
    const reader = (): NutReader => new NutReader(3, () => undefined);
    expect(() => reader().push(Buffer.alloc(70_000, 'P7 '))).toThrow('is not a frame');
    expect(() =>
      reader().push(Buffer.concat([Buffer.from('nut/other\0'), Buffer.alloc(9)])),
    ).toThrow('is not a frame');
    const other = Buffer.concat([
      nutHeader({ ...size, tag: rawTag('rgb24'), timeBase }),
      nutFrameHeader(0, 10),
    ]);
    expect(() => reader().push(other)).toThrow('a frame has 10 bytes where 6x4 pixels have 72');
  });
});
