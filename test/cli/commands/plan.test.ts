import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createLogger } from '../../../src/base/log.js';
import { neighbours } from '../../../src/cli/commands/plan/minutes.js';
import { memoryPlot } from '../../../src/cli/report/memory-plot.js';
import { formatMemoryReport, type MemoryReport } from '../../../src/cli/report/memory-report.js';
import { formatMinutesReport, type MinutesReport } from '../../../src/cli/report/minutes-report.js';
import { parsePipeline } from '../../../src/pipeline/load.js';
import { frameloom } from '../support.js';

/** Networks small enough for a profile to take a few seconds. */
const SMALL = [
  'generator.channels=4',
  'generator.residualBlocks=0',
  'generator.branchBlocks=0',
  'frameDiscriminator={channels: 4, layers: 1, scales: 1}',
  'sequenceDiscriminator={channels: 4, layers: 1, scales: 1}',
  'training.warmUp.frames=0',
].flatMap((change) => ['--set', change]);
const TIMEOUT_MS = 120_000;

let folder: string;
let pipeline: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'frameloom-'));
  pipeline = join(folder, 'mine.yaml');
  await writeFile(pipeline, 'data: {clips: [none.mp4], size: 64x48}\ntraining: {frames: 6}\n');
});
afterAll(() => rm(folder, { recursive: true, force: true }));

describe('plan', { timeout: TIMEOUT_MS }, () => {
  let report: MemoryReport;

  it('says what a pipeline takes, without its clips, and draws it', async () => {
    const plot = join(folder, 'plan.svg');
    const { code, stdout } = await frameloom(
      ...['--quiet', 'plan', pipeline, '--json', '--budget', '40MiB', '--plot', plot, ...SMALL],
      ...['--set', 'training.growing.untilSteps=30%'],
    );
    expect(code).toBe(0);
    report = JSON.parse(stdout) as MemoryReport;
    expect(report).toMatchObject({ pipeline: 'mine', batch: 1, budgetBytes: 40 * 2 ** 20 });
    expect(report.own).toMatchObject({ width: 64, height: 48, frames: 6 });
    expect(report.first).toMatchObject({ width: 32, height: 24, frames: 6, untilSteps: '30%' });
    expect(report.first!.plainBytes).toBeLessThan(report.own.plainBytes / 3);
    expect(report.longest).toHaveLength(4);
    expect(report.sweep).toHaveLength(4 * 8);
    for (const row of report.sweep) {
      expect(row.plan?.peakBytes ?? 0).toBeLessThanOrEqual(report.budgetBytes);
      expect(row.plan === null).toBe(row.smallestBytes > report.budgetBytes);
    }
    const picture = await readFile(plot, 'utf8');
    expect(picture).toBe(memoryPlot(report));
    expect(picture.match(/<polyline/g)!.length).toBeGreaterThan(8);
    expect(picture).toContain('budget 40.0 MiB');
  });

  it('shows larger frames and longer rollouts to take more', () => {
    const bytesOf = (width: number, frames: number): number =>
      report.sweep.find((row) => row.width === width && row.frames === frames)!.plainBytes;
    expect(bytesOf(64, 8)).toBeGreaterThan(bytesOf(64, 4));
    // Four times the pixels: activations grow so, weights do not.
    expect(bytesOf(128, 64) / bytesOf(64, 64)).toBeGreaterThan(3.5);
    expect(bytesOf(128, 64) / bytesOf(64, 64)).toBeLessThan(4.01);
    for (const row of report.longest) {
      expect(row.plainFrames).toBeLessThanOrEqual(row.recomputedFrames);
      expect(row.recomputedFrames).toBeLessThanOrEqual(row.frugalFrames);
    }
    const words = formatMemoryReport(report);
    expect(words).toContain('mine, 64x48, batch 1, 6 frames a rollout');
    expect(words).toMatch(/at first +32x24 until 30% of the steps, peak [\d.]+ MiB\n/);
    expect(words).toMatch(/256x192 +64 .* needs [\d.]+ [MG]iB/);
  });

  it('refuses a budget that nothing fits, after the tables, and names one that does', async () => {
    const { code, stdout, stderr } = await frameloom(
      ...['--quiet', 'plan', pipeline, '--budget', '1MiB', ...SMALL],
    );
    expect(code).toBe(1);
    expect(stdout).toContain('nothing fits');
    expect(stderr).toMatch(
      /^error: .*a rollout of 6 frames does not fit 1\.0 MiB: it needs [\d.]+ MiB at least/,
    );
  });

  it('reads the budget of the pipeline, and refuses what is no size or no SVG file', async () => {
    const bad = await frameloom('plan', pipeline, '--budget', 'much');
    expect(bad).toMatchObject({ code: 2, stdout: '' });
    expect(bad.stderr).toContain('Write it as auto, 512MiB or 4GiB.');
    const png = await frameloom('plan', pipeline, '--plot', 'plan.png');
    expect(png).toMatchObject({ code: 2, stdout: '' });
    expect(png.stderr).toContain('is not the name of an SVG file');
    const misspelt = await frameloom('plan', pipeline, '--set', 'training.memoryBudget=2GB?');
    expect(misspelt).toMatchObject({ code: 2, stdout: '' });
    expect(misspelt.stderr).toContain('training.memoryBudget');
  });
});

describe('plan --minutes', { timeout: TIMEOUT_MS }, () => {
  it('measures what the minutes hold, and says how to train it', async () => {
    const asked = ['plan', pipeline, '--minutes', '0.1', ...SMALL];
    const { code, stdout, stderr } = await frameloom(...asked, '--json');
    expect(code).toBe(0);
    const report = JSON.parse(stdout) as MinutesReport;
    const { candidates, advice, next } = report;
    // Numbers of its own leave nothing of a preset.
    expect(candidates.map(({ width, height }) => `${width}x${height}`)).toEqual(
      expect.arrayContaining(['64x48', '32x24', '128x96']) as string[],
    );
    expect(candidates[0]).toMatchObject({ preset: 'small', width: 64, isMeasured: true, set: [] });
    expect(candidates[0]!.forecast!.steps).toBeGreaterThan(0);
    expect(candidates[0]!.memoryBytes).toBeGreaterThan(2 ** 20);
    expect(next[0]).toContain(`train ${pipeline}`);
    expect(next[0]).toContain(`--set generator.channels=4`);
    expect(next[0]).toContain(`--max-minutes ${advice!.minutes}`);
    expect(stderr).toContain('measuring the first steps of small 64x48');
    // The clip of this pipeline is not there, which the memory does not ask for.
    expect(stderr).toContain('evaluations are counted with 128 frames');
    const words = formatMinutesReport(report);
    expect(words).toMatch(/^in 6s +(fits|does not fit): /m);
    expect(words).toMatch(/^small +64x48 +whole frames +[\d,]+ +\d+ +< [\d.]+ MiB/m);
    expect(words).toContain('fits: at least 600 steps, or all that the pipeline asks for');
  });

  it('compares no size that is too small for any generator, and says so once', () => {
    const own = parsePipeline('data: {clips: [a.mp4], size: 32x24}', 'mine.yaml').pipeline;
    const said: string[] = [];
    const log = createLogger({ colours: false, write: (line) => void said.push(line) });
    const all = neighbours(own, { log, mayPatch: true }).flat();
    expect(all).toContain('data.size=64x48');
    expect(all).not.toContain('data.size=16x12');
    // Nor patches and small frames of such a size.
    expect(all.join(' ')).not.toMatch(/growing|patch/);
    expect(said.join('')).toMatch(/^16x12 is left out: .* less than 16\n?$/);
  });

  it('looks at small frames first and at patches, where a generator comes out the same on these', () => {
    const { log } = { log: createLogger({ write: () => undefined }) };
    const parse = (text: string) => parsePipeline(text, 'mine.yaml').pipeline;
    const own = parse('data: {clips: [a.mp4], size: 64x48}\ngenerator: {preset: tiny}');
    const ways = (pipeline: typeof own, mayPatch: boolean): string[] =>
      neighbours(pipeline, { log, mayPatch })
        .map((set) => set.join(' '))
        .filter((set) => /growing|patch/.test(set));
    expect(ways(own, true)).toEqual(
      ['training.growing={divideBy: 2}', 'data.patch=32x24'].flatMap((way) =>
        ['', ...['small', 'base', 'large'].map((preset) => `generator.preset=${preset} `)].map(
          (preset) => `${preset}${way}`,
        ),
      ),
    );
    expect(ways(own, false).join()).not.toContain('patch');
    const grows = parse('data: {clips: [a.mp4], size: 64x48}\ntraining: {growing: {}}');
    expect(ways(grows, true)).toEqual([]);
  });

  it('refuses what says nothing beside it, or nothing without it', async () => {
    for (const words of [
      ['--minutes', '1', '--plot', 'plan.svg'],
      ['--clip', 'a.mp4'],
      ['--trust-filters'],
      ['--minutes', '0'],
    ]) {
      const { code, stdout } = await frameloom('plan', pipeline, ...words);
      expect([words, code, stdout]).toEqual([words, 2, '']);
    }
  });
});

describe('plan of the pipelines that come with Frameloom', { timeout: TIMEOUT_MS }, () => {
  it('has rows for each', async () => {
    const files = (await readdir('pipelines')).filter((name) => name.endsWith('.yaml'));
    expect(files.length).toBeGreaterThanOrEqual(5);
    // Alike in all that costs: the one with labels, and the one that has no condition.
    for (const file of ['labels-to-video.yaml', 'predict-next.yaml']) {
      expect(files).toContain(file);
      const { code, stdout } = await frameloom(
        ...['--quiet', 'plan', join('pipelines', file), '--json', '--budget', '64GiB', ...SMALL],
      );
      expect([file, code]).toEqual([file, 0]);
      const { own, sweep } = JSON.parse(stdout) as MemoryReport;
      expect(own.plan).toMatchObject({ schedule: 'one tape', slowdown: 1 });
      expect(sweep.length).toBeGreaterThanOrEqual(4 * 7);
    }
  });
});
