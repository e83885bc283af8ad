import { readFile, writeFile } from 'node:fs/promises';
import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeExact } from '../../clips/make-data.js';
import { distance, features, strongest } from '../../synthesis/evaluate/make-networks.js';
import { makeRun } from '../../synthesis/make-run.js';
import { scratchPath } from '../../video/make-clip.js';
import { frameloom } from '../support.js';

const TIMEOUT_MS = 240_000;
const size = { width: 16, height: 16 };
const FRAMES = 40;
/** Frames that are scored, and those of the long rollout. */
const FEW = ['--max-frames', '8', '--long-frames', '100'];
let cache: string | undefined;
let trained: string;
let lpips: string;
let classes: string;

beforeAll(async () => {
  cache = process.env.FRAMELOOM_CACHE;
  process.env.FRAMELOOM_CACHE = scratchPath('cache');
  const palette = { red: [255, 0, 0], green: [0, 255, 0], blue: [0, 0, 255] } as const;
  const colour = (frame: number, x: number): readonly [number, number, number] =>
    x < 5 ? palette.red : (x + frame) % 16 < 8 ? palette.green : palette.blue;
  const clip = await makeExact({ ...size, frames: FRAMES, colour, name: 'seen.mkv' });
  const path = await makeExact({ ...size, frames: FRAMES, colour, name: 'labels.mkv' });
  const data = {
    ...{ size: '16x16', clips: [clip], heldOut: { fraction: 0.5 } },
    condition: { kind: 'paired', path, content: 'labels', palette },
  };
  trained = await makeRun({ data });
  lpips = await distance();
  classes = await strongest();
});
afterAll(() => {
  if (cache === undefined) delete process.env.FRAMELOOM_CACHE;
  else process.env.FRAMELOOM_CACHE = cache;
});

interface Row {
  readonly psnr: number;
  readonly lpips: number;
  readonly tLP: number;
  readonly kid: number;
  readonly kidError: number;
  readonly fid: number;
  readonly seen: { readonly meanIou: number };
  readonly intervals: Readonly<Record<string, readonly [number, number]>>;
}

describe('evaluate with networks that the user names', { timeout: TIMEOUT_MS }, () => {
  it('tells what they say of every row, in JSON, in the table and on the page', async () => {
    const report = scratchPath('report.html');
    const named = ['--lpips', lpips, '--features', await features(), '--segmenter', classes];
    const { code, stdout, stderr } = await frameloom(
      ...['evaluate', trained, ...named, '--report', report, '--json', ...FEW],
    );
    expect(code).toBe(0);
    // With the run's classes, no segmenter is trained for the label maps.
    expect(stderr).not.toContain('steps of the segmenter');
    const { rows, faithfulness, networks } = JSON.parse(stdout) as {
      rows: Record<string, Row>;
      faithfulness: object;
      networks: Record<string, { file: string; sha256: string }>;
    };
    expect(Object.keys(rows)).toEqual(['generated', 'coldStart', 'freeze', 'mean', 'nearest']);
    for (const row of Object.values(rows)) {
      expect(row.intervals.kid![1] - row.kid).toBeCloseTo(1.96 * row.kidError, 9);
      expect(row.seen.meanIou).toBeLessThanOrEqual(1);
    }
    expect(rows.generated!.lpips).toBeGreaterThan(0.01);
    expect(rows.generated!.fid).toBeGreaterThan(0);
    // Pictures come back in this clip, and a lookup finds them.
    expect(rows.nearest).toMatchObject({ lpips: 0, seen: { meanIou: 1, accuracy: 1 } });
    expect(faithfulness).toMatchObject({
      ...{ kind: 'labels', frames: 8, meanIou: { real: 1 }, accuracy: { real: 1 } },
      classes: [{ name: 'red' }, { name: 'green' }, { name: 'blue' }],
    });
    const hash = createHash('sha256')
      .update(await readFile(lpips))
      .digest('hex');
    expect(networks.lpips).toEqual({ file: lpips, sha256: hash });
    expect(Object.keys(networks)).toEqual(['lpips', 'features', 'segmenter']);
    const page = await readFile(report, 'utf8');
    for (const words of ['LPIPS', 'tLP ×100', 'KID', 'FID', 'classes seen, mean IoU']) {
      expect(page).toContain(words);
    }
    expect(page).toContain(`LPIPS and tLP by ${lpips}, SHA-256 ${hash.slice(0, 12)}`);
  });

  it('says what is wrong with a file before anything is read', async () => {
    const none = scratchPath('none.onnx');
    const { code, stdout, stderr } = await frameloom('evaluate', trained, '--features', none);
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toMatch(/(^|\n)error: --features: cannot read .*none\.onnx.*\n$/);
    const text = scratchPath('text.onnx');
    await writeFile(text, 'text');
    const other = await frameloom('evaluate', trained, '--video-features', text);
    expect(other.stderr).toMatch(/--video-features: .*text\.onnx cannot be loaded: /);
    // No output goes over what is looked through.
    const over = await frameloom('evaluate', trained, '--lpips', text, '--report', text, '-y');
    expect([over.code, await readFile(text, 'utf8')]).toEqual([2, 'text']);
  });
});
