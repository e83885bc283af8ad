import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { lastValueFrom, toArray } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { drawPlayed, keysAsCsv, played } from '../../samples/meadow/clips.js';
import { begin, KEYS, LEDGE, step, type Keys, type State } from '../../samples/meadow/game.js';
import { drawMeadow } from '../../samples/meadow/picture.js';
import { FPS, FRAMES, HEIGHT, SEED, WIDTH } from '../../samples/meadow/settings.js';
import { imageFromBytes, psnr } from '../../src/metrics/index.js';
import { decodeFrames, type Frame } from '../../src/video/index.js';
import { scratchPath } from '../video/make-clip.js';

const pathOf = (name: string): string =>
  fileURLToPath(new URL(`../../samples/${name}`, import.meta.url));
const decode = (path: string): Promise<Frame[]> =>
  lastValueFrom(decodeFrames(path).pipe(toArray()));

const held = (...names: (keyof Keys)[]): Keys => ({
  ...{ left: false, right: false, jump: false, duck: false },
  ...Object.fromEntries(names.map((name) => [name, true])),
});
/** Where somebody is who holds keys down for so many frames. */
function after(state: State, frames: number, ...names: (keyof Keys)[]): State {
  let now = state;
  for (let i = 0; i < frames; i += 1) now = step(now, held(...names));
  return now;
}

describe('the game that comes along', () => {
  it('goes where it is told at once, and stands still where it is told nothing', () => {
    expect(after(begin(0), 1, 'right').vx).toBe(2);
    expect(after(begin(0), 1, 'left').vx).toBe(-2);
    expect(after(begin(0), 5, 'left', 'right')).toMatchObject({ x: 0, y: 0 });
    expect(after(after(begin(0), 9, 'right'), 1).vx).toBe(0);
    expect(after(begin(0), 9, 'right', 'duck')).toMatchObject({ x: 18, y: 0 });
  });

  it('rises under its parasol, comes down without it, and drops under its blanket', () => {
    const top = after(begin(20), 10, 'jump');
    expect(top.y).toBe(20);
    expect(after(top, 40, 'jump').y).toBe(28);
    const falls = (...names: (keyof Keys)[]): number => after(top, 3, ...names).y;
    expect([falls('jump', 'duck'), falls(), falls('duck')]).toEqual([14, 14, 8]);
    expect(after(top, 40).y).toBe(0);
  });

  it('lands on the ledge from above, and falls off where it ends', () => {
    const on = after(after(begin(LEDGE.from + 8), 10, 'jump'), 40);
    expect(on.y).toBe(LEDGE.height);
    expect(after(on, 60, 'right').y).toBe(0);
  });

  it('shows every combination of keys in its frame, wherever it is', () => {
    const all = Array.from({ length: 16 }, (_, bits) =>
      held(...KEYS.filter((_, i) => ((bits >> i) & 1) === 1)),
    );
    const high = after(begin(3), 4, 'jump');
    const pictures = all.map((keys) => drawMeadow({ ...high, keys }).join());
    // Under the blanket, standing and both ways at once differ by the stars.
    expect(new Set(pictures).size).toBe(16);
  });
});

describe('the clip of it', () => {
  it('is small, and goes together with its keys frame by frame', async () => {
    expect(statSync(pathOf('meadow.mp4')).size).toBeLessThan(1.3 * 2 ** 20);
    const states = played({ frames: FRAMES, seed: SEED });
    expect(readFileSync(pathOf('meadow.csv'), 'utf8')).toBe(keysAsCsv(states));
    const frames = await decode(pathOf('meadow.mp4'));
    expect(frames).toHaveLength(FRAMES);
    const image = (bytes: Uint8Array): ReturnType<typeof imageFromBytes> =>
      imageFromBytes(bytes, { width: WIDTH, height: HEIGHT, channels: 3 });
    for (const at of [0, 1234, FRAMES - 1]) {
      expect(frames[at]!.timeSeconds).toBeCloseTo(at / FPS, 6);
      expect(psnr(image(drawMeadow(states[at]!)), image(frames[at]!.data))).toBeGreaterThan(25);
    }
  });

  it('has every combination of keys in what is trained on and in what is held out', () => {
    const states = played({ frames: FRAMES, seed: SEED });
    const combinations = (part: readonly State[]): number =>
      new Set(part.map(({ keys }) => KEYS.map((key) => Number(keys[key])).join(''))).size;
    expect(combinations(states.slice(0, 0.8 * FRAMES))).toBe(16);
    expect(combinations(states.slice(0.8 * FRAMES))).toBe(16);
  });

  it('is played anew from a seed, alike each time', async () => {
    const folder = scratchPath('meadow');
    await drawPlayed(folder, { name: 'other', frames: 30, seed: 4 });
    expect(await decode(join(folder, 'other.mp4'))).toHaveLength(30);
    const csv = readFileSync(join(folder, 'other.csv'), 'utf8');
    expect(csv).toBe(keysAsCsv(played({ frames: 30, seed: 4 })));
    expect(csv).not.toBe(keysAsCsv(played({ frames: 30, seed: 3 })));
    expect(csv.split('\n')[0]).toBe('frame,left,right,jump,duck');
  });
});
