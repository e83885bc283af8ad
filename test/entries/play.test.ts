import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as web from 'onnxruntime-web';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { useBackend } from '../../src/backend/index.js';
import { randomStream } from '../../src/base/random.js';
import { openModel, type PlayModel } from '../../src/entries/play.js';
import { exportGenerator } from '../../src/export/index.js';
import { openRunModel } from '../../src/pipeline/run-model.js';
import { openOnnxModel } from '../../src/synthesis/engines/onnx/model.js';
import { root } from '../program.js';
import { makeRun } from '../synthesis/make-run.js';
import { failure, largestDifference } from '../video/frames.js';
import { scratchPath } from '../video/make-clip.js';
import { moduleGraph } from './graph.js';

const SIZE = { width: 16, height: 16 };
const PIXELS = SIZE.width * SIZE.height;
let path: string;
let file: Uint8Array;
let model: PlayModel;

beforeAll(async () => {
  await useBackend();
  path = scratchPath('generator.onnx');
  const run = await makeRun({ data: { size: '16x16' }, generator: { noiseChannels: 2 } });
  await exportGenerator(await openRunModel(run), path);
  file = await readFile(path);
  web.env.wasm.numThreads = 1;
  model = await openModel(file, web);
});
afterAll(() => model.release());

const conditions = ['a', 'b', 'c', 'd'].map((name) => {
  const random = randomStream(4, 'eval', name);
  return Uint8Array.from({ length: PIXELS }, () => random.integer(0, 255));
});

describe('frameloom/play', () => {
  it('imports nothing of Node, and no package that does', () => {
    const { outside, files } = moduleGraph(join(root, 'src/entries/play.ts'), true);
    expect([...outside.keys()].sort()).toEqual([
      ...['@bufbuild/protobuf/wire', '@noble/hashes/sha2.js', '@noble/hashes/utils.js'],
      ...['pure-rand/distribution/uniformFloat64', 'pure-rand/distribution/uniformInt'],
      ...['pure-rand/generator/xoroshiro128plus', 'zod'],
    ]);
    expect(files.length).toBeLessThan(30);
    expect(files.filter((path) => path.includes('/video/'))).toEqual([]);
  });

  it('makes in onnxruntime-web the frames that onnxruntime-node makes', async () => {
    expect(model).toMatchObject({ ...SIZE, seed: 1, step: 1, layout: { bytesPerPixel: 1 } });
    const node = await openOnnxModel(path, { threads: 1 });
    const [here, there] = [model.open(7), node.open(7)];
    const made: Uint8Array[] = [];
    for (const condition of conditions) {
      const frame = await here.next(condition);
      expect(largestDifference(frame, await there.next(condition))).toBeLessThanOrEqual(1);
      made.push(frame);
    }
    expect(largestDifference(made[0]!, made[3]!)).toBeGreaterThan(1);
    // The state goes along, from one to the other too.
    here.restore(await there.snapshot());
    const moved = await here.nextInDetail(conditions[0]!);
    const same = await there.nextInDetail(conditions[0]!);
    expect(largestDifference(moved.rgb, same.rgb)).toBeLessThanOrEqual(1);
    expect(moved.flow).toHaveLength(2 * PIXELS);
    expect(largestDifference(moved.flow!, same.flow!)).toBeLessThan(1e-3);
    here.start([made[0]!], [conditions[0]!]);
    there.start([made[0]!], [conditions[0]!]);
    const [on, off] = [await here.next(conditions[1]!), await there.next(conditions[1]!)];
    expect(largestDifference(on, off)).toBeLessThanOrEqual(1);
    here.dispose();
    there.dispose();
    await node.release();
  });

  it('says what is wrong with a file, a size or a condition', async () => {
    const wrong = await Promise.all([
      failure(openModel(new Uint8Array(100), web)),
      failure(openModel(file, web, { width: 30 })),
      failure(openModel(file, web, { signal: AbortSignal.abort() })),
      failure(openModel(file.subarray(0, file.length / 2), web)),
      failure(model.open().next(new Uint8Array(3))),
      failure(openModel(file, {} as typeof web)),
    ]);
    expect(wrong.map((error) => (error as { code: string }).code)).toEqual([
      ...['bad-input', 'bad-input', 'cancelled', 'bad-input', 'bad-input', 'bad-option'],
    ]);
    // A page has the file as an ArrayBuffer.
    const other = await openModel(new Uint8Array(file).buffer, web, { width: 32, height: 8 });
    expect(await other.open().next(new Uint8Array(32 * 8))).toHaveLength(3 * 32 * 8);
    await other.release();
  });
});
