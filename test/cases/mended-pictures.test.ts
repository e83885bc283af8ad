// A folder of pictures that is mended in place after it was looked at once, and folders of which
// pictures are lost, from the command line.
import { utimesSync, writeFileSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import { isFrameloomError } from '../../src/base/error.js';
import { dataOptions, openDataset, type DataInput } from '../../src/clips/index.js';
import { useBackend } from '../../src/backend/index.js';
import { frameloom } from '../cli/support.js';
import { makeRun } from '../synthesis/make-run.js';
import { decoded, shown } from './look.js';
import { caseFolder, series } from './make.js';
import { numbered, pictureFolder, png } from './pictures.js';

const path = caseFolder();
const COUNT = 40;

describe('a folder of pictures with labels', () => {
  beforeAll(() => {
    pictureFolder(
      path('clip'),
      series(COUNT, (k) => k + 1).map((k) => png([5 * k, 0x40, 0x80])),
    );
    pictureFolder(
      path('clip-labels'),
      series(COUNT, (k) => k + 1).map((k) => png([k === 20 ? 254 : 255, 0, 0])),
    );
  });

  const data: DataInput = {
    clips: ['clip'],
    size: '64x36',
    condition: {
      ...{ kind: 'paired', content: 'labels', path: '{folder}/{name}-labels' },
      palette: { all: [255, 0, 0] },
    },
  };

  /** Opens it and reads frame `k`; the line of an error otherwise. */
  async function look(k = 10): Promise<{ error: string; red: number }> {
    const context = { seed: 1, baseFolder: path(), historyFrames: 1, conditionFrames: 1 };
    const cacheFolder = path('cache');
    try {
      const dataset = await openDataset(dataOptions.parse(data), { ...context, cacheFolder });
      try {
        const { frames } = await dataset.readFrames(0, k - 1, 1);
        return { error: '', red: frames[0]! };
      } finally {
        await dataset.close();
      }
    } catch (error) {
      if (!isFrameloomError(error)) throw error;
      return { error: error.toLine(), red: NaN };
    }
  }

  it('is looked at again when a label or a picture was mended, and only then used', async () => {
    expect((await look()).error).toContain('[254, 0, 0]');
    writeFileSync(path('clip-labels', numbered(20)), png([255, 0, 0]));
    expect(await look()).toEqual({ error: '', red: 50 });
    // A picture of the same length at the same place, with the folder's date as it was.
    const then = new Date(Date.now() + 5000);
    writeFileSync(path('clip', numbered(10)), png([200, 0x40, 0x80]));
    utimesSync(path('clip', numbered(10)), then, then);
    expect(await look()).toEqual({ error: '', red: 200 });
    // One more, and one of another size: as the folder is now.
    writeFileSync(path('clip', numbered(41)), png([210, 0x40, 0x80]));
    writeFileSync(path('clip-labels', numbered(41)), png([255, 0, 0]));
    expect(await look(41)).toEqual({ error: '', red: 210 });
  });
});

describe('generate from the command line', () => {
  const greys = series(30, (k) => 8 * (k + 1));
  let run = '';

  beforeAll(async () => {
    await useBackend();
    run = await makeRun();
    pictureFolder(
      path('empties'),
      greys.map((grey, i) => (i % 3 === 1 ? Buffer.alloc(0) : png(grey))),
    );
  });

  it('does not pass over empty pictures: they are named, and the exit is not 0', async () => {
    for (const source of [path('empties'), path('empties', '%04d.png')]) {
      const out = path('lost.mkv');
      const { code, stderr } = await frameloom('generate', run, '-i', source, '-o', out);
      expect(code).not.toBe(0);
      expect(stderr).toContain(numbered(2));
    }
  });

  it('makes what there is where damage is to warn only', async () => {
    const out = path('kept.mkv');
    const words = ['generate', run, '-i', path('empties'), '-o', out, '--on-damage', 'warn'];
    const { code, stderr } = await frameloom(...words);
    expect(stderr).toContain(numbered(2));
    expect(code).toBe(0);
    expect((await shown(out)).count).toBe(20);
    expect((await decoded(path('empties'), { onDamage: 'warn' })).frames).toHaveLength(20);
  });
});
