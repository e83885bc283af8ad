import { concat, lastValueFrom } from 'rxjs';
import { expect, it, vi } from 'vitest';
import { createLogger } from '../../src/base/log.js';
import type * as output from '../../src/video/output.js';
import { encodeFrames, probe, runningProcesses } from '../../src/video/index.js';
import { failure, flatFrames } from './frames.js';
import { scratchPath } from './make-clip.js';

vi.mock('../../src/video/output.js', async (original) => {
  const real = await original<typeof output>();
  return {
    ...real,
    openTarget: async (...args: Parameters<typeof real.openTarget>) => {
      const target = await real.openTarget(...args);
      if (target.kind === 'stream') return target;
      const discard = async (): Promise<void> => {
        await target.discard();
        throw new Error('the disk is gone');
      };
      return { ...target, discard };
    },
  };
});

it('a clean-up that fails is told, and decides nothing', async () => {
  const said: string[] = [];
  const log = createLogger({ write: (line) => void said.push(line) });
  const broken = concat(
    flatFrames({ colour: [1, 2, 3] }),
    flatFrames({ colour: [1, 2, 3], width: 32 }),
  );
  const path = scratchPath('broken.mkv');
  const error = await failure(lastValueFrom(broken.pipe(encodeFrames(path, { fps: 25, log }))));
  expect(error).toMatchObject({ code: 'bad-shape' });
  expect(said).toEqual([`warning: a partial file of ${path} may be left: the disk is gone\n`]);
  const whole = scratchPath('whole.mkv');
  const frames = flatFrames({ colour: [1, 2, 3] });
  const result = await lastValueFrom(frames.pipe(encodeFrames(whole, { fps: 25, log })));
  expect(result).toMatchObject({ frames: 4, path: whole });
  expect((await probe(whole, { count: true })).frameCount).toBe(4);
  // Whoever is no longer there is told nothing, and nothing is thrown about.
  flatFrames({ colour: [1, 2, 3] })
    .pipe(encodeFrames(scratchPath('left.mkv'), { fps: 25, log }))
    .subscribe()
    .unsubscribe();
  await expect.poll(runningProcesses, { timeout: 10_000 }).toEqual([]);
});
