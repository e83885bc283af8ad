import { describe, expect, it } from 'vitest';
import { createConditionAgreement, createConfusion } from '../../src/metrics/index.js';

/** A picture of one channel: `#` is white, `+` faint, all else black. */
const picture = (...rows: string[]): Uint8Array =>
  Uint8Array.from(rows.join(''), (one) => (one === '#' ? 255 : one === '+' ? 20 : 0));

const agreementOf = (made: Uint8Array, wanted: Uint8Array, width: number, channels = 1) => {
  const agreement = createConditionAgreement({
    ...{ width, channels },
    height: made.length / width / channels,
  });
  agreement.add(made, wanted);
  return agreement;
};

describe('how conditions agree', () => {
  const line = picture('..#....', '..#....', '..#....', '..#....');

  it('takes an edge for right that is at most one pixel off', () => {
    const at = (column: number): Uint8Array =>
      picture(...Array<string>(4).fill('.'.repeat(column) + '+' + '.'.repeat(6 - column)));
    const found = [2, 3, 4, 1, 0].map((column) => agreementOf(at(column), line, 7).f1());
    expect(found).toEqual([1, 1, 0, 1, 0]);
  });

  it('weighs what is missing and what is too much', () => {
    // Half of the wanted line, from the top: the third row is still one pixel from it.
    const half = picture('..#....', '..#....', '.......', '.......');
    const missing = agreementOf(half, line, 7);
    expect(missing.f1()).toBeCloseTo((2 * 1 * 0.75) / 1.75, 12);
    // Two lines where one is wanted.
    const more = picture('..#...#', '..#...#', '..#...#', '..#...#');
    expect(agreementOf(more, line, 7).f1()).toBeCloseTo((2 * 0.5 * 1) / 1.5, 12);
    // Corners count as neighbours.
    expect(agreementOf(picture('#..', '...'), picture('...', '.#.'), 3).f1()).toBe(1);
  });

  it('sums pixels over frames, and is nothing where there is none', () => {
    const agreement = agreementOf(line, line, 7);
    const black = new Uint8Array(28);
    agreement.add(black, black);
    expect(agreement.f1()).toBe(1);
    agreement.add(black, line);
    expect(agreement.f1()).toBeCloseTo((2 * 1 * 0.5) / 1.5, 12);
    expect(agreement.frames).toBe(3);
    expect(agreementOf(black, black, 7).f1()).toBeNull();
    expect(agreementOf(line, black, 7).f1()).toBe(0);
  });

  it('has the PSNR of the pictures, 100 at most', () => {
    const grey = (level: number): Uint8Array => new Uint8Array(30).fill(level);
    const agreement = agreementOf(grey(100), grey(110), 5, 3);
    expect(agreement.psnr()).toBeCloseTo(20 * Math.log10(25.5), 9);
    agreement.add(grey(7), grey(7));
    expect(agreement.psnr()).toBeCloseTo((20 * Math.log10(25.5) + 100) / 2, 9);
    expect(() => agreement.add(grey(7), grey(7).subarray(1))).toThrow(/30 and 29 bytes/);
  });

  it('knows a drawing on black from a picture', () => {
    expect(agreementOf(line, line, 7).isDrawing()).toBe(true);
    const grey = new Uint8Array(28).fill(9);
    expect(agreementOf(line, grey, 7).isDrawing()).toBe(false);
    expect(agreementOf(line, new Uint8Array(28), 7).isDrawing()).toBe(false);
  });
});

describe('how label maps agree', () => {
  it('is intersection over union by class, without those that nobody has', () => {
    const confusion = createConfusion(4);
    expect([confusion.meanIou(), confusion.accuracy()]).toEqual([null, null]);
    confusion.add(Uint8Array.of(0, 0, 1, 1, 2, 1), Uint8Array.of(0, 1, 1, 1, 0, 255));
    // 0: one of three; 1: two of three; 2: seen where it is not; 3: nowhere. The last pixel is of no class.
    expect(confusion.ious()).toEqual([1 / 3, 2 / 3, 0, null]);
    expect(confusion.meanIou()).toBeCloseTo(1 / 3, 12);
    expect(confusion.accuracy()).toBe(3 / 5);
    expect(() => confusion.add(new Uint8Array(2), new Uint8Array(3))).toThrow(/2 and 3 pixels/);
  });
});
