import type { Tensor } from 'onnxruntime-common';
import { FrameloomError } from '../../../base/error.js';
import { randomStream } from '../../../base/random.js';
import { bytesToPlanes, labelsToPlanes, planesToBytes } from '../../../export/planes.js';
import { feedsFor, runtimeWords, type Runtime } from '../../../export/runtime.js';
import { checkLength, checkNumbers } from '../lengths.js';
import type { ConditionLayout } from '../../../clips/index.js';
import type { ExportedInfo } from '../../../export/metadata.js';
import type { DetailedFrame, Synthesizer, SynthesizerState } from '../synthesizer.js';

const RGB = 3;

export interface OnnxSynthesizerOptions {
  /** Seed of the noise, where the generator takes any; the training's unless given. */
  readonly seed?: number;
}

/** Numbers of an input. @throws FrameloomError bad-input where there is no memory for so many */
function planesFor(channels: number, rows: number, columns: number): Float32Array {
  try {
    return new Float32Array(channels * rows * columns);
  } catch (error) {
    throw new FrameloomError(
      'bad-input',
      `there is no memory for ${channels} channels of ${columns}x${rows} pixels`,
      { hint: 'run the generator at a smaller size', cause: error },
    );
  }
}

/** CHW as HWC. */
function interleaved(planes: Float32Array, channels: number): Float32Array {
  const pixels = planes.length / channels;
  const numbers = new Float32Array(planes.length);
  for (let i = 0, at = 0; i < pixels; i += 1) {
    for (let channel = 0; channel < channels; channel += 1, at += 1) {
      numbers[at] = planes[channel * pixels + i]!;
    }
  }
  return numbers;
}

/** What is run of an exported file, and what it needs to be known of it. */
export interface OnnxRun {
  readonly runtime: Runtime;
  readonly width: number;
  readonly height: number;
  readonly layout: ConditionLayout;
  readonly seed: number;
  readonly info: Pick<ExportedInfo, 'generator'>;
}

/**
 * Runs an exported generator on ONNX Runtime. Its past stays in two buffers that the engine reads
 * and writes by turns: nothing of it is copied from frame to frame.
 */
export function createOnnxSynthesizer(
  model: OnnxRun,
  options: OnnxSynthesizerOptions = {},
): Synthesizer {
  const { runtime, width, height, layout, info } = model;
  const { historyFrames, conditionFrames, noiseChannels } = info.generator;
  const { session, Tensor } = runtime;
  const pixels = width * height;
  const framePlanes = RGB * pixels;
  const conditionPlanes = layout.channels * pixels;
  const tensor = (channels: number, rows = height, columns = width): Tensor =>
    new Tensor('float32', planesFor(channels, rows, columns), [...[1, channels, rows, columns]]);
  const planesOf = (value: Tensor): Float32Array => value.data as Float32Array;

  const histories = [tensor(RGB * historyFrames), tensor(RGB * historyFrames)] as const;
  const condition = layout.content === 'none' ? null : tensor(layout.channels * conditionFrames);
  const noise = noiseChannels === 0 ? null : tensor(noiseChannels, height / 4, width / 4);
  let seed = options.seed ?? model.seed;
  /** Which of the two histories is the present one. */
  let turn: 0 | 1 = 0;
  let hasHistory = false;
  let hasCondition = false;
  let index = 0;
  let running = false;
  /** Waiting for the frame under way. */
  let awaited: (() => void)[] = [];

  function forget(): void {
    planesOf(histories[turn]).fill(0);
    hasHistory = false;
    hasCondition = false;
    index = 0;
  }

  /** Puts a condition behind the others; the first stands for those that are missing before it. */
  function remember(bytes: Uint8Array): void {
    const planes = planesOf(condition!);
    planes.copyWithin(0, conditionPlanes);
    const newest = planes.subarray(planes.length - conditionPlanes);
    if (layout.content === 'labels') labelsToPlanes(bytes, layout.channels, newest);
    else bytesToPlanes(bytes, layout.channels, newest);
    if (!hasCondition) {
      for (let i = 1; i < conditionFrames; i += 1) planes.set(newest, (i - 1) * conditionPlanes);
    }
    hasCondition = true;
  }

  function checkCondition(bytes: Uint8Array): void {
    checkLength(bytes, pixels * layout.bytesPerPixel, 'a condition');
  }

  /** The numbers that TensorFlow.js's engine draws, which lie pixel by pixel there. */
  function drawNoise(): void {
    if (!noise) return;
    const planes = planesOf(noise);
    const drawn = randomStream(seed, 'sample', index).fillNormal(new Float32Array(planes.length));
    const places = planes.length / noiseChannels;
    for (let i = 0; i < planes.length; i += 1) {
      planes[i] = drawn[(i % places) * noiseChannels + Math.floor(i / places)]!;
    }
  }

  const hasFlow = ['flow', 'mask'].every((name) => session.outputNames.includes(name));

  async function make(bytes: Uint8Array | null, inDetail: boolean): Promise<DetailedFrame> {
    if (running) throw new Error('next was called before the frame before it was made');
    if (condition) {
      if (bytes === null) {
        throw new FrameloomError('bad-input', 'this generator needs a condition for each frame');
      }
      checkCondition(bytes);
      remember(bytes);
    }
    drawNoise();
    const history = histories[turn];
    const following = histories[turn === 0 ? 1 : 0];
    // What is moved from nothing says nothing.
    const moves = inDetail && hasFlow && hasHistory;
    let made: Awaited<ReturnType<typeof session.run>>;
    running = true;
    try {
      made = await session.run(feedsFor(runtime, { condition, history, noise, hasHistory }), {
        next_history: following,
        ...(moves && { flow: null, mask: null }),
      });
      turn = turn === 0 ? 1 : 0;
      hasHistory = true;
      index += 1;
    } catch (error) {
      throw new FrameloomError(
        'bad-input',
        `the exported generator fails: ${runtimeWords(error)}`,
        {
          hint: 'export the run again',
          cause: error,
        },
      );
    } finally {
      running = false;
      for (const take of awaited) take();
      awaited = [];
    }
    // The newest frame is the first of the history.
    const rgb = planesToBytes(planesOf(following).subarray(0, framePlanes), RGB);
    if (!moves) return { rgb, flow: null, mask: null };
    return { rgb, flow: interleaved(planesOf(made.flow!), 2), mask: planesOf(made.mask!).slice() };
  }

  const stateNow = (): SynthesizerState => ({
    ...{ seed, index },
    history: hasHistory ? planesOf(histories[turn]).slice() : null,
    conditions: condition && hasCondition ? planesOf(condition).slice() : null,
  });

  return {
    width,
    height,
    next: async (bytes) => (await make(bytes, false)).rgb,
    nextInDetail: (bytes) => make(bytes, true),
    start(frames, conditions) {
      forget();
      const planes = planesOf(histories[turn]);
      frames.forEach((bytes, i) => {
        checkLength(bytes, framePlanes, 'a frame');
        planes.copyWithin(framePlanes, 0);
        bytesToPlanes(bytes, RGB, planes);
        hasHistory = true;
        const own = conditions?.[i];
        if (!own || !condition) return;
        checkCondition(own);
        remember(own);
      });
    },
    reset(nextSeed) {
      forget();
      seed = nextSeed ?? seed;
    },
    snapshot: () =>
      new Promise((resolve) => {
        const take = (): void => resolve(stateNow());
        // Before anybody hears that the frame is made, and asks for the next.
        if (running) awaited.push(take);
        else take();
      }),
    restore(state) {
      const planes = planesOf(histories[turn]);
      const known = condition && planesOf(condition);
      if (state.history) checkNumbers(state.history, planes.length);
      if (state.conditions) checkNumbers(state.conditions, known?.length ?? 0);
      forget();
      ({ seed, index } = state);
      if (state.history) planes.set(state.history);
      if (state.conditions) known?.set(state.conditions);
      hasHistory = state.history !== null;
      hasCondition = state.conditions !== null;
    },
    dispose() {
      forget();
    },
  };
}
