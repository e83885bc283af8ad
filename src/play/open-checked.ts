import { throwIfCancelled } from '../base/cancel.js';
import { FrameloomError, isFrameloomError, messageOf } from '../base/error.js';
import { randomStream } from '../base/random.js';
import type { OnnxRuntime } from '../export/feeds.js';
import { openModel, type PlayModel, type PlayOptions } from './open-model.js';

/** Where a page's ONNX Runtime runs a generator. */
export type PlayDevice = 'webgpu' | 'wasm';

export interface CheckedOptions extends PlayOptions {
  /** What to try first: WebGPU unless given. */
  readonly device?: PlayDevice | undefined;
  /** Told where something is not as it was asked for, in a line. */
  readonly onWarning: (message: string) => void;
}

/** A model, and what really runs it. */
export interface CheckedModel extends PlayModel {
  readonly device: PlayDevice;
  /** Threads that WebAssembly has; null with WebGPU, and of a runtime that does not say. */
  readonly threads: number | null;
}

/** Frames that are compared, each made from those before. */
const FRAMES = 3;
/** Levels of 255 that a frame may differ by; more where deep layers are computed in float16, which WASM does not do. */
const MOST_LEVELS = { float32: 1, float16: 13 } as const;

/**
 * `openModel` on the graphics card of a page, where that makes the frames that WebAssembly makes: the first ones are made on both. Where they
 * differ by more than 1 of 255, hold NaN or cannot be made at all, WebAssembly is used, with a warning. Another
 * warning says where WebAssembly has fewer threads than it was to have, since the page is not cross-origin isolated.
 *
 * @param runtime a build with both: `import * as ort from 'onnxruntime-web/webgpu'`
 * @throws FrameloomError as openModel
 */
export async function openCheckedModel(
  file: Uint8Array | ArrayBuffer,
  runtime: OnnxRuntime,
  options: CheckedOptions,
): Promise<CheckedModel> {
  const { device = 'webgpu', onWarning, ...rest } = options;
  // From programs without types, anything may come.
  if (!['webgpu', 'wasm'].includes(device)) {
    throw new FrameloomError('bad-option', `there is no device ${JSON.stringify(device)}`, {
      hint: 'webgpu or wasm',
    });
  }
  const on = (name: PlayDevice): Promise<PlayModel> =>
    openModel(file, runtime, {
      ...rest,
      session: { ...rest.session, executionProviders: [name] },
    });
  const wanted = threadsOf(runtime);
  const wasm = on('wasm');
  const card = device === 'webgpu' ? await openCard(on, wasm, options) : null;
  const reference = await wasm;
  if (card) {
    await reference.release();
    return { ...card, device: 'webgpu', threads: null };
  }
  const threads = threadsOf(runtime);
  if (threads === 1 && wanted !== 1 && !canShareMemory()) {
    onWarning(
      'WebAssembly runs in one thread: the page is not cross-origin isolated (serve it with the headers Cross-Origin-Opener-Policy: same-origin and Cross-Origin-Embedder-Policy: require-corp)',
    );
  }
  return { ...reference, device: 'wasm', threads };
}

/** The model on the card, if its frames are those of WebAssembly. What is thrown is so of WebAssembly too. */
async function openCard(
  on: (name: PlayDevice) => Promise<PlayModel>,
  wasm: Promise<PlayModel>,
  { onWarning, signal }: CheckedOptions,
): Promise<PlayModel | null> {
  const reference = await wasm;
  let card: PlayModel | undefined;
  try {
    card = await on('webgpu');
    const levels = await levelsApart(card, reference, signal);
    if (levels <= MOST_LEVELS[reference.info.compute ?? 'float32']) return card;
    onWarning(
      `WebGPU makes other frames than WebAssembly (by ${levels} of 255): WebAssembly is used`,
    );
  } catch (error) {
    if (isFrameloomError(error, 'cancelled')) {
      await Promise.all([card?.release(), reference.release()]);
      throw error;
    }
    onWarning(`WebGPU cannot be used: ${messageOf(error)}: WebAssembly is used`);
  }
  await card?.release();
  return null;
}

/** The most that the first frames of two are apart, of 255. */
async function levelsApart(
  a: PlayModel,
  b: PlayModel,
  signal: AbortSignal | undefined,
): Promise<number> {
  const [mine, other] = [a.open(), b.open()];
  let worst = 0;
  try {
    for (let frame = 0; frame < FRAMES; frame += 1) {
      throwIfCancelled(signal, 'opening the model');
      const condition = trialCondition(a, frame);
      const [left, right] = [await mine.next(condition), await other.next(condition)];
      for (let i = 0; i < left.length; i += 1) {
        worst = Math.max(worst, Math.abs(left[i]! - right[i]!));
      }
    }
  } finally {
    mine.dispose();
    other.dispose();
  }
  return worst;
}

/** Squares of levels or classes, other ones at each frame, as drawings have surfaces and edges. */
function trialCondition(model: PlayModel, frame: number): Uint8Array | null {
  const { layout, width, height } = model;
  const { content, channels, bytesPerPixel } = layout;
  if (content === 'none') return null;
  const side = Math.max(4, Math.ceil(height / 9));
  const columns = Math.ceil(width / side);
  const random = randomStream(0, 'eval', `trial condition ${frame}`);
  const most = content === 'labels' ? channels - 1 : 255;
  const squares = Uint8Array.from(
    { length: columns * Math.ceil(height / side) * bytesPerPixel },
    () => random.integer(0, most),
  );
  return Uint8Array.from({ length: width * height * bytesPerPixel }, (_, i) => {
    const pixel = Math.floor(i / bytesPerPixel);
    const [x, y] = [pixel % width, Math.floor(pixel / width)];
    const square = Math.floor(y / side) * columns + Math.floor(x / side);
    return squares[square * bytesPerPixel + (i % bytesPerPixel)]!;
  });
}

/** What ONNX Runtime Web says of itself, where it is that. */
interface RuntimeEnvironment {
  readonly env?: { readonly wasm?: { readonly numThreads?: unknown } };
}

/** Threads of WebAssembly; once a session is there, those that it really has. */
function threadsOf(runtime: OnnxRuntime): number | null {
  const threads = (runtime as RuntimeEnvironment).env?.wasm?.numThreads;
  return typeof threads === 'number' && threads > 0 ? threads : null;
}

/** Of a page without isolation headers it cannot, and so there are no threads. */
const canShareMemory = (): boolean =>
  (globalThis as { readonly crossOriginIsolated?: boolean }).crossOriginIsolated !== false;
