import * as ort from 'onnxruntime-web/jspi';
import { FrameloomError, messageOf } from '../../../../src/base/error.js';
import { fetchBytes, unpacked } from '../fetch-bytes.js';
import { RUNTIME_FILES } from '../runtime-files.js';

/** More threads than such a small network has work for wait for each other. */
const MOST_THREADS = 4;

/**
 * As many threads as the page may have: one, unless it is isolated from other sites, which shared memory needs. Half of
 * what the machine has, since the page is drawn beside.
 */
export const threadsHere = (): number =>
  crossOriginIsolated ? Math.min(MOST_THREADS, Math.ceil(navigator.hardwareConcurrency / 2)) : 1;

/**
 * ONNX Runtime for browsers, its program fetched and unpacked here. Later calls give the same one.
 * @param base the page's address
 * @throws FrameloomError backend where the browser cannot run it; not-found where its files are not there
 */
export async function loadRuntime(base: string, threads: number): Promise<typeof ort> {
  const program = await unpacked(await fetchBytes(new URL(RUNTIME_FILES.program, base).href));
  if (!WebAssembly.validate(program)) {
    throw new FrameloomError(
      'backend',
      'this browser is too old to run the generator in the page',
      {
        hint: 'take one of 2025 or later, or the server as the engine',
      },
    );
  }
  const { wasm } = ort.env;
  ort.env.logLevel = 'error';
  wasm.numThreads = threads;
  wasm.wasmPaths = { mjs: new URL(RUNTIME_FILES.script, base).href };
  wasm.wasmBinary = program;
  return ort;
}

/** What comes of a runtime that does not start. */
export const notStarted = (error: unknown): FrameloomError =>
  new FrameloomError('backend', `ONNX Runtime does not start in this page: ${messageOf(error)}`, {
    hint: 'take the server as the engine',
    cause: error,
  });
