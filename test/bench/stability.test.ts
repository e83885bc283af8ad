import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { decode } from 'fast-png';
import { beforeAll, describe, expect, it } from 'vitest';
import { makeRun, type Frameloom, type Result } from '../../bench/stability/one-run.js';
import {
  endingOf,
  healthyTable,
  hostileTable,
  writePicture,
} from '../../bench/stability/report.js';
import { SCENES, drawScene, paletteOf, type SceneName } from '../../bench/stability/scenes.js';
import {
  SETTINGS,
  askedOf,
  keysOf,
  pipelineText,
  type Setting,
} from '../../bench/stability/settings.js';
import { loadPipeline } from '../../src/pipeline/load.js';
import { decodeFrames } from '../../src/video/index.js';
import { frameloom } from '../cli/support.js';
import { scratchPath } from '../video/make-clip.js';

// Of the bench itself; that control keeps its bars is what a campaign shows, in half an hour.
const folder = scratchPath('stability');
beforeAll(() => mkdir(folder));

const byName = (name: string): Setting => SETTINGS.find((setting) => setting.name === name)!;

describe('the settings', () => {
  it('are twenty hostile ones and three healthy ones, each of keys that there are', async () => {
    expect(new Set(SETTINGS.map(({ name }) => name)).size).toBe(SETTINGS.length);
    expect(SETTINGS.filter(({ healthy }) => !healthy)).toHaveLength(20);
    expect(SETTINGS.filter(({ healthy }) => healthy)).toHaveLength(3);
    for (const setting of SETTINGS) {
      const path = join(folder, `${setting.name}.yaml`);
      const keys = await keysOf(setting, (name) => Promise.resolve(`/none/${name}.mkv`));
      await writeFile(path, pipelineText(keys));
      await expect(loadPipeline(path)).resolves.toMatchObject({ pipeline: { seed: 1 } });
    }
  });

  it('are known by what they ask for, wherever that lies', async () => {
    const hinge = byName('hinge');
    const asked = await askedOf(hinge, 1, 'off');
    expect(await askedOf(hinge, 1, 'off')).toBe(asked);
    expect(await askedOf(hinge, 2, 'off')).not.toBe(asked);
    expect(await askedOf(hinge, 1, 'on')).not.toBe(asked);
    expect(await askedOf({ ...hinge, clips: ['rare'] }, 1, 'off')).not.toBe(asked);
    expect(await askedOf({ ...hinge, keys: {} }, 1, 'off')).not.toBe(asked);
  });

  it('draw label maps of their palette’s colours alone', async () => {
    const path = await drawScene(folder, 'short', true);
    const seen = new Set<string>();
    let frames = 0;
    await decodeFrames(path).forEach(({ data }) => {
      frames += 1;
      for (let i = 0; i < data.length; i += 3) seen.add(data.subarray(i, i + 3).join());
    });
    expect(frames).toBe(SCENES.short.frames);
    expect([...seen].sort()).toEqual(
      Object.values(paletteOf('short'))
        .map((colour) => colour.join())
        .sort(),
    );
  });
});

describe('a run', () => {
  const scene = (name: SceneName, isLabel: boolean): Promise<string> =>
    drawScene(folder, name, isLabel);
  const here: Frameloom = (words) => frameloom(...words);

  it('is trained, measured, and judged where it ends', async () => {
    const tiny = {
      ...{ 'data.size': '16x16', 'training.steps': 2, 'training.frames': 3 },
      ...{ 'training.rollout.startFrames': 3, 'training.warmUp.frames': 0 },
      // Recorded steps are worth their time from the tenth on.
      ...{ 'generator.channels': 4, 'training.compile': false },
    };
    const keys = { ...(await keysOf({ ...byName('noise-16'), clips: ['short'] }, scene)), ...tiny };
    const result = await makeRun({
      ...{ setting: 'noise-16', keys, seed: 3, control: 'off', asked: 'this' },
      ...{ frameloom: here, folder: join(folder, 'run') },
    });
    expect(result).toMatchObject({ setting: 'noise-16', seed: 3, control: 'off', acts: {} });
    const { psnr, checker, motion, conditionUse, diversity } = result.measured!;
    expect([psnr, checker, motion, conditionUse, diversity]).not.toContain(null);
    // Of two steps nothing can be expected; but the words have to be those of the numbers.
    expect('dots' in result.collapsed).toBe(checker! > 1.5);
    expect('frozen' in result.collapsed).toBe(motion! < 0.3);
    expect('boiling' in result.collapsed).toBe(motion! > 2);
    expect('condition ignored' in result.collapsed).toBe(conditionUse! < 0.2);
    expect(result.noiseIgnored).toBe(diversity! < 0.05);
    expect(await readFile(`${join(folder, 'run')}.yaml`, 'utf8')).toContain('stability: off');
  }, 180_000);

  it('that diverged has collapsed; one that could not be made is an error', async () => {
    const failing =
      (code: string): Frameloom =>
      async (words) => {
        await mkdir(words[3]!, { recursive: true });
        await writeFile(join(words[3]!, 'log.jsonl'), '{"step":20,"act":"judges wait"}\n');
        return { code: 1, stdout: '', stderr: JSON.stringify({ level: 50, msg: 'it did', code }) };
      };
    const options = {
      ...{ setting: 'judges-rate', keys: {}, seed: 1, control: 'on' as const, asked: 'this' },
      folder: join(folder, 'failing'),
    };
    const result = await makeRun({ ...options, frameloom: failing('diverged') });
    expect(result).toMatchObject({
      ...{ collapsed: { diverged: 'it did' }, measured: null, acts: { 'judges wait': 1 } },
    });
    await expect(makeRun({ ...options, frameloom: failing('disk-full') })).rejects.toThrow(
      'judges-rate was not trained: it did',
    );
  });
});

describe('the report', () => {
  const result = (over: Partial<Result>): Result => ({
    ...{ setting: 'judges-rate', seed: 1, control: 'off', asked: 'x', collapsed: {} },
    ...{ noiseIgnored: false, tipped: [], acts: {}, seconds: { train: 1, evaluate: 1 } },
    measured: {
      ...{ psnr: 20, ssim: 0.5, meanFramePsnr: 15, sharpness: 1, checker: 1, motion: 0.5 },
      ...{ conditionUse: 0.5, diversity: null },
    },
    ...over,
  });
  const better = { ...result({}).measured!, psnr: 20.1 };
  const results = [
    result({ collapsed: { dots: 'checker 1.80' }, measured: { ...better, checker: 1.8 } }),
    result({ seed: 2 }),
    result({ control: 'on', acts: { 'judges wait': 2 } }),
    result({ setting: 'healthy-edges' }),
    result({ setting: 'healthy-edges', control: 'on', measured: better }),
  ];

  it('counts what collapsed on each side, and what control costs where nothing was wrong', () => {
    expect(endingOf(results.slice(0, 2))).toBe('1 of 2: 1 dots');
    expect(hostileTable(results)).toContain(
      '| judges-rate | off | 1 of 2: 1 dots | 1.00 … 1.80 | 0.50 | 0.50 | – | 20.00 … 20.10 | 0.500 | – |',
    );
    expect(hostileTable(results)).toContain('| judges-rate | on | 0 of 1 | 1.00 |');
    expect(hostileTable(results)).toContain('| 2 judges wait |');
    expect(healthyTable(results)).toContain(
      '| healthy-edges | 20.00 | 20.10 | 0.5 % | 0.500 | 0.500 | 0.0 % |',
    );
  });

  it('shows a row of what collapsed, grey where a run left nothing', async () => {
    const path = join(folder, 'picture.png');
    const none = (): string => join(folder, 'none.png');
    expect(await writePicture(path, results, none)).toEqual(['judges-rate']);
    const { width, height, data } = decode(await readFile(path));
    // Four pictures of 64×48, twice as large, three gaps.
    expect([width, height]).toEqual([4 * 128 + 3 * 4, 96]);
    expect(new Set(data)).toEqual(new Set([32]));
    expect(await writePicture(path, results.slice(1), none)).toEqual([]);
  });
});
