/**
 * Draws the sample clips: a street and its exact label map.
 *
 *     npx tsx samples/render.ts [--out FOLDER] [--seed N] [--size WxH] [--from FRAME] [--frames COUNT]
 *
 * A few minutes on one core. The same seed draws the same street.
 */
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { FrameloomError } from '../src/base/error.js';
import { createLogger } from '../src/base/log.js';
import { drawClips } from './street/clips.js';
import { FRAMES, HEIGHT, SEED, WIDTH } from './street/settings.js';

const { values } = parseArgs({
  options: {
    out: { type: 'string', default: dirname(fileURLToPath(import.meta.url)) },
    seed: { type: 'string', default: String(SEED) },
    size: { type: 'string', default: `${WIDTH}x${HEIGHT}` },
    from: { type: 'string', default: '0' },
    frames: { type: 'string', default: String(FRAMES) },
  },
});

function numbers(option: keyof typeof values, pattern: RegExp, example: string): number[] {
  const found = pattern.exec(values[option]);
  if (found) return found.slice(1).map(Number);
  throw new FrameloomError('bad-option', `--${option} ${values[option]} is not as ${example}`);
}

const [width, height] = numbers('size', /^([1-9]\d*[02468])x([1-9]\d*[02468])$/, '256x144');
const [from] = numbers('from', /^(\d+)$/, '0');
const [frames] = numbers('frames', /^([1-9]\d*)$/, '500');
const [seed] = numbers('seed', /^(\d+)$/, '7');
const settings = {
  ...{ width: width!, height: height! },
  ...{ from: from!, frames: frames!, seed: seed! },
};
await drawClips(values.out, settings, createLogger());
