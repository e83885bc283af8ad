import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FrameSplitter, type SplitFrame } from '../../src/video/frame-splitter.js';
import { StderrLog } from '../../src/video/stderr-log.js';

const pam = (width: number, height: number, data: Uint8Array): Buffer =>
  Buffer.concat([
    Buffer.from(
      `P7\nWIDTH ${width}\nHEIGHT ${height}\nDEPTH 3\nMAXVAL 255\nTUPLTYPE RGB\nENDHDR\n`,
    ),
    data,
  ]);

describe('FrameSplitter', () => {
  it('finds the same frames however the bytes are cut into chunks', () => {
    const frame = fc
      .record({ width: fc.integer({ min: 1, max: 9 }), height: fc.integer({ min: 1, max: 9 }) })
      .chain(({ width, height }) =>
        fc.record({
          width: fc.constant(width),
          height: fc.constant(height),
          data: fc.uint8Array({ minLength: width * height * 3, maxLength: width * height * 3 }),
        }),
      );
    fc.assert(
      fc.property(
        fc.array(frame, { maxLength: 5 }),
        fc.array(fc.integer({ min: 1, max: 120 }), { minLength: 1 }),
        (frames, cuts) => {
          const bytes = Buffer.concat(frames.map((f) => pam(f.width, f.height, f.data)));
          const found: SplitFrame[] = [];
          const splitter = new FrameSplitter('rgb24', (one) => found.push(one));
          for (let at = 0, i = 0; at < bytes.length; i += 1) {
            const end = at + (cuts[i % cuts.length] ?? 1);
            splitter.push(bytes.subarray(at, end));
            at = end;
          }
          expect(splitter.pendingBytes).toBe(0);
          expect(found.map((f) => [f.width, f.height, ...f.data])).toEqual(
            frames.map((f) => [f.width, f.height, ...f.data]),
          );
        },
      ),
    );
  });

  it('knows of an unfinished frame, and refuses what is no frame', () => {
    const splitter = new FrameSplitter('rgb24', () => undefined);
    splitter.push(pam(2, 2, new Uint8Array(12)).subarray(0, -1));
    expect(splitter.pendingBytes).toBe(11);
    expect(() => new FrameSplitter('rgb24', () => undefined).push(Buffer.alloc(400))).toThrow(
      /not a frame/,
    );
    const grey = new FrameSplitter('gray', () => undefined);
    expect(() => grey.push(pam(1, 1, new Uint8Array(3)))).toThrow(/not a frame/);
  });
});

describe('StderrLog', () => {
  it('sorts by level, drops addresses, keeps counters apart, in bounded memory', () => {
    const log = new StderrLog();
    log.push('[h264 @ 0x55d0] [error] bad ');
    log.push('block\n[warning] careful\nframe=  12\nplain\n');
    for (let i = 0; i < 10_000; i += 1) log.push(`line ${i} ${'x'.repeat(2000)}\n`);
    log.push('[fatal] the end');
    log.close();
    expect(log.errors()).toEqual(['h264: bad block', 'the end']);
    expect(log.warnings()).toEqual(['careful']);
    expect(log.progress('frame')).toBe(12);
    expect(log.progress('speed')).toBeUndefined();
    expect(log.excerpt()).toBe('h264: bad block; the end');
    expect(log.lines.length).toBeLessThanOrEqual(80);
    expect(Math.max(...log.lines.map((line) => line.text.length))).toBeLessThanOrEqual(1000);
  });
});
