import { from, lastValueFrom, type Observable, toArray } from 'rxjs';
import { bytesPerPixel, type Frame, type PixelFormat } from '../../src/video/index.js';

/** Everything a stream emits. */
export const collect = <T>(source: Observable<T>): Promise<T[]> =>
  lastValueFrom(source.pipe(toArray()));

/** Frames of one colour (bytes of a pixel), all on the same data. */
export function flatFrames(options: {
  colour: readonly number[];
  width?: number;
  height?: number;
  count?: number;
  pixelFormat?: PixelFormat;
}): Observable<Frame> {
  const { colour, width = 64, height = 36, count = 4, pixelFormat = 'rgb24' } = options;
  const data = Buffer.alloc(width * height * bytesPerPixel(pixelFormat), Uint8Array.from(colour));
  return from(
    Array.from({ length: count }, (_, index) => ({
      index,
      timeSeconds: index / 25,
      width,
      height,
      pixelFormat,
      data,
    })),
  );
}

/** The pixel at x, y. */
export function pixelAt(frame: Frame, x: number, y: number): number[] {
  const size = bytesPerPixel(frame.pixelFormat);
  const at = (y * frame.width + x) * size;
  return [...frame.data.subarray(at, at + size)];
}

/** The largest difference between two pixels, or two frames' bytes. */
export function largestDifference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let most = a.length === b.length ? 0 : Infinity;
  for (let i = 0; i < a.length; i += 1) most = Math.max(most, Math.abs((a[i] ?? 0) - (b[i] ?? 0)));
  return most;
}

/** The error that a promise ends with. */
export async function failure(promise: Promise<unknown>): Promise<unknown> {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  throw new Error('it did not fail');
}
