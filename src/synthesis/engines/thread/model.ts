import { silentLogger } from '../../../base/log.js';
import type { Device } from '../../../export/runtime.js';
import { assertStyle } from '../../../networks/clip-styles.js';
import { actionColumns } from '../../../clips/actions.js';
import { checkNumbers } from '../conditions.js';
import { describeExported, readExported, type ExportedModel } from '../../models/exported-model.js';
import type { OpenOnnxOptions } from '../onnx/model.js';
import { OnnxThread } from './host.js';
import { synthesizerOf, type Stepper } from '../synthesizer.js';

/** Frames that are asked for at once: while one is made, the next condition waits behind it. */
const IN_FLIGHT = 2;

export interface OpenThreadedOptions extends OpenOnnxOptions {
  /** A thread that was started early, to load while its owner does; a new one unless given. */
  readonly thread?: OnnxThread | undefined;
  /** What is in the file, where that is known already: then the path only names it. */
  readonly file?: Uint8Array | undefined;
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
    const file = options.file ?? (await readExported(path));
    const described = describeExported(file, path, options);
    const { width, height, layout, seed, info } = described;
    const { generator, condition, fixed, compute } = info;
    const device = (await thread.open({
      kind: 'open',
      ...{ file, path, width, height, layout, seed, threads, device: wanted, sharing: true },
      info: { generator, condition, fixed, compute },
    })) as Device;
    let opened = 0;
    return {
      ...described,
      device,
      open: (own = seed, style = described.style) => {
        assertStyle(style, generator.styleChannels ?? 0);
        const drawn = { seed: own, style };
        return synthesizerOf(
          createThreadedStepper(thread, described, (opened += 1), drawn),
          layout,
        );
      },
      release: () => thread.close(),
    };
  } catch (error) {
    await thread.close();
    throw error;
  }
}

function createThreadedStepper(
  thread: OnnxThread,
  model: Pick<ExportedModel, 'width' | 'height' | 'layout' | 'info'>,
  synthesizer: number,
  drawn: { readonly seed: number; readonly style: Float32Array | undefined },
): Stepper {
  const { width, height, layout } = model;
  const pixels = width * height;
  thread.tell({ kind: 'create', synthesizer, ...drawn });
  return {
    width,
    height,
    inFlight: IN_FLIGHT,
    next: (condition, inDetail, actions) => thread.next(synthesizer, condition, inDetail, actions),
    start(frames, conditions, actions) {
      const copies = (list: readonly Uint8Array[]) => list.map((bytes) => new Uint8Array(bytes));
      thread.tell({
        ...{ kind: 'start', synthesizer, frames: copies(frames) },
        conditions: conditions && copies(conditions),
        actions,
      });
    },
    reset: (nextSeed) => thread.tell({ kind: 'reset', synthesizer, seed: nextSeed }),
    reseed: (nextSeed) => thread.tell({ kind: 'reseed', synthesizer, seed: nextSeed }),
    snapshot: () => thread.snapshot(synthesizer),
    restore(state) {
      const { historyFrames, conditionFrames } = model.info.generator;
      if (state.history) checkNumbers(state.history, 3 * pixels * historyFrames);
      if (state.conditions) {
        checkNumbers(state.conditions, pixels * layout.channels * conditionFrames);
      }
      const told = actionColumns(layout);
      if (state.actions) checkNumbers(state.actions, told === 0 ? 0 : (told + 1) * conditionFrames);
      thread.tell({ kind: 'restore', synthesizer, state });
    },
    dispose: () => thread.tell({ kind: 'dispose', synthesizer }),
  };
}
