// A model whose frames are its conditions: what comes out tells which source frames were seen, and
// when each is shown.
import type { SynthesisModel } from '../../src/synthesis/models/model.js';
import {
  synthesizerOf,
  type Stepper,
  type Synthesizer,
} from '../../src/synthesis/engines/synthesizer.js';
import { conditionOptions, dataOptions } from '../../src/clips/index.js';
import { planCondition } from '../../src/clips/condition-plan.js';
import { createGenerator, generatorOptions } from '../../src/networks/index.js';
import {
  generateVideo,
  type GenerateVideoOptions,
} from '../../src/synthesis/video/generate-video.js';
import { isFrameloomError } from '../../src/base/error.js';
import type { EncodeResult } from '../../src/video/index.js';
import { keepingLog } from './look.js';

export interface Echo {
  readonly model: SynthesisModel;
  readonly synthesizer: Synthesizer;
  /** Grey of each condition that a frame was made from. */
  readonly seen: number[];
}

/** Conditions are the brightness of the input, made by a filtergraph as most are. */
export async function echoModel(width = 64, height = 36): Promise<Echo> {
  const condition = conditionOptions.parse('grey');
  const data = dataOptions.parse({ size: { width, height }, condition });
  const { layout } = await planCondition({ condition }, { baseFolder: '.', width, height });
  const generator = createGenerator(generatorOptions.parse({ preset: 'tiny' }), layout.channels);
  const seen: number[] = [];
  const stepper: Stepper = {
    width,
    height,
    next: (bytes) => {
      if (!bytes) return Promise.reject(new TypeError('a frame without a condition'));
      let sum = 0;
      const frame = new Uint8Array(width * height * 3);
      bytes.forEach((grey, i) => {
        sum += grey;
        frame.fill(grey, 3 * i, 3 * i + 3);
      });
      seen.push(sum / bytes.length);
      return Promise.resolve({ rgb: frame, flow: null, mask: null });
    },
    start: () => undefined,
    reset: () => undefined,
    reseed: () => undefined,
    snapshot: () => Promise.resolve({ seed: 1, index: 0, history: null, conditions: null }),
    restore: () => undefined,
    dispose: () => undefined,
  };
  const synthesizer = synthesizerOf(stepper, layout);
  const model = { data, layout, generator, weights: new Float32Array(generator.layout.size) };
  return { model: { ...model, seed: 1, step: 1 }, synthesizer, seen };
}

export interface Generated {
  /** Null where it failed. */
  readonly result: EncodeResult | null;
  /** Grey of each frame that was made. */
  readonly seen: readonly number[];
  readonly warnings: string;
  /** The line of its error; empty where there is none. */
  readonly error: string;
}

/** Generates with the echo. */
export async function echoed(
  options: Pick<GenerateVideoOptions, 'input' | 'output'> & Partial<GenerateVideoOptions>,
): Promise<Generated> {
  const { model, synthesizer, seen } = await echoModel();
  const { log, warnings } = keepingLog();
  const all = { startFrames: 0, baseFolder: '.', synthesizer, log, ...options };
  try {
    const result = await generateVideo(model, all);
    return { result, seen, warnings: warnings(), error: '' };
  } catch (thrown) {
    if (!isFrameloomError(thrown)) throw thrown;
    return { result: null, seen, warnings: warnings(), error: thrown.toLine() };
  }
}
