import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { writeFileAtomic } from '../../src/base/outputs.js';
import { writeFrames, type Frame } from '../../src/video/index.js';
import { KEYS, type State } from './game.js';
import { drawMeadow } from './picture.js';
import { play } from './player.js';
import { FPS, HEIGHT, WIDTH } from './settings.js';

export interface PlayedSettings {
  readonly frames: number;
  readonly seed: number;
  /** Of the files, before the extension. */
  readonly name: string;
}

/** What is shown of a game that is played from a seed. */
export function played({ frames, seed }: Omit<PlayedSettings, 'name'>): State[] {
  const states: State[] = [];
  for (const state of play(seed)) {
    states.push(state);
    if (states.length === frames) break;
  }
  return states;
}

/** A line a frame, 1 for each key that is held down in it. */
export const keysAsCsv = (states: readonly State[]): string =>
  [
    ['frame', ...KEYS].join(','),
    ...states.map(({ keys }, frame) => [frame, ...KEYS.map((key) => Number(keys[key]))].join(',')),
    '',
  ].join('\n');

/** Plays, and writes `NAME.mp4` and `NAME.csv` into a folder; what is there is replaced. */
export async function drawPlayed(folder: string, settings: PlayedSettings): Promise<void> {
  await mkdir(folder, { recursive: true });
  const states = played(settings);
  const frames = (function* (): Generator<Frame> {
    for (const [index, state] of states.entries()) {
      const size = { width: WIDTH, height: HEIGHT };
      const timeSeconds = index / FPS;
      yield { index, timeSeconds, ...size, pixelFormat: 'rgb24', data: drawMeadow(state) };
    }
  })();
  await writeFrames(frames, join(folder, `${settings.name}.mp4`), {
    fps: FPS,
    crf: 18,
    preset: 'veryslow',
    overwrite: true,
  });
  await writeFileAtomic(join(folder, `${settings.name}.csv`), keysAsCsv(states));
}
