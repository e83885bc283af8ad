/**
 * Plays the little game that comes along, and draws it: a clip, and the keys that were held down in each of its frames.
 *
 *     npx tsx samples/play.ts [--out FOLDER] [--name NAME] [--seed N] [--frames COUNT]
 *
 * Some seconds on one core. The same seed plays the same game.
 */
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { FrameloomError } from '../src/base/error.js';
import { drawPlayed } from './meadow/clips.js';
import { FRAMES, SEED } from './meadow/settings.js';

const { values } = parseArgs({
  options: {
    out: { type: 'string', default: dirname(fileURLToPath(import.meta.url)) },
    name: { type: 'string', default: 'meadow' },
    seed: { type: 'string', default: String(SEED) },
    frames: { type: 'string', default: String(FRAMES) },
  },
});

function number(option: 'seed' | 'frames', pattern: RegExp): number {
  if (pattern.test(values[option])) return Number(values[option]);
  throw new FrameloomError('bad-option', `--${option} ${values[option]} is no such number`);
}

await drawPlayed(values.out, {
  name: values.name,
  seed: number('seed', /^\d+$/),
  frames: number('frames', /^[1-9]\d*$/),
});
