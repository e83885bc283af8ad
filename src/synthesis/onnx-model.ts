import { readFile } from 'node:fs/promises';
import { FrameloomError, messageOf } from '../base/error.js';
import { silentLogger, type Logger } from '../base/log.js';
import type { ConditionLayout, DataOptions } from '../clips/index.js';
import { dataOptions } from '../clips/options.js';
import { readMetadata, type ExportedInfo } from '../export/metadata.js';
import { openRuntime, type Device, type Runtime } from '../export/runtime.js';
import { probeFrame } from './onnx-probe.js';

export interface OpenOnnxOptions {
  /** Where it runs: `cpu` unless given. */
  readonly device?: Device;
  /** Pixels, multiples of 4; the size it was trained at unless given. */
  readonly width?: number;
  readonly height?: number;
  /** Threads of the processor; as many as there are cores unless given. */
  readonly threads?: number;
  readonly log?: Logger;
}

/** An exported generator, loaded. Several synthesizers may share it. */
export interface OnnxModel {
  readonly path: string;
  readonly info: ExportedInfo;
  /** The data section of the pipeline it was trained by: the rule for conditions. */
  readonly data: DataOptions;
  readonly layout: ConditionLayout;
  readonly seed: number;
  /** Steps the weights were trained. */
  readonly step: number;
  readonly width: number;
  readonly height: number;
  /** Where it really runs. */
  readonly device: Device;
  readonly runtime: Runtime;
  /** Lets the engine go; synthesizers of it are no longer usable. */
  release(): Promise<void>;
}

/** A byte is 2/255 of the range from −1 to 1: frames of a device may differ by two of them. */
const DEVICE_TOLERANCE = (2 * 2) / 255;

async function read(path: string): Promise<Uint8Array> {
  try {
    return await readFile(path);
  } catch (error) {
    throw new FrameloomError('not-found', `cannot read ${path}: ${messageOf(error)}`, {
      path,
      hint: 'write it with `frameloom export`',
      cause: error,
    });
  }
}

/**
 * Loads a generator that `frameloom export` wrote into ONNX Runtime, without TensorFlow. A device
 * other than the processor must make the frame that the processor makes, or it is not used.
 *
 * @throws FrameloomError not-found, bad-input (no exported generator, or a size that is not a
 *   multiple of 4), backend (no ONNX Runtime, no such device)
 */
export async function openOnnxModel(
  path: string,
  options: OpenOnnxOptions = {},
): Promise<OnnxModel> {
  const { device = 'cpu', log = silentLogger, threads } = options;
  const file = await read(path);
  const info = readMetadata(file, path);
  const { width = info.width, height = info.height } = options;
  if (width % 4 !== 0 || height % 4 !== 0 || width < 4 || height < 4) {
    throw new FrameloomError('bad-input', `a frame cannot be ${width}x${height}`, {
      hint: 'both sides are multiples of 4',
    });
  }
  const data = dataOptions.safeParse((info.pipeline as { data?: unknown } | null)?.data);
  if (!data.success) {
    throw new FrameloomError('bad-input', `${path} was exported by another Frameloom`, {
      path,
      hint: 'export the run again',
      cause: data.error,
    });
  }
  const size = { samples: 1, width, height };
  const open = (on: Device): Promise<Runtime> =>
    openRuntime(file, path, { size, device: on, ...(threads !== undefined && { threads }) });
  let used = device;
  let runtime = await open(device);
  if (device !== 'cpu') {
    const reference = await open('cpu');
    const difference = await differenceOf(runtime, reference, info, size);
    const wrong = !(difference <= DEVICE_TOLERANCE);
    if (wrong) {
      log.warn(
        `${device} makes other frames than the processor (by ${(difference * 127.5).toFixed(1)} of 255): using the processor`,
      );
      used = 'cpu';
    }
    await (wrong ? runtime : reference).session.release();
    if (wrong) runtime = reference;
  }
  return {
    ...{ path, info, width, height, runtime, device: used },
    data: data.data,
    layout: info.condition,
    seed: info.seed,
    step: info.step,
    release: () => runtime.session.release(),
  };
}

/** How far the same frame is apart on two devices, in [−1, 1]; infinite where one makes NaN. */
async function differenceOf(
  a: Runtime,
  b: Runtime,
  info: ExportedInfo,
  size: { width: number; height: number },
): Promise<number> {
  const [mine, other] = [await probeFrame(a, info, size), await probeFrame(b, info, size)];
  return mine.reduce((worst, value, i) => {
    const difference = Math.abs(value - other[i]!);
    return difference <= worst ? worst : Number.isNaN(difference) ? Infinity : difference;
  }, 0);
}
