import { mkdir } from 'node:fs/promises';
import { beforeAll, expect, it, vi } from 'vitest';
import { identity } from '../../bench/synthesis/identity.js';
import type { SynthesisSettings } from '../../bench/synthesis/settings.js';
import { fileToFile } from '../../bench/synthesis/video.js';
import { useBackend } from '../../src/backend/index.js';
import { scratchPath } from '../video/make-clip.js';

// A bench is type-checked, and run by hand: what it calls may ask for more than a type says. Those that
// write videos are run here, of pictures so small that nothing of it is a measurement. Killing, cancelling,
// damaged files and locks are run by the tests of those subjects; peers are Python's.
const SIZE = { width: 32, height: 24 } as const;
/** Two, because the second finds what the first has written. */
const settings: SynthesisSettings = { rounds: 2, frames: 1, quick: true, folder: scratchPath('b') };

beforeAll(async () => {
  await useBackend();
  await mkdir(settings.folder);
});

it('the bench of generating goes through, and says what it found', async () => {
  const said = vi.spyOn(process.stdout, 'write').mockReturnValue(true);
  const video = await fileToFile({ preset: 'tiny', ...SIZE }, settings);
  const passed = await identity(SIZE, settings);
  expect(video.framesPerSecond).toHaveLength(2);
  expect(Object.keys(passed.ratios)).toEqual(['y4m', 'rgb', 'same']);
  expect(
    Object.values(passed.ratios)
      .flat()
      .every((ratio) => ratio > 0),
  ).toBe(true);
  expect(said.mock.calls.map(([text]) => String(text).split(':')[0])).toEqual([
    'tiny 32x24',
    '32x24',
  ]);
  said.mockRestore();
});
