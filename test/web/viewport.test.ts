import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  nextZoom,
  panned,
  pinched,
  revealing,
  toFrame,
  toPicture,
  wheelFactor,
  wheelPixels,
  WHOLE,
  zoomed,
  ZOOMS,
  type Viewport,
} from '../../web/src/draw/viewport.js';

const MOST = ZOOMS.at(-1)!;
const share = fc.double({ min: 0, max: 1, noNaN: true });
const view: fc.Arbitrary<Viewport> = fc
  .tuple(fc.double({ min: 1, max: MOST, noNaN: true }), share, share)
  .map(([zoom, x, y]) => ({ zoom, left: x * (1 - 1 / zoom), top: y * (1 - 1 / zoom) }));
/** Frames as a telephone and a screen of 4K have them, and pictures as generators make them. */
const frame = fc.record({
  width: fc.double({ min: 100, max: 3840, noNaN: true }),
  height: fc.double({ min: 60, max: 2160, noNaN: true }),
});
const picture = fc.record({
  width: fc.integer({ min: 4, max: 2048 }),
  height: fc.integer({ min: 4, max: 2048 }),
});
type Extent = Readonly<Record<'width' | 'height', number>>;
const at = (x: number, y: number, { width, height }: Extent) => ({ x: x * width, y: y * height });
const covers = ({ zoom, left, top }: Viewport): boolean =>
  zoom >= 1 && zoom <= MOST && [left, top].every((low) => low >= 0 && low + 1 / zoom <= 1 + 1e-12);

describe('the part of a picture that is seen', () => {
  it('has each pixel of the picture under the pixels of the screen that show it, and is exact both ways', () => {
    fc.assert(
      fc.property(view, frame, picture, share, share, (seen, of, pixels, x, y) => {
        const column = Math.min(pixels.width - 1, Math.floor(x * pixels.width));
        const row = Math.min(pixels.height - 1, Math.floor(y * pixels.height));
        const middle = { x: column + 0.5, y: row + 0.5 };
        const back = toPicture(seen, toFrame(seen, middle, of, pixels), of, pixels);
        expect(back.x).toBeCloseTo(middle.x, 8);
        expect(back.y).toBeCloseTo(middle.y, 8);
        // The sheet lies so in style/stage.css, and the browser draws its pixels there.
        const sheet = { width: of.width * seen.zoom, height: of.height * seen.zoom };
        const drawn = {
          x: -sheet.width * seen.left + (middle.x / pixels.width) * sheet.width,
          y: -sheet.height * seen.top + (middle.y / pixels.height) * sheet.height,
        };
        const touched = toPicture(seen, drawn, of, pixels);
        expect([Math.floor(touched.x), Math.floor(touched.y)]).toEqual([column, row]);
      }),
    );
  });

  it('keeps the place under the pointer, and always covers its frame', () => {
    fc.assert(
      fc.property(
        view,
        frame,
        share,
        share,
        fc.double({ min: 0.1, max: 9, noNaN: true }),
        (seen, of, x, y, factor) => {
          const pointer = at(x, y, of);
          const after = zoomed(seen, seen.zoom * factor, of, pointer);
          expect(covers(after)).toBe(true);
          const moved = panned(seen, { x: (x - 0.5) * 2 * of.width, y: y * of.height }, of);
          expect(covers(moved)).toBe(true);
          expect(moved.zoom).toBe(seen.zoom);
          // Enlarged, nothing has to give way to the border.
          if (factor < 1) return;
          const [before, now] = [seen, after].map((each) => toPicture(each, pointer, of, of));
          expect(now!.x).toBeCloseTo(before!.x, 6);
          expect(now!.y).toBeCloseTo(before!.y, 6);
        },
      ),
    );
  });

  it('follows two fingers, and is what it was when they are back where they came down', () => {
    const finger = fc.tuple(share, share);
    fc.assert(
      fc.property(view, frame, finger, finger, finger, finger, (seen, of, a, b, c, d) => {
        const fingers = (one: [number, number], other: [number, number]) => ({
          first: at(...one, of),
          second: at(...other, of),
        });
        const [from, to] = [fingers(a, b), fingers(c, d)];
        expect(covers(pinched(seen, from, to, of))).toBe(true);
        const same = pinched(seen, from, from, of);
        expect(same.zoom).toBeCloseTo(seen.zoom, 9);
        expect(same.left).toBeCloseTo(seen.left, 9);
        expect(same.top).toBeCloseTo(seen.top, 9);
      }),
    );
    const of = { width: 100, height: 100 };
    const from = { first: { x: 40, y: 50 }, second: { x: 60, y: 50 } };
    const to = { first: { x: 20, y: 50 }, second: { x: 80, y: 50 } };
    const after = pinched(WHOLE, from, to, of);
    expect(after.zoom).toBeCloseTo(3);
    expect(toPicture(after, to.first, of, of)).toEqual({ x: expect.closeTo(40) as number, y: 50 });
  });

  it('goes up and down the same steps, and to the whole picture', () => {
    const up = [WHOLE];
    const of = { width: 300, height: 200 };
    const middle = { x: 150, y: 100 };
    for (let step = 1; step < ZOOMS.length; step += 1) {
      up.push(zoomed(up.at(-1)!, nextZoom(up.at(-1)!.zoom, 1), of, middle));
    }
    expect(up.map(({ zoom }) => zoom)).toEqual(ZOOMS);
    expect(nextZoom(MOST, 1)).toBe(MOST);
    let down = up.at(-1)!;
    while (down.zoom > 1) down = zoomed(down, nextZoom(down.zoom, -1), of, middle);
    expect(down).toEqual(WHOLE);
    expect([nextZoom(2.5, 1), nextZoom(2.5, -1), nextZoom(2.9999999999, 1)]).toEqual([3, 2, 4]);
  });

  it('brings the pen into sight by the least that does', () => {
    fc.assert(
      fc.property(view, share, share, (seen, x, y) => {
        const after = revealing(seen, { x, y });
        expect(covers(after)).toBe(true);
        for (const [place, low] of [
          [x, after.left],
          [y, after.top],
        ] as const) {
          expect(place).toBeGreaterThanOrEqual(low - 1e-12);
          expect(place).toBeLessThanOrEqual(low + 1 / after.zoom + 1e-12);
        }
        expect(revealing(after, { x, y })).toEqual(after);
      }),
    );
  });

  it('takes a notch of a wheel and a pinch of a trackpad for what they are', () => {
    expect(wheelFactor(-100)).toBe(wheelFactor(-1000));
    expect(wheelFactor(-100)).toBeCloseTo(1.35, 2);
    expect(wheelFactor(-3) * wheelFactor(3)).toBeCloseTo(1, 12);
    expect([wheelPixels(3, 0), wheelPixels(3, 1), wheelPixels(-1, 2)]).toEqual([3, 48, -400]);
  });
});
