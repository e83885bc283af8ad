import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { decode } from 'fast-png';
import { lastValueFrom, map, toArray } from 'rxjs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { decodeFrames, probe } from '../../src/video/index.js';
import { frameloom } from '../cli/support.js';
import { runFfmpeg, scratchPath } from '../video/make-clip.js';
import { root } from '../program.js';
import { makeWorkFolder, sets, TINY_NETWORKS } from './support.js';

const TIMEOUT_MS = 240_000;
const SIZE = { width: 32, height: 24 };
const FRAMES = 40;

interface Measures {
  frames: number;
  [measure: string]: unknown;
}

let work: Awaited<ReturnType<typeof makeWorkFolder>>;
let clip = '';
let labels = '';

/** The first frames of a sample, stored without loss. */
async function cut(sample: string, name: string): Promise<string> {
  const path = scratchPath(name);
  await runFfmpeg(
    ...['-i', join(root, 'samples', sample), '-vf', `trim=end_frame=${FRAMES}`],
    ...['-c:v', 'png', '-pix_fmt', 'rgb24', '-an', path],
  );
  return path;
}

beforeAll(async () => {
  work = await makeWorkFolder();
  clip = await cut('street.mp4', 'clip.mkv');
  labels = await cut('street-labels.mkv', 'labels.mkv');
}, TIMEOUT_MS);
afterAll(() => work.remove());

const firstFrames = (path: string, frames: number): Promise<Uint8Array[]> =>
  lastValueFrom(
    decodeFrames(path, { size: { ...SIZE, fit: 'crop' }, frames }).pipe(
      map(({ data }) => data),
      toArray(),
    ),
  );

/** Every number in it, by its path. */
function numbersIn(value: unknown, path = ''): [string, unknown][] {
  if (typeof value !== 'object' || value === null) return [[path, value]];
  return Object.entries(value).flatMap(([key, inner]) => numbersIn(inner, `${path}.${key}`));
}

const KINDS = [
  // A condition by ffmpeg, none, and one of labels, whose real frames are unknown.
  { name: 'edges-to-video', copies: true, columns: 3, baselines: ['freeze', 'mean', 'nearest'] },
  { name: 'labels-to-video', copies: false, columns: 3, baselines: ['freeze', 'mean', 'nearest'] },
  { name: 'predict-next', copies: true, columns: 2, baselines: ['freeze', 'mean'] },
  { name: 'upscale', copies: false, columns: 3, baselines: ['freeze', 'mean', 'nearest'] },
  { name: 'colorize', copies: false, columns: 3, baselines: ['freeze', 'mean', 'nearest'] },
] as const;

describe.each(KINDS)('$name', { timeout: TIMEOUT_MS }, ({ name, copies, columns, baselines }) => {
  const isPaired = name === 'labels-to-video';
  // A step more is another graph: of real frames before it, or of none.
  const steps = name === 'edges-to-video' ? 2 : 1;
  const run = (): string => join(work.path, name);

  it('trains, evaluates and generates', async () => {
    const trained = await frameloom(
      ...['--quiet', 'train', join(root, 'pipelines', `${name}.yaml`)],
      ...['--run', run(), '--clip', clip],
      ...sets({
        ...TINY_NETWORKS,
        ...{ 'training.steps': steps, 'training.frames': 3, 'training.evaluateFrames': 3 },
        'data.size': `${SIZE.width}x${SIZE.height}`,
        // Long enough to be told whether it drifts.
        'data.heldOut.fraction': 0.5,
        ...(isPaired && { 'data.condition.path': `[${labels}]` }),
      }),
    );
    expect([trained.code, trained.stderr]).toEqual([0, '']);

    const evaluated = await frameloom('--quiet', 'evaluate', run(), '--json');
    expect([evaluated.code, evaluated.stderr]).toEqual([0, '']);
    const evaluation = JSON.parse(evaluated.stdout) as {
      step: number;
      frames: number;
      strip: string;
      rows: Record<string, Measures>;
    };
    expect(evaluation.step).toBe(steps);
    expect(evaluation.frames).toBeGreaterThanOrEqual(3);
    expect(Object.keys(evaluation.rows)).toEqual(['generated', 'coldStart', ...baselines]);
    for (const [row, measures] of Object.entries(evaluation.rows)) {
      expect([row, measures.frames]).toEqual([row, evaluation.frames]);
      const wrong = numbersIn(measures).filter(([, value]) => !Number.isFinite(value));
      expect([row, wrong]).toEqual([row, []]);
    }
    const strip = decode(await readFile(evaluation.strip));
    const gaps = columns - 1;
    expect(strip.width - columns * SIZE.width).toBeGreaterThanOrEqual(gaps);
    expect(strip.width - columns * SIZE.width).toBeLessThanOrEqual(4 * gaps);
    expect(strip.height).toBeGreaterThanOrEqual(3 * SIZE.height);
    expect(new Set(strip.data).size).toBeGreaterThan(10);

    const input = isPaired ? labels : clip;
    const made = join(work.path, `${name}.mkv`);
    const generated = await frameloom(
      ...['--quiet', 'generate', run(), '-i', input, '-o', made, '--json'],
    );
    expect([generated.code, generated.stderr]).toEqual([0, '']);
    const [of, out] = [await probe(input, { count: true }), await probe(made, { count: true })];
    expect(JSON.parse(generated.stdout)).toMatchObject({ frames: FRAMES });
    expect(out).toMatchObject({ ...SIZE, frameCount: FRAMES, fps: of.fps });
    expect(out.durationSeconds).toBeCloseTo(of.durationSeconds!, 3);
  });

  it.runIf(copies)('goes on from real frames, which it copies', async () => {
    const made = join(work.path, `${name}-on.mkv`);
    const { code, stderr } = await frameloom(
      ...['--quiet', 'generate', run(), '-i', clip, '-o', made, '--start-frames', '2'],
    );
    expect([code, stderr]).toEqual([0, '']);
    const [real, out] = [await firstFrames(clip, 3), await firstFrames(made, 3)];
    expect(out.map((data, i) => Buffer.from(data).equals(real[i]!))).toEqual([true, true, false]);
    expect((await probe(made, { count: true })).frameCount).toBe(FRAMES);
  });

  it.runIf(isPaired)('has no real frames to go on from', async () => {
    const { code, stderr } = await frameloom(
      ...['--quiet', 'generate', run(), '-i', labels, '-o', join(work.path, 'none.mkv')],
      ...['--start-frames', '2'],
    );
    expect([code, stderr.split('\n').length]).toEqual([2, 2]);
    expect(stderr).toContain('a paired condition video holds no real frames to start from');
  });
});
