import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { commonestClass, firstClass, searchClasses } from '../../web/src/draw/classes.js';
import { Drawing } from '../../web/src/draw/drawing.js';
import { flood } from '../../web/src/draw/flood.js';
import { History } from '../../web/src/draw/history.js';
import { createRaster, type Raster } from '../../web/src/draw/raster.js';
import { drawEllipse, drawRectangle, drawStroke } from '../../web/src/draw/shapes.js';

/** Rows of what is there, as text. */
const shown = ({ width, height, there }: Raster): string[] =>
  Array.from({ length: height }, (_, row) =>
    Array.from(there.subarray(row * width, (row + 1) * width), (is) => (is ? '#' : '.')).join(''),
  );

describe('shapes', () => {
  it('draws a dot of one pixel and a round brush', () => {
    const dot = createRaster(5, 3, 1);
    drawStroke(dot, { x: 1.9, y: 1.1 }, { x: 1.9, y: 1.1 }, 1, 'round', [3]);
    expect(shown(dot)).toEqual(['.....', '.#...', '.....']);
    const round = createRaster(7, 7, 1);
    drawStroke(round, { x: 3.5, y: 3.5 }, { x: 3.5, y: 3.5 }, 5, 'round', [3]);
    expect(shown(round)).toEqual([
      '.......',
      '..###..',
      '.#####.',
      '.#####.',
      '.#####.',
      '..###..',
      '.......',
    ]);
    expect(round.bytes[3 * 7 + 3]).toBe(3);
  });

  it('covers exactly the pixels whose middle is near enough to the line, either shape', () => {
    const place = fc.double({ min: -3, max: 15, noNaN: true });
    const point = fc.record({ x: place, y: place });
    fc.assert(
      fc.property(point, point, fc.double({ min: 2, max: 9, noNaN: true }), (from, to, width) => {
        for (const shape of ['round', 'square'] as const) {
          const raster = createRaster(12, 12, 1);
          drawStroke(raster, from, to, width, shape, [1]);
          for (let y = 0; y < 12; y += 1) {
            for (let x = 0; x < 12; x += 1) {
              const off = distance({ x: x + 0.5, y: y + 0.5 }, from, to, shape);
              if (Math.abs(off - width / 2) < 1e-6) continue;
              const isEnd = [from, to].some(
                (end) => Math.floor(end.x) === x && Math.floor(end.y) === y,
              );
              expect(raster.there[y * 12 + x]).toBe(off < width / 2 || isEnd ? 1 : 0);
            }
          }
        }
      }),
      { numRuns: 40 },
    );
  });

  it('draws lines of one pixel without gaps', () => {
    const place = fc.double({ min: 0, max: 11.99, noNaN: true });
    const point = fc.record({ x: place, y: place });
    fc.assert(
      fc.property(point, point, (from, to) => {
        const raster = createRaster(12, 12, 1);
        drawStroke(raster, from, to, 1, 'round', [1]);
        const long = Math.abs(to.x - from.x) >= Math.abs(to.y - from.y) ? 'x' : 'y';
        const [low, high] = [Math.min(from[long], to[long]), Math.max(from[long], to[long])];
        for (let at = Math.floor(low); at <= Math.floor(high); at += 1) {
          const line = Array.from({ length: 12 }, (_, other) =>
            long === 'x' ? raster.there[other * 12 + at] : raster.there[at * 12 + other],
          );
          expect(line).toContain(1);
        }
      }),
    );
  });

  it('draws rectangles and ellipses, filled and outlined, and takes away', () => {
    const filled = createRaster(6, 4, 1);
    drawRectangle(filled, { x: 4.9, y: 2 }, { x: 1, y: 0 }, null, [1]);
    expect(shown(filled)).toEqual(['.####.', '.####.', '.####.', '......']);
    drawRectangle(filled, { x: 2, y: 1 }, { x: 3, y: 1 }, null, null);
    expect(shown(filled)[1]).toBe('.#..#.');
    const outline = createRaster(6, 5, 1);
    drawRectangle(outline, { x: 0, y: 0 }, { x: 5, y: 4 }, 1, [1]);
    expect(shown(outline)).toEqual(['######', '#....#', '#....#', '#....#', '######']);
    const ellipse = createRaster(8, 6, 1);
    drawEllipse(ellipse, { x: 0, y: 0 }, { x: 7, y: 5 }, 1, [1]);
    expect(shown(ellipse)).toEqual([
      '..####..',
      '.#....#.',
      '#......#',
      '#......#',
      '.#....#.',
      '..####..',
    ]);
  });
});

/** How far a point is from a stretch, by the brush's own measure. */
function distance(
  at: { x: number; y: number },
  from: { x: number; y: number },
  to: { x: number; y: number },
  shape: 'round' | 'square',
): number {
  let [low, high] = [0, 1];
  const off = (share: number): number => {
    const dx = Math.abs(at.x - from.x - share * (to.x - from.x));
    const dy = Math.abs(at.y - from.y - share * (to.y - from.y));
    return shape === 'round' ? Math.hypot(dx, dy) : Math.max(dx, dy);
  };
  // Both are convex along the line.
  for (let round = 0; round < 50; round += 1) {
    const [a, b] = [low + (high - low) / 3, high - (high - low) / 3];
    if (off(a) < off(b)) high = b;
    else low = a;
  }
  return off((low + high) / 2);
}

describe('flood fill', () => {
  it('fills what hangs together and stops at other values', () => {
    const rows = ['aab..', 'a.baa', 'aabb.', '..aab'];
    const bytes = Uint8Array.from(rows.join(''), (letter) => letter.charCodeAt(0));
    const to = createRaster(5, 4, 1);
    const area = flood({ bytes, depth: 1 }, 0, 0, 0, to, [9]);
    expect(shown(to)).toEqual(['##...', '#....', '##...', '.....']);
    expect(area).toEqual({ left: 0, top: 0, right: 2, bottom: 3 });
  });

  it('fills what a plain search finds, of any picture', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 0, max: 3 }), { minLength: 63, maxLength: 63 }),
        fc.integer({ min: 0, max: 62 }),
        fc.integer({ min: 0, max: 1 }),
        (values, start, tolerance) => {
          const to = createRaster(9, 7, 1);
          const [x, y] = [start % 9, Math.floor(start / 9)];
          flood({ bytes: values, depth: 1 }, x, y, tolerance, to, [1]);
          const reached = new Set([start]);
          for (const pixel of reached) {
            const [column, row] = [pixel % 9, Math.floor(pixel / 9)];
            for (const [dx, dy] of [
              [0, 1],
              [1, 0],
              [0, -1],
              [-1, 0],
            ] as const) {
              const [u, v] = [column + dx, row + dy];
              if (u < 0 || v < 0 || u > 8 || v > 6) continue;
              if (Math.abs(values[v * 9 + u]! - values[start]!) <= tolerance)
                reached.add(v * 9 + u);
            }
          }
          expect([...to.there.keys()].filter((pixel) => to.there[pixel] === 1)).toEqual(
            [...reached].sort((a, b) => a - b),
          );
        },
      ),
    );
  });
});

describe('a drawing', () => {
  const drawn = (drawing: Drawing, left: number, right: number, value: number): void => {
    const raster = drawing.begin();
    const ends = [
      { x: left, y: 0 },
      { x: right, y: 0 },
    ] as const;
    drawing.touch(drawRectangle(raster, ends[0], ends[1], null, [value]));
    drawing.commit('rectangle');
  };

  it('lays its sheets over the map, and the map below where nothing is drawn', () => {
    const drawing = new Drawing({ width: 4, height: 1, depth: 1 });
    drawing.background = [7];
    drawn(drawing, 0, 1, 1);
    drawing.addLayer();
    drawn(drawing, 1, 2, 2);
    expect([...drawing.composed()]).toEqual([1, 2, 2, 7]);
    drawing.below = Uint8Array.of(5, 6, 5, 6);
    expect([...drawing.composed()]).toEqual([1, 2, 2, 6]);
    drawing.showLayer(drawing.active.id, false);
    expect([...drawing.composed()]).toEqual([1, 1, 5, 6]);
  });

  it('undoes and does again whatever was done, in any order', () => {
    const step = fc.oneof(
      fc.record({ left: fc.nat(7), right: fc.nat(7), value: fc.integer({ min: 1, max: 9 }) }),
      fc.constantFrom('undo', 'redo', 'add', 'remove', 'up', 'down', 'clear', 'clear all'),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 25 }), (steps) => {
        const drawing = new Drawing({ width: 8, height: 1, depth: 3 });
        for (const one of steps) {
          if (one === 'undo') drawing.undo();
          else if (one === 'redo') drawing.redo();
          else if (one === 'add') drawing.addLayer();
          else if (one === 'remove') drawing.removeLayer();
          else if (one === 'up') drawing.moveLayer(1);
          else if (one === 'down') drawing.moveLayer(-1);
          else if (one === 'clear') drawing.clear(false);
          else if (one === 'clear all') drawing.clear(true);
          else if (typeof one !== 'string') drawn(drawing, one.left, one.right, one.value);
        }
        const whole = [...drawing.composed()];
        const undone = drawing.history.redoes !== null;
        while (drawing.undo() !== null);
        expect(drawing.isBlank).toBe(true);
        while (drawing.redo() !== null);
        const again = [...drawing.composed()];
        // What had been undone before the end is done again too.
        expect(undone || String(again) === String(whole)).toBe(true);
      }),
    );
  });

  it('takes a change back that was not finished', () => {
    const drawing = new Drawing({ width: 3, height: 1, depth: 1 });
    drawing.touch(drawRectangle(drawing.begin(), { x: 0, y: 0 }, { x: 2, y: 0 }, null, [4]));
    expect(drawing.isBlank).toBe(false);
    drawing.cancel();
    expect(drawing.isBlank).toBe(true);
    expect(drawing.history.undoes).toBeNull();
  });

  it('forgets its oldest steps before they take too much memory', () => {
    const drawing = new Drawing({ width: 100, height: 100, depth: 1 }, new History(100_000));
    for (let step = 0; step < 50; step += 1) {
      const raster = drawing.begin();
      const corner = { x: 99, y: 99 };
      drawing.touch(drawRectangle(raster, { x: 0, y: 0 }, corner, null, [step + 1]));
      drawing.commit('rectangle');
      expect(drawing.history.bytes).toBeLessThanOrEqual(100_000);
    }
    expect(drawing.undo()).toBe('rectangle');
    expect(drawing.composed()[0]).toBe(49);
  });
});

describe('classes', () => {
  it('begins with one that is seen, neither everywhere nor hardly', () => {
    const map = new Uint8Array(100).fill(4);
    map.fill(2, 0, 9);
    map[50] = 1;
    expect(firstClass(map, 6)).toBe(2);
    expect(commonestClass(map)).toBe(4);
    expect(firstClass(null, 6)).toBe(1);
    expect(firstClass(null, 1)).toBe(0);
  });

  it('finds by any words, in the order of the palette', () => {
    const names = ['sky', 'brick wall', 'cream wall', 'wallpaper'];
    expect(searchClasses(names, '')).toEqual([0, 1, 2, 3]);
    expect(searchClasses(names, 'wall')).toEqual([3, 1, 2]);
    expect(searchClasses(names, 'wall CREAM')).toEqual([2]);
    expect(searchClasses(names, 'door')).toEqual([]);
  });
});
