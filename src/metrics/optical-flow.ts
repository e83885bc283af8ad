import { createRequire } from 'node:module';
import { FrameloomError, messageOf } from '../base/error.js';
import { assertComparable, greyBytes, type Image } from './image.js';

/** Motion from one image to another: `data` is [H,W,2] in pixels, x right, then y down. */
export interface FlowField {
  readonly width: number;
  readonly height: number;
  readonly data: Float32Array;
}

export interface FlowEstimator {
  /**
   * Dense flow such that from[y, x] ≈ to[y + v, x + u].
   * @throws FrameloomError bad-shape
   */
  flow(from: Image, to: Image): FlowField;
}

/**
 * The settings of TecoGAN's metrics (Chu et al. 2020). Its numbers are not comparable all the same: it
 * leaves out the border of its frames.
 */
export const FARNEBACK_SETTINGS = {
  pyramidScale: 0.5,
  levels: 3,
  windowPixels: 15,
  iterations: 3,
  polynomialPixels: 5,
  polynomialSigma: 1.2,
} as const;

interface Mat {
  readonly data: Uint8Array;
  readonly data32F: Float32Array;
  delete(): void;
}

/** What is used of OpenCV; its packaged types describe C++ overloads that do not exist here. */
interface OpenCv {
  readonly Mat: new (rows?: number, columns?: number, type?: number) => Mat;
  readonly CV_8UC1: number;
  calcOpticalFlowFarneback(
    from: Mat,
    to: Mat,
    flow: Mat,
    pyramidScale: number,
    levels: number,
    windowPixels: number,
    iterations: number,
    polynomialPixels: number,
    polynomialSigma: number,
    flags: number,
  ): void;
}
type LoadingOpenCv = Omit<OpenCv, 'Mat'> &
  Partial<Pick<OpenCv, 'Mat'>> & {
    onRuntimeInitialized?: () => void;
  };

let loading: Promise<{ estimator: FlowEstimator }> | undefined;

/**
 * Farnebäck's dense optical flow (2003, "Two-frame motion estimation based on polynomial
 * expansion") by OpenCV compiled to WebAssembly: nothing to build. Loaded at the first call (one to
 * two seconds, 128 MiB), once a process.
 * @throws FrameloomError backend when the packaged OpenCV does not start
 */
export async function openFlow(): Promise<FlowEstimator> {
  loading ??= loadOpenCv();
  return (await loading).estimator;
}

async function loadOpenCv(): Promise<{ estimator: FlowEstimator }> {
  // Emscripten's start-up takes over the process's fatal errors; they are not its business.
  const events = ['uncaughtException', 'unhandledRejection'] as const;
  const before = events.map((event) => process.listeners(event as 'uncaughtException'));
  try {
    // The module has a `then` of its own that gives itself, so a promise must never resolve to it:
    // required, since import() may hand out such a namespace.
    const cv = createRequire(import.meta.url)('@techstark/opencv-js') as LoadingOpenCv;
    await new Promise<void>((resolve) => {
      if (cv.Mat === undefined) cv.onRuntimeInitialized = resolve;
      else resolve();
    });
    return { estimator: { flow: (from, to) => farneback(cv as OpenCv, from, to) } };
  } catch (cause) {
    loading = undefined;
    throw new FrameloomError('backend', `OpenCV did not start: ${messageOf(cause)}`, {
      hint: 'run npm install again; optical flow needs @techstark/opencv-js',
      cause,
    });
  } finally {
    events.forEach((event, i) => {
      for (const listener of process.listeners(event as 'uncaughtException')) {
        if (!before[i]!.includes(listener)) process.off(event, listener);
      }
    });
  }
}

function farneback(cv: OpenCv, from: Image, to: Image): FlowField {
  assertComparable(from, to);
  const { width, height } = from;
  const mats: Mat[] = [];
  const keep = (mat: Mat): Mat => {
    mats.push(mat);
    return mat;
  };
  try {
    const [first, second] = [from, to].map((image) => {
      const mat = keep(new cv.Mat(height, width, cv.CV_8UC1));
      mat.data.set(greyBytes(image));
      return mat;
    }) as [Mat, Mat];
    const flow = keep(new cv.Mat());
    const s = FARNEBACK_SETTINGS;
    cv.calcOpticalFlowFarneback(
      first,
      second,
      flow,
      s.pyramidScale,
      s.levels,
      s.windowPixels,
      s.iterations,
      s.polynomialPixels,
      s.polynomialSigma,
      0,
    );
    // A copy: the Mat's memory belongs to WebAssembly.
    return { width, height, data: Float32Array.from(flow.data32F) };
  } finally {
    for (const mat of mats) mat.delete();
  }
}
