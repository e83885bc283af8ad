import type { Tensor } from 'onnxruntime-common';
import { FrameloomError } from '../../../base/error.js';
import { randomStream } from '../../../base/random.js';
import { bytesToPlanes, labelsToPlanes, planesToBytes } from '../../../export/planes.js';
import { feedsFor, runtimeWords, type OnnxProgram } from '../../../export/feeds.js';
import { assertStyle } from '../../../networks/clip-styles.js';
import { actionColumns } from '../../../clips/actions.js';
import { checkNumbers } from '../conditions.js';
import { ActionRing } from '../told-actions.js';
import type { ConditionLayout } from '../../../clips/types.js';
import type { ExportedInfo } from '../../../export/metadata.js';
import {
  synthesizerOf,
  type DetailedFrame,
  type Stepper,
  type Synthesizer,
  type SynthesizerState,
} from '../synthesizer.js';

const RGB = 3;

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
  readonly runtime: OnnxProgram;
  readonly width: number;
  readonly height: number;
  readonly layout: ConditionLayout;
  readonly seed: number;
  readonly info: Pick<ExportedInfo, 'generator'>;
  /** The look of its frames, where the generator is told one. */
  readonly style?: Float32Array | undefined;
}

/** An exported generator on ONNX Runtime. @param seed of the noise; the training's unless given */
export const createOnnxSynthesizer = (model: OnnxRun, seed?: number): Synthesizer =>
  synthesizerOf(createOnnxStepper(model, seed), model.layout);

/**
 * Runs an exported generator on ONNX Runtime. Where that fills what it is handed for its outputs, the past
 * stays in two buffers that it reads and writes by turns: nothing of it is copied from frame to frame.
 */
export function createOnnxStepper(model: OnnxRun, seed: number = model.seed): Stepper {
  const { runtime, width, height, layout, info } = model;
  const { historyFrames, conditionFrames, noiseChannels, styleChannels = 0 } = info.generator;
  assertStyle(model.style, styleChannels);
  const { session, Tensor } = runtime;
  const pixels = width * height;
  const framePlanes = RGB * pixels;
  const conditionPlanes = layout.channels * pixels;
  const tensor = (channels: number, rows = height, columns = width): Tensor =>
    new Tensor('float32', planesFor(channels, rows, columns), [...[1, channels, rows, columns]]);
  const planesOf = (value: Tensor): Float32Array => value.data as Float32Array;

  /** Null of a generator without memory. */
  let history = historyFrames === 0 ? null : tensor(RGB * historyFrames);
  /** What the next history is written into, where that is done. */
  let spare = history && runtime.fillsOutputs ? tensor(RGB * historyFrames) : null;
  const condition = layout.content === 'none' ? null : tensor(layout.channels * conditionFrames);
  const noise = noiseChannels === 0 ? null : tensor(noiseChannels, height / 4, width / 4);
  const style =
    model.style && styleChannels > 0
      ? new Tensor('float32', Float32Array.from(model.style), [1, styleChannels, 1, 1])
      : null;
  const acts =
    actionColumns(layout) > 0 ? new ActionRing(actionColumns(layout), conditionFrames) : null;
  let hasHistory = false;
  let hasCondition = false;
  let index = 0;
  /** What was asked for last: one thing after the other. */
  let last: Promise<unknown> = Promise.resolve();

  function forget(): void {
    if (history) planesOf(history).fill(0);
    hasHistory = false;
    hasCondition = false;
    acts?.forget();
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

  async function make(
    bytes: Uint8Array | null,
    inDetail: boolean,
    done: Float32Array | null,
  ): Promise<DetailedFrame> {
    if (bytes) remember(bytes);
    if (done) acts?.push(done);
    const actions =
      acts && new Tensor('float32', acts.values.slice(), [1, acts.values.length, 1, 1]);
    drawNoise();
    // What is moved from nothing says nothing.
    const moves = inDetail && hasFlow && hasHistory;
    const outputs = [history ? 'next_history' : 'frame', ...(moves ? ['flow', 'mask'] : [])];
    let made: Awaited<ReturnType<typeof session.run>>;
    try {
      made = await session.run(
        feedsFor(runtime, { condition, history, noise, style, actions, hasHistory }),
        spare ? { next_history: spare, ...(moves && { flow: null, mask: null }) } : outputs,
      );
    } catch (error) {
      throw new FrameloomError(
        'bad-input',
        `the exported generator fails: ${runtimeWords(error)}`,
        { hint: 'export the run again', cause: error },
      );
    }
    // The newest frame is the first of the history.
    const following = spare ?? made.next_history ?? made.frame!;
    if (spare) spare = history;
    if (history) history = following;
    hasHistory = true;
    index += 1;
    const rgb = planesToBytes(planesOf(following).subarray(0, framePlanes), RGB);
    if (!moves) return { rgb, flow: null, mask: null };
    return { rgb, flow: interleaved(planesOf(made.flow!), 2), mask: planesOf(made.mask!).slice() };
  }

  function inTurn<T>(task: () => Promise<T> | T): Promise<T> {
    const done = last.then(task);
    // What it fails with is told to whoever asked for it.
    last = done.catch(() => undefined);
    return done;
  }

  const stateNow = (): SynthesizerState => ({
    ...{ seed, index },
    history: history && hasHistory ? planesOf(history).slice() : null,
    conditions: condition && hasCondition ? planesOf(condition).slice() : null,
    ...(acts && { actions: acts.values.slice() }),
  });

  return {
    width,
    height,
    next(bytes, inDetail, done) {
      // A copy: it may be a while until it is read.
      const own = bytes?.slice() ?? null;
      return inTurn(() => make(own, inDetail, done));
    },
    start(frames, conditions, actions) {
      forget();
      const planes = history && planesOf(history);
      frames.forEach((bytes, i) => {
        planes?.copyWithin(framePlanes, 0);
        if (planes) bytesToPlanes(bytes, RGB, planes);
        hasHistory = true;
        const own = conditions?.[i];
        if (own) remember(own);
        const done = actions?.[i];
        if (done) acts?.push(done);
      });
    },
    reset(nextSeed) {
      forget();
      seed = nextSeed ?? seed;
    },
    reseed(nextSeed) {
      seed = nextSeed;
      index = 0;
    },
    snapshot: () => inTurn(stateNow),
    restore(state) {
      const planes = history && planesOf(history);
      const known = condition && planesOf(condition);
      if (state.history) checkNumbers(state.history, planes?.length ?? 0);
      if (state.conditions) checkNumbers(state.conditions, known?.length ?? 0);
      if (state.actions) checkNumbers(state.actions, acts?.values.length ?? 0);
      forget();
      acts?.restore(state.actions ?? null);
      ({ seed, index } = state);
      if (state.history) planes?.set(state.history);
      if (state.conditions) known?.set(state.conditions);
      hasHistory = state.history !== null;
      hasCondition = state.conditions !== null;
    },
    dispose() {
      forget();
    },
  };
}
