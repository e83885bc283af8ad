import { writeFile } from 'node:fs/promises';
import { beforeAll, describe, expect, it } from 'vitest';
import { useBackend } from '../../../src/backend/index.js';
import { randomStream } from '../../../src/base/random.js';
import { isFrameloomError } from '../../../src/base/error.js';
import { exportGenerator } from '../../../src/export/index.js';
import { openRunModel } from '../../../src/pipeline/run-model.js';
import { generateVideo } from '../../../src/synthesis/video/generate-video.js';
import { openOnnxModel } from '../../../src/synthesis/engines/onnx/model.js';
import { OnnxThread } from '../../../src/synthesis/engines/thread/host.js';
import { openThreadedModel } from '../../../src/synthesis/engines/thread/model.js';
import { decodeFrames } from '../../../src/video/index.js';
import { collect } from '../../video/frames.js';
import { makeClip, scratchPath } from '../../video/make-clip.js';
import { makeRun } from '../make-run.js';

const PIXELS = 32 * 24;
let path: string;

beforeAll(async () => {
  await useBackend();
  path = scratchPath('generator.onnx');
  const run = await makeRun({ generator: { noiseChannels: 2, conditionFrames: 2 } });
  await exportGenerator(await openRunModel(run), path);
});

function condition(name: string): Uint8Array {
  const random = randomStream(4, 'eval', name);
  return Uint8Array.from({ length: PIXELS }, () => random.integer(0, 255));
}

const failure = (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => undefined,
    (error: unknown) => error,
  );

describe('a generator in a thread of its own', () => {
  it('makes the bytes that it makes in this one, whatever is asked of it', async () => {
    const [here, there] = [await openOnnxModel(path), await openThreadedModel(path)];
    const [a, b] = [here.open(3), there.open(3)];
    const both = async (name: string): Promise<void> => {
      expect(Buffer.compare(await b.next(condition(name)), await a.next(condition(name)))).toBe(0);
    };
    await both('one');
    await both('two');
    for (const one of [a, b]) one.reset(9);
    await both('three');
    const frames = [1, 2].map((seed) => new Uint8Array(3 * PIXELS).fill(seed * 40));
    const conditions = [condition('p'), condition('q')];
    for (const one of [a, b]) one.start(frames, conditions);
    await both('four');
    a.dispose();
    b.dispose();
    await Promise.all([here.release(), there.release()]);
  });

  it('may be asked for several frames at once, of several states', async () => {
    const model = await openThreadedModel(path);
    const [a, b] = [model.open(1), model.open(1)];
    const names = ['one', 'two', 'three'];
    const [mine, others] = await Promise.all(
      [a, b].map((one) => Promise.all(names.map((name) => one.next(condition(name))))),
    );
    expect(mine).toEqual(others);
    expect(mine![0]).not.toEqual(mine![1]);
    await model.release();
  });

  it('leaves the caller its bytes', async () => {
    const model = await openThreadedModel(path);
    const bytes = condition('one');
    await model.open().next(bytes);
    expect(bytes).toEqual(condition('one'));
    await model.release();
  });

  it('makes the same video', async () => {
    const input = await makeClip({ frames: 8 });
    const [here, there] = [await openOnnxModel(path), await openThreadedModel(path)];
    const outputs = ['here.mkv', 'there.mkv'].map(scratchPath);
    for (const [i, model] of [here, there].entries()) {
      const synthesizer = model.open();
      await generateVideo(model, {
        ...{ input, output: outputs[i]!, startFrames: 2, baseFolder: '.', synthesizer },
      });
    }
    const [a, b] = await Promise.all(outputs.map((output) => collect(decodeFrames(output))));
    expect(a).toHaveLength(8);
    expect(a!.map(({ data }) => data)).toEqual(b!.map(({ data }) => data));
    await Promise.all([here.release(), there.release()]);
  });

  it('tells of what is wrong with a call as this thread would', async () => {
    const model = await openThreadedModel(path);
    const one = model.open();
    const short = await failure(one.next(new Uint8Array(3)));
    expect(isFrameloomError(short, 'bad-input')).toBe(true);
    expect(isFrameloomError(await failure(one.next(null)), 'bad-input')).toBe(true);
    expect(() => one.start([new Uint8Array(5)], null)).toThrow('a frame has 5 bytes');
    // And goes on.
    expect(await one.next(condition('one'))).toHaveLength(3 * PIXELS);
    await model.release();
  });

  it('tells of what happens in the thread with our codes', async () => {
    const broken = scratchPath('broken.onnx');
    await writeFile(broken, 'not a file');
    expect(await failure(openThreadedModel(broken))).toMatchObject({ code: 'bad-input' });
    const nowhere = await failure(openThreadedModel(path, { device: 'coreml' }));
    expect(nowhere).toMatchObject({ code: 'backend' });
    expect((nowhere as Error & { hint?: string }).hint).toContain('cpu');
  });

  it('ends with its model: whoever waits is told, and nothing is left', async () => {
    const thread = new OnnxThread();
    const model = await openThreadedModel(path, { thread });
    const one = model.open();
    const waiting = [failure(one.next(condition('one'))), failure(one.next(condition('two')))];
    await model.release();
    const [, second] = await Promise.all(waiting);
    expect(second).toMatchObject({ code: 'cancelled' });
    expect(await failure(one.next(condition('three')))).toMatchObject({ code: 'cancelled' });
    expect(thread.isGone).toBe(true);
    // A second time is nothing.
    await model.release();
  });

  it('ends only when the run in flight has ended, and drops what waits behind it', async () => {
    const thread = new OnnxThread();
    const model = await openThreadedModel(path, { thread });
    const one = model.open();
    // Again and again: a thread that is ended in the middle of a run takes this process with it.
    const waiting = Array.from({ length: 40 }, () => failure(one.next(condition('one'))));
    await waiting[0];
    await model.release();
    const failures = await Promise.all(waiting);
    expect(failures[0]).toBeUndefined();
    expect(failures.at(-1)).toMatchObject({ code: 'cancelled' });
    expect(thread.isGone).toBe(true);
  });

  it('may be closed before it has begun', async () => {
    for (let i = 0; i < 3; i += 1) {
      const thread = new OnnxThread();
      await thread.close();
      expect(thread.isGone).toBe(true);
      expect(await failure(openThreadedModel(path, { thread }))).toMatchObject({
        code: 'cancelled',
      });
    }
  });
});
