import { silentLogger } from '../../../base/log.js';
import { FrameloomError } from '../../../base/error.js';
import type { Device } from '../../../export/runtime.js';
import { checkLength, checkNumbers } from '../lengths.js';
import { describeExported, readExported, type ExportedModel } from '../../models/exported-model.js';
import type { OpenOnnxOptions } from '../onnx/model.js';
import { OnnxThread } from './host.js';
import type { DetailedFrame, Synthesizer } from '../synthesizer.js';

/** Frames that are asked for at once: while one is made, the next condition waits behind it. */
const IN_FLIGHT = 2;

export interface OpenThreadedOptions extends OpenOnnxOptions {
  /** A thread that was started early, to load while its owner does; a new one unless given. */
  readonly thread?: OnnxThread | undefined;
}

/**
 * Loads an exported generator as `openOnnxModel` does, in a thread of its own: frames are made while
 * this thread decodes and encodes. What goes wrong there is thrown here; `release` ends the thread.
 *
 * @throws FrameloomError as openOnnxModel
 */
export async function openThreadedModel(
  path: string,
  options: OpenThreadedOptions = {},
): Promise<ExportedModel> {
  const { device: wanted = 'cpu', log = silentLogger, threads } = options;
  const thread = options.thread ?? new OnnxThread();
  thread.log = log;
  try {
    const file = await readExported(path);
    const described = describeExported(file, path, options);
    const { width, height, layout, seed, info } = described;
    const { generator, condition } = info;
    const device = (await thread.open({
      kind: 'open',
      ...{ file, path, width, height, layout, seed, threads, device: wanted, sharing: true },
      info: { generator, condition },
    })) as Device;
    let opened = 0;
    return {
      ...described,
      device,
      open: (own = seed) => createThreadedSynthesizer(thread, described, (opened += 1), own),
      release: () => thread.close(),
    };
  } catch (error) {
    await thread.close();
    throw error;
  }
}

function createThreadedSynthesizer(
  thread: OnnxThread,
  model: Pick<ExportedModel, 'width' | 'height' | 'layout' | 'info'>,
  synthesizer: number,
  seed: number,
): Synthesizer {
  const { width, height, layout } = model;
  const pixels = width * height;
  const hasCondition = layout.content !== 'none';
  const checkCondition = (bytes: Uint8Array): void =>
    checkLength(bytes, pixels * layout.bytesPerPixel, 'a condition');
  const make = async (condition: Uint8Array | null, inDetail: boolean): Promise<DetailedFrame> => {
    if (!hasCondition) return thread.next(synthesizer, null, inDetail);
    if (condition === null) {
      throw new FrameloomError('bad-input', 'this generator needs a condition for each frame');
    }
    checkCondition(condition);
    return thread.next(synthesizer, condition, inDetail);
  };
  thread.tell({ kind: 'create', synthesizer, seed });
  return {
    width,
    height,
    inFlight: IN_FLIGHT,
    next: async (condition) => (await make(condition, false)).rgb,
    nextInDetail: (condition) => make(condition, true),
    start(frames, conditions) {
      for (const frame of frames) checkLength(frame, 3 * pixels, 'a frame');
      const own = hasCondition ? conditions : null;
      for (const condition of own ?? []) checkCondition(condition);
      const copies = (list: readonly Uint8Array[]) => list.map((bytes) => new Uint8Array(bytes));
      thread.tell({
        ...{ kind: 'start', synthesizer, frames: copies(frames) },
        conditions: own && copies(own),
      });
    },
    reset: (nextSeed) => thread.tell({ kind: 'reset', synthesizer, seed: nextSeed }),
    snapshot: () => thread.snapshot(synthesizer),
    restore(state) {
      const { historyFrames, conditionFrames } = model.info.generator;
      if (state.history) checkNumbers(state.history, 3 * pixels * historyFrames);
      const known = hasCondition ? pixels * layout.channels * conditionFrames : 0;
      if (state.conditions) checkNumbers(state.conditions, known);
      thread.tell({ kind: 'restore', synthesizer, state });
    },
    dispose: () => thread.tell({ kind: 'dispose', synthesizer }),
  };
}
