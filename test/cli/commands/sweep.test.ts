import { existsSync } from 'node:fs';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { messageOf } from '../../../src/base/error.js';
import type { ApartResult } from '../../../src/cli/commands/sweep/apart.js';
import { readResult } from '../../../src/cli/commands/sweep/results.js';
import { makeSweep, reopenSweep } from '../../../src/cli/commands/sweep/sweep-folder.js';
import { trainAll } from '../../../src/cli/commands/sweep/train-all.js';
import { createContext } from '../../../src/cli/terminal/context.js';
import { loadPipeline } from '../../../src/pipeline/load.js';
import { testFolder } from '../../training/run/support.js';
import { recorder } from '../support.js';

const MEASURES = {
  ...{ psnr: 20, ssim: 0.5, sharpnessRatio: 1, checkerRatio: 1 },
  ...{ temporalDifference: 1, realTemporalDifference: 1, warpingError: 1, tOF: 1 },
};

/** A sweep of so many settings, and what its processes would do: they train nothing. */
async function prepared(settings: number) {
  const cwd = await testFolder();
  const file = join(cwd, 'mine.yaml');
  await writeFile(file, 'data: {clips: [a.mp4], size: 32x24}\n');
  const steps = Array.from({ length: settings }, (_, i) => i + 1).join(',');
  const sweep = await makeSweep(
    {
      ...{ cwd, pipeline: 'mine.yaml', clips: ['b.mp4'], seeds: 1, minutes: null, flags: [] },
      set: [`training.steps=${steps}`],
    },
    join(cwd, 'swept'),
  );
  const terminal = recorder();
  const context = createContext({}, terminal, new AbortController().signal);
  const trained: string[] = [];
  const run = async (words: readonly string[]): Promise<ApartResult> => {
    if (words[0] === 'evaluate') {
      const stdout = JSON.stringify({ step: 1, rows: { generated: MEASURES } });
      return { exitCode: 0, stdout, error: null };
    }
    const { pipeline } = await loadPipeline(words[1]!);
    const { clips, size } = pipeline.data;
    trained.push(`${pipeline.training.steps} ${size.width}x${size.height} ${clips.join()}`);
    await mkdir(words[words.indexOf('--run') + 1]!, { recursive: true });
    return { exitCode: 0, stdout: JSON.stringify({ ending: 'done' }), error: null };
  };
  return { cwd, file, sweep, context, terminal, trained, run };
}

describe('a sweep', () => {
  it('trains what it began with, whatever becomes of the file meanwhile', async () => {
    const { cwd, file, sweep, context, trained, run } = await prepared(3);
    const edited: typeof run = async (words) => {
      const result = await run(words);
      await writeFile(file, 'data: {clips: [c.mp4], size: 64x48}\n');
      return result;
    };
    const results = await trainAll(sweep, 1, context, edited);
    expect(results.map(({ ending }) => ending)).toEqual(['done', 'done', 'done']);
    expect(trained).toEqual([1, 2, 3].map((steps) => `${steps} 32x24 ${join(cwd, 'b.mp4')}`));
    // What was still to be made too, and without the file.
    await rm(file);
    await rm(sweep.trainings[1]!.folder, { recursive: true });
    expect(await trainAll(await reopenSweep(sweep.folder), 1, context, run)).toEqual(results);
    expect(trained.slice(3)).toEqual([`2 32x24 ${join(cwd, 'b.mp4')}`]);
  });

  it('refuses a pipeline of its own that somebody edits, and one that it had no time to keep', async () => {
    const { file, sweep, context, trained, run } = await prepared(2);
    const { folder, trainings } = sweep;
    const kept = trainings[1]!.pipeline;
    const text = await readFile(kept, 'utf8');
    const refused = { code: 'bad-option', path: kept };
    await writeFile(kept, text.replace('width: 32', 'width: 64'));
    await expect(reopenSweep(folder)).rejects.toMatchObject(refused);
    await expect(trainAll(sweep, 1, context, run)).rejects.toMatchObject(refused);
    expect(trained).toHaveLength(1);
    // Killed in its first moment, as a sweep of an earlier version, it has but the file.
    await rm(kept);
    await reopenSweep(folder);
    expect(await readFile(kept, 'utf8')).toBe(text);
    await rm(kept);
    await writeFile(file, 'data: {clips: [a.mp4], size: 64x48}\n');
    await expect(reopenSweep(folder)).rejects.toMatchObject({ path: 'mine.yaml' });
    expect(existsSync(kept)).toBe(false);
  });

  it('ends by a failure when the trainings beside it have ended, and begins no other', async () => {
    const { sweep, context, terminal, trained, run } = await prepared(4);
    const [first, second] = sweep.trainings;
    let end: (() => void) | undefined;
    const failing: typeof run = async (words) => {
      if (words.includes(first!.folder)) throw new Error('no process could be started');
      if (words[0] === 'train') await new Promise<void>((resolve) => (end = resolve));
      return run(words);
    };
    let isOver = false;
    const over = trainAll(sweep, 2, context, failing)
      .catch(messageOf)
      .finally(() => (isOver = true));
    await expect
      .poll(() => [end !== undefined, terminal.stderr.includes('no other training begins')])
      .toEqual([true, true]);
    expect(isOver).toBe(false);
    end!();
    expect(await over).toBe('no process could be started');
    expect(trained).toHaveLength(1);
    expect(await readResult(second!)).toMatchObject({ ending: 'done' });
  });
});
