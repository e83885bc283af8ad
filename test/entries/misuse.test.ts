import { Readable } from 'node:stream';
import { of } from 'rxjs';
import { describe, expect, it } from 'vitest';
import * as library from '../../src/index.js';
import * as training from '../../src/entries/train.js';
import * as streams from '../../src/entries/video.js';

// Programs without types hand in what they like.
type Loose = Record<string, (...given: unknown[]) => unknown>;
const root = library as unknown as Loose;
const video = streams as unknown as Loose;
const train = training as unknown as Loose;
const model = { layout: {}, open: () => undefined };

/** What a call says, whichever way it says it. */
async function told(calls: Loose, name: string, given: readonly unknown[]): Promise<unknown> {
  try {
    const made = calls[name]!(...given) as AsyncIterator<unknown> | Promise<unknown>;
    await ('next' in made ? made.next() : made);
  } catch (error) {
    return error;
  }
  return undefined;
}

describe('a call that cannot be meant', () => {
  it.each<[string, Loose, unknown[], string]>([
    ['probe', root, [], 'probe needs a path and was given undefined'],
    ['probe', video, [null], 'probe needs a path and was given null'],
    [
      'readFrames',
      root,
      [],
      'readFrames needs a path or a stream that is read and was given undef',
    ],
    ['readFrames', video, [{}], 'and was given an empty object'],
    ['readFrames', root, ['a.mp4', 25], 'readFrames needs options and was given 25'],
    ['openModel', root, [3], 'openModel needs a path and was given 3'],
    ['openModel', train, [['a']], 'openModel needs a path and was given a list'],
    ['openModel', root, ['r', { engin: 'onnx' }], 'no option engin (did you mean engine?)'],
    [
      'writeFrames',
      root,
      [5, 'x.mp4'],
      'writeFrames needs an iterable or Observable of frames and',
    ],
    ['writeFrames', video, ['a.mp4', 'b.mp4'], 'of frames and was given "a.mp4"'],
    [
      'writeFrames',
      root,
      [[], undefined],
      'needs a path or a stream that is written and was given',
    ],
    [
      'writeFrames',
      root,
      [[], 'x.mp4', { size: 3 }],
      'writeFrames knows no option size (there are ',
    ],
    ['generate', root, ['run', 'a.mp4'], 'generate needs a model, as openModel gives it and was'],
    ['generate', root, [Promise.resolve(model), 'a.mp4'], 'given a promise (await it first)'],
    ['generate', root, [model, 'a', { sede: 1 }], 'knows no option sede (did you mean seed?)'],
    ['generateVideo', root, [model, { input: 'a' }], 'needs options with input and output'],
    ['sample', root, [model, { frames: 3 }], 'sample needs options with frames and fps'],
    ['planBatch', root, [], 'a batch needs inputs, a list of paths and seeds, a list of numbers'],
    [
      ...(['planBatch', root] as const),
      [{ inputs: [], seeds: [], template: 'a', sedes: [] }],
      'planBatch knows no option sedes (there are inputs, seeds, template)',
    ],
    ['runBatch', root, [model, [{ input: 'a' }]], 'runBatch needs a list of jobs, as planBatch'],
    ['parseRational', root, [25], '25 is not a frame rate'],
    ['decodeFrames', video, [7], 'decodeFrames needs a path or a stream that is read'],
    [
      ...(['decodeFrames', video] as const),
      ['a.mp4', { size: { widht: 4 } }],
      'decodeFrames knows no option size.widht (did you mean size.width?)',
    ],
    ['encodeFrames', video, ['a.mp4', { raw: {} }], 'encodeFrames knows no option raw'],
    ['mapFrames', video, [{}], 'mapFrames needs a function and was given an empty object'],
    ['fromFrames', video, [new Promise(() => undefined)], 'given a promise (await it first)'],
    ['train', train, [{}, {}], 'train needs a pipeline, as loadPipeline gives it'],
    ['loadPipeline', train, ['a', { clip: [] }], 'no option clip (did you mean clips?)'],
    ['startRun', train, [{ name: 'a' }], 'startRun needs options with name and pipelineYaml'],
    ['useBackend', train, [{ prefre: 'cpu' }], 'no option prefre (did you mean prefer?)'],
  ])('%s is told what it is', async (name, calls, given, message) => {
    const error = await told(calls, name, given);
    expect(library.isFrameloomError(error, 'bad-option')).toBe(true);
    expect((error as library.FrameloomError).toLine()).toContain(message);
  });

  it('is none where a value is undefined, and streams and Observables are what they are', () => {
    const stream = Readable.from([]);
    expect(() => streams.decodeFrames(stream, { fps: undefined })).not.toThrow();
    expect(() => video.decodeFrames!('a.mp4', { sede: undefined })).not.toThrow();
    expect(() => streams.fromFrames(of(1 as never))).not.toThrow();
    expect(() => streams.encodeFrames(process.stderr)).not.toThrow();
    stream.destroy();
  });
});
