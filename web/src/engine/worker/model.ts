import type * as ort from 'onnxruntime-web/jspi';
import { openCheckedModel } from '../../../../src/play/open-checked.js';
import type { LiveModel, Size } from '../../../../src/play/live/services.js';
import { API } from '../../../../src/serve/page-api.js';
import { authorization } from '../authorization.js';
import { fetchBytes } from '../fetch-bytes.js';
import type { OpenOrder, PageDevice } from '../worker-messages.js';
import { loadRuntime, threadsHere } from './runtime.js';

export type OpenedModel = LiveModel & { release(): Promise<void> };

/** The generator and what runs it, loaded once; a session for each size that is asked for. */
export interface PageGenerator {
  /** @param size the trained one unless given */
  open(size?: Size): Promise<OpenedModel>;
}

export interface GeneratorNews {
  /** What is waited for. */
  readonly doing: (what: string) => void;
  /** What is not as it was asked for. */
  readonly onWarning: (message: string) => void;
}

/**
 * Fetches the generator and ONNX Runtime, at once.
 * @throws FrameloomError not-found, backend
 */
export async function loadGenerator(
  { source, device, threads: asked }: OpenOrder['open'],
  { doing, onWarning }: GeneratorNews,
): Promise<PageGenerator> {
  doing('fetching the generator');
  // What the card is held to, and what takes its place, has as many as the page may have.
  const threads = asked ?? threadsHere();
  const [runtime, file] = await Promise.all([
    loadRuntime(source.base, threads),
    source.kind === 'server'
      ? fetchBytes(new URL(API.model, source.base).href, authorization(source.token))
      : fetchBytes(new URL(source.site.model, source.base).href),
  ]);
  return {
    async open(size) {
      doing('preparing the generator');
      return opened({ runtime, file, device, size, onWarning });
    },
  };
}

interface Opening {
  readonly runtime: typeof ort;
  readonly file: Uint8Array;
  readonly device: PageDevice;
  readonly size: Size | undefined;
  readonly onWarning: (message: string) => void;
}

async function opened(opening: Opening): Promise<OpenedModel> {
  const { runtime, file, size, ...how } = opening;
  const model = await openCheckedModel(file, runtime, { ...size, ...how });
  const { device, threads } = model;
  return { ...model, engine: { name: 'onnxruntime-web', device, threads } };
}
