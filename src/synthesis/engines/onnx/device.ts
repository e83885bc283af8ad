import { silentLogger, type Logger } from '../../../base/log.js';
import type { ExportedInfo } from '../../../export/metadata.js';
import { assertFits } from '../../../export/fits.js';
import type { OnnxProgram } from '../../../export/feeds.js';
import { openRuntime, type Device } from '../../../export/runtime.js';
import { probeFrame } from './probe.js';

export interface OnDeviceOptions {
  readonly path: string;
  readonly info: Pick<ExportedInfo, 'generator' | 'condition' | 'fixed' | 'compute'>;
  readonly width: number;
  readonly height: number;
  readonly device: Device;
  /** Threads of the processor; as many as there are cores unless given. */
  readonly threads?: number | undefined;
  /** Others (ffmpeg) need the processor at the same time. */
  readonly sharing?: boolean | undefined;
  readonly log?: Logger | undefined;
}

/** A byte is 2/255 of the range from −1 to 1: frames of a device may differ by two of them. */
const DEVICE_TOLERANCE = (2 * 2) / 255;
/** Where a file computes in float16, which the processor does not do: noise is warped along. */
const HALF_TOLERANCE = 0.1;

/**
 * Loads an exported file into ONNX Runtime. A device other than the processor must make the frame
 * that the processor makes, or the processor is used, with a warning.
 * @throws FrameloomError bad-input, backend (no ONNX Runtime, no such device)
 */
export async function openOnDevice(
  file: Uint8Array,
  options: OnDeviceOptions,
): Promise<{ runtime: OnnxProgram; device: Device }> {
  const { path, info, width, height, device, threads, sharing, log = silentLogger } = options;
  const size = { samples: 1, width, height };
  const open = async (on: Device): Promise<OnnxProgram> => {
    const opened = await openRuntime(file, path, { size, device: on, threads, sharing });
    try {
      assertFits(opened.session, info, path);
    } catch (error) {
      await opened.session.release();
      throw error;
    }
    return opened;
  };
  const runtime = await open(device);
  if (device === 'cpu') return { runtime, device };
  const reference = await open('cpu');
  const difference = await differenceOf(runtime, reference, info, size);
  if (difference <= (info.compute === 'float16' ? HALF_TOLERANCE : DEVICE_TOLERANCE)) {
    await reference.session.release();
    return { runtime, device };
  }
  log.warn(
    `${device} makes other frames than the processor (by ${(difference * 127.5).toFixed(1)} of 255): using the processor`,
  );
  await runtime.session.release();
  return { runtime: reference, device: 'cpu' };
}

/** How far the same frame is apart on two devices, in [−1, 1]; infinite where one makes NaN. */
async function differenceOf(
  a: OnnxProgram,
  b: OnnxProgram,
  info: OnDeviceOptions['info'],
  size: { width: number; height: number },
): Promise<number> {
  const [mine, other] = [await probeFrame(a, info, size), await probeFrame(b, info, size)];
  return mine.reduce((worst, value, i) => {
    const difference = Math.abs(value - other[i]!);
    return difference <= worst ? worst : Number.isNaN(difference) ? Infinity : difference;
  }, 0);
}
