import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { probe } from '../src/video/index.js';
import { frameloom } from './cli/support.js';
import { makeWorkFolder, root, writePipeline } from './e2e/support.js';
import { makeClip } from './video/make-clip.js';

const TIMEOUT_MS = 120_000;
const run = promisify(execFile);

let work: Awaited<ReturnType<typeof makeWorkFolder>>;
beforeAll(async () => {
  work = await makeWorkFolder();
});
afterAll(() => work.remove());

/** Runs a program in a fresh process, in the repository's folder. */
const fresh = (code: string) =>
  run(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', code], { cwd: root });

describe('the library', { timeout: TIMEOUT_MS }, () => {
  it('has these names, loads no TensorFlow and says nothing', async () => {
    const { stdout, stderr } = await fresh(`
      import { createRequire } from 'node:module';
      import * as frameloom from './src/index.ts';
      const { cache } = createRequire(import.meta.url);
      const { sharedObjects } = process.report.getReport();
      const loaded = [...sharedObjects, ...Object.keys(cache)];
      const isTensorFlow = (path) => /tfjs-node|libtensorflow|tfjs_binding/.test(path);
      const names = Object.keys(frameloom).sort();
      console.log(JSON.stringify({ names, tensorFlow: loaded.filter(isTensorFlow) }));`);
    expect(stderr).toBe('');
    const { names, tensorFlow } = JSON.parse(stdout) as { names: string[]; tensorFlow: string[] };
    expect(tensorFlow).toEqual([]);
    // The public surface: a change here is a change for whoever imports the package.
    expect(names).toEqual([
      'FrameloomError',
      'createLogger',
      'createOnnxSynthesizer',
      'createSynthesizer',
      'decodeFrames',
      'encodeFrames',
      'evaluateHeldOut',
      'exportGenerator',
      'formatRational',
      'generate',
      'generateVideo',
      'isFrameloomError',
      'loadPipeline',
      'mapFrames',
      'memoryFigures',
      'openDataset',
      'openFlow',
      'openModel',
      'openOnnxModel',
      'openThreadedModel',
      'parsePipeline',
      'parseRational',
      'planBatch',
      'probe',
      'psnr',
      'rational',
      'runBatch',
      'sampleFrames',
      'sharpness',
      'ssim',
      'startRun',
      'tOF',
      'temporalDifference',
      'train',
      'useBackend',
      'warpingError',
      'withCondition',
      'zipFrames',
    ]);
  });

  it('generates a video by the lines of the README', async () => {
    const clip = await makeClip({ frames: 20 });
    const pipeline = await writePipeline(join(work.path, 'edges.yaml'), {
      data: { clips: [clip], heldOut: { fraction: 0 } },
      training: { steps: 1 },
    });
    const folder = join(work.path, 'run');
    const trained = await frameloom('--quiet', 'train', pipeline, '--run', folder);
    expect([trained.code, trained.stderr]).toEqual([0, '']);

    const readme = await readFile(join(root, 'README.md'), 'utf8');
    const example = [...readme.matchAll(/```ts\n([\s\S]*?)```/g)]
      .map(([, code]) => code!)
      .find((code) => code.includes('withCondition'))!;
    const made = join(work.path, 'made.mp4');
    const names = {
      "'frameloom'": "'./src/index.ts'",
      "'runs/00001-edges-to-video'": JSON.stringify(folder),
      "'other.mp4'": JSON.stringify(clip),
      "'made.mp4'": JSON.stringify(made),
    };
    let program = example;
    for (const [written, used] of Object.entries(names)) {
      expect(program).toContain(written);
      program = program.replace(written, used);
    }
    const { stdout, stderr } = await fresh(program);
    expect([stdout, stderr]).toEqual(['', '']);
    expect(await probe(made, { count: true })).toMatchObject({
      ...{ width: 32, height: 24, frameCount: 20, fps: { num: 25, den: 1 } },
      durationSeconds: 0.8,
    });
  });
});
