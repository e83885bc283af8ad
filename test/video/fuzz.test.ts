import { mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeCorpus, FRAMES, type Whole } from '../../bench/media-fuzz/corpus.js';
import { judge } from '../../bench/media-fuzz/judge.js';
import { untrainedModel } from '../../bench/media-fuzz/model.js';
import { makeMutant } from '../../bench/media-fuzz/mutate.js';
import type { SynthesisModel } from '../../src/synthesis/models/model.js';
import { scratchPath } from './make-clip.js';

// The first of the 500 that `npm run bench -- --only media-fuzz` looks at.
const FILES = 6;
const folder = scratchPath('fuzz');
let whole: Whole[];
let model: SynthesisModel;

beforeAll(async () => {
  await mkdir(join(folder, 'damaged'), { recursive: true });
  whole = await makeCorpus(folder);
  model = await untrainedModel();
});
afterAll(() => rm(folder, { recursive: true, force: true }));

describe('damaged files', () => {
  it('are of more than twelve containers, whole to begin with', async () => {
    expect(whole.length).toBeGreaterThanOrEqual(12);
    for (const [number, { name, path }] of whole.entries()) {
      const mutant = { number, container: name, damage: 'none', path };
      const { outcome, frames, wrong, said } = await judge(mutant, { folder: join(folder, 'out') });
      expect([name, outcome, frames, wrong, said]).toEqual([name, 'whole', FRAMES, [], '']);
    }
  });

  it('hang nothing, leave nothing, and lose no frame without a word', async () => {
    const wrong: string[] = [];
    for (let number = 0; number < FILES; number += 1) {
      const options = { seed: 1, folder: join(folder, 'damaged') };
      const mutant = await makeMutant(whole, number, options);
      const generates = {
        folder: join(folder, 'out'),
        model: number % 3 === 0 ? model : undefined,
      };
      const judgement = await judge(mutant, generates);
      const { container, damage } = mutant;
      wrong.push(...judgement.wrong.map((line) => `${number} ${container}, ${damage}: ${line}`));
    }
    expect(wrong).toEqual([]);
  }, 120_000);

  it('are the same for the same seed', async () => {
    const again = join(folder, 'again');
    await mkdir(again);
    const first = await makeMutant(whole, 3, { seed: 1, folder: join(folder, 'damaged') });
    const second = await makeMutant(whole, 3, { seed: 1, folder: again });
    expect({ ...second, path: '' }).toEqual({ ...first, path: '' });
    expect(await readdir(again)).toHaveLength(1);
  });
});
