import { appendFile, cp, readFile, readdir, writeFile } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { decode } from 'fast-png';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { probe } from '../../../src/video/index.js';
import { distance, features } from '../../synthesis/evaluate/make-networks.js';
import { makeRun } from '../../synthesis/make-run.js';
import { makeClip, scratchPath } from '../../video/make-clip.js';
import { frameloom } from '../support.js';

const TIMEOUT_MS = 240_000;
const [WIDTH, HEIGHT] = [16, 16];
/** Frames that are scored where all would take long. */
const SCORED = 4;
/** Half of them are held out, of which a run with one real frame of history makes all but the first. */
const FRAMES = 24;
let cache: string | undefined;
let clip: string;
let first: string;
let second: string;

/** A run in a folder of that name, with a log. */
async function named(name: string, options: Parameters<typeof makeRun>[0]): Promise<string> {
  const folder = join(scratchPath('runs'), name);
  await cp(await makeRun(options), folder, { recursive: true });
  for (const step of [1, 2]) {
    const line = { step, terms: { 'generator/warp': step }, heldOut: { psnr: 10 + step } };
    await appendFile(join(folder, 'log.jsonl'), `${JSON.stringify(line)}\n`);
  }
  return folder;
}

const size = `${WIDTH}x${HEIGHT}`;
const dataOf = (condition: object) => ({
  size,
  clips: [clip],
  heldOut: { fraction: 0.5 },
  condition,
});

beforeAll(async () => {
  cache = process.env.FRAMELOOM_CACHE;
  process.env.FRAMELOOM_CACHE = scratchPath('cache');
  clip = await makeClip({ frames: FRAMES, width: WIDTH, height: HEIGHT, name: 'the <clip>.mkv' });
  first = await named('first <&"run', { data: dataOf({ kind: 'derived', preset: 'edges' }) });
  second = await named('second', {
    seed: 2,
    data: dataOf({ kind: 'derived', preset: 'grey' }),
    // Two that know nothing yet would hold the same.
    generator: { historyFrames: 3, holdStill: false },
  });
});
afterAll(() => {
  if (cache === undefined) delete process.env.FRAMELOOM_CACHE;
  else process.env.FRAMELOOM_CACHE = cache;
});

interface Compared {
  frames: number;
  framesThere: number;
  notes: string[];
  runs: { name: string; step: number; rows: Record<string, Compared['baselines'][string]> }[];
  baselines: Record<string, { frames: number; psnr: number; lpips: number }>;
  best: Record<string, string[]>;
  differences: { measure: string; by: number }[];
}

describe('evaluate of several runs', { timeout: TIMEOUT_MS }, () => {
  it('scores them on the same frames, and writes a strip, a video and a report', async () => {
    const files = ['strip.png', 'video.mkv', 'report.html'].map((name) =>
      join(dirname(scratchPath('made')), name),
    );
    const [strip, video, report] = files as [string, string, string];
    const { code, stdout, stderr } = await frameloom(
      ...['--quiet', 'evaluate', first, second, '--json', '--max-frames', String(SCORED)],
      ...['--strip', strip, '--video', video, '--report', report, '--lpips', await distance()],
    );
    expect([code, stderr]).toEqual([0, '']);
    const compared = JSON.parse(stdout) as Compared;
    expect(compared).toMatchObject({ frames: SCORED, framesThere: FRAMES / 2 - 3 });
    expect(compared.notes).toEqual([
      expect.stringContaining('first <&"run by edges, second by grey'),
      expect.stringContaining('start from 2 or 3 real frames'),
      expect.stringMatching(/^LPIPS and tLP by .*\.onnx, SHA-256 [0-9a-f]{12}$/),
    ]);
    const names = ['first <&"run', 'second'];
    expect(compared.runs.map(({ name, step, rows }) => [name, step, Object.keys(rows)])).toEqual(
      names.map((name) => [name, 1, ['generated', 'coldStart']]),
    );
    expect(Object.keys(compared.baselines)).toEqual(['freeze', 'mean', 'nearest']);
    const [a, b] = compared.runs.map(({ rows }) => rows.generated!);
    expect(compared.differences.map(({ measure }) => measure)).toEqual(['psnr', 'ssim', 'lpips']);
    const [ours, theirs] = [a!, b!].map(({ lpips }) => lpips);
    expect(compared.differences[2]!.by).toBeCloseTo(Math.abs(ours! - theirs!), 6);
    expect(compared.best.lpips).toEqual([ours! < theirs! ? names[0] : names[1]]);
    expect(compared.differences[0]!.by).toBeCloseTo(Math.abs(a!.psnr - b!.psnr), 6);
    expect(compared.best.psnr).toEqual([a!.psnr > b!.psnr ? names[0] : names[1]]);
    for (const { frames } of [a!, b!, ...Object.values(compared.baselines)]) {
      expect(frames).toBe(SCORED);
    }

    // Two conditions, two runs, and the real frames: five pictures, in the video in two rows of three.
    expect(decode(await readFile(strip))).toMatchObject({ width: 5 * WIDTH + 4 * 2 });
    expect(await probe(video, { count: true })).toMatchObject({
      ...{ width: 3 * WIDTH, height: 2 * HEIGHT, frameCount: SCORED },
    });
    const page = await readFile(report, 'utf8');
    expect(page).toContain('first &lt;&amp;&quot;run');
    expect(page).not.toContain('first <&');
    expect(page.match(/src="data:image\/png/g)).toHaveLength(SCORED * 5);
    for (const setting of ['seed', 'data.condition.preset', 'generator.historyFrames']) {
      expect(page).toContain(`<code>${setting}</code>`);
    }
    expect(page).not.toContain('<code>generator.channels</code>');
    expect(page).toContain('as networks see it');
    expect(page).toMatch(/LPIPS and tLP by [^<]*\.onnx, SHA-256 /);
    // Nothing is left in the folder, and the runs are as they were.
    expect((await readdir(dirname(strip))).filter((name) => name.startsWith('.'))).toEqual([]);
    expect(existsSync(join(first, 'evaluation.png'))).toBe(false);

    const again = await frameloom('--quiet', 'evaluate', first, second, '--report', report);
    expect(again).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('--overwrite') as string,
    });
  });

  it('takes runs of other clips on one video, and tells it in a table', async () => {
    const other = await makeClip({ frames: 12, width: WIDTH, height: HEIGHT });
    const apart = await named('apart', { seed: 3, data: { size, clips: [other] } });
    const refused = await frameloom('--quiet', 'evaluate', first, apart);
    expect(refused).toMatchObject({ code: 2, stdout: '' });
    expect(refused.stderr).toMatch(/not scored on the same frames: data\.clips is .*\(-i VIDEO/);
    const words = ['evaluate', apart, first, '-i', other, '--max-frames', '2'];
    const { code, stdout, stderr } = await frameloom(
      ...[...words, '--features', await features(), '--lpips', await distance()],
    );
    expect(code).toBe(0);
    // Once for both runs.
    expect(stderr.match(/warning: FID of 2 frames by 3 features is too large/g)).toHaveLength(1);
    expect(stdout).toMatch(/\n {2,}LPIPS {2,}tLP ×100 {2,}KID {2,}FID\n/);
    expect(stdout).toMatch(/\nLPIPS: .* is \d\.\d{4} below .*: of too few frames to tell\n/);
    expect(stdout).not.toContain('KVD');
    expect(stdout).toMatch(
      /^2 held-out frames in 1 segment, closed loop \(of 9, .*--max-frames\)\n/,
    );
    expect(stdout).toContain(
      `note: apart had ${other} among its clips: to it that is no new video\n`,
    );
    expect(stdout).toMatch(/\napart {2,}1 .*\nfirst <&"run {2,}1 .*\nfreeze last frame .*\n/);
    const marked = stdout.split('\n').filter((line) => /^(apart|first).*\d\*/.test(line));
    expect(marked.length).toBeGreaterThan(0);
    expect(stdout).toMatch(/\nPSNR dB: .* above .*: of too few frames to tell\n/);
  });
});

describe('evaluate of one run', { timeout: TIMEOUT_MS }, () => {
  it('writes a report too, whose training curves may be missing', async () => {
    const bare = await makeRun({ data: dataOf({ kind: 'none' }) });
    const report = scratchPath('one.html');
    const { code, stderr, stdout } = await frameloom(
      ...['evaluate', bare, '--report', report, '--json', '--max-frames', String(SCORED)],
    );
    expect([code, JSON.parse(stdout)]).toMatchObject([0, { report }]);
    expect(stderr).toContain('warning: the report has no training curves');
    const page = await readFile(report, 'utf8');
    expect(page.match(/src="data:image\/png/g)).toHaveLength(SCORED * 2);
    expect(page).toContain('<h2>Over the rollout</h2>');
  });

  it('refuses outputs in one place, and one that is there', async () => {
    const there = scratchPath('there.html');
    await writeFile(there, 'mine');
    const { stderr } = await frameloom('--quiet', 'evaluate', first, '--report', there);
    expect(stderr).toMatch(/is there already .*--overwrite/);
    expect(await readFile(there, 'utf8')).toBe('mine');
    const same = ['--report', 'x.png', '--strip', './x.png'];
    const twice = await frameloom('--quiet', 'evaluate', first, ...same);
    expect(twice.stderr).toContain('two outputs would be written to x.png');
  });
});
