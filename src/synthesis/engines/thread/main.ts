/** The thread that runs ONNX Runtime: does what it is told, one thing after another. */
import { parentPort, workerData } from 'node:worker_threads';
import { isFrameloomError, messageOf } from '../../../base/error.js';
import type { Logger } from '../../../base/log.js';
import { loadRuntime } from '../../../export/runtime.js';
import { openOnDevice } from '../onnx/device.js';
import { createOnnxStepper, type OnnxRun } from '../onnx/synthesizer.js';
import type {
  CrossingError,
  FromThread,
  OpenMessage,
  SynthesizerMessage,
  ToThread,
} from './messages.js';
import { doUnlessStopped, type ThreadWork } from './work.js';
import type { Stepper } from '../synthesizer.js';

const port = parentPort!;
const work = workerData as ThreadWork;
const synthesizers = new Map<number, Stepper>();
let model: OnnxRun | undefined;

const tell = (message: FromThread, transfer: ArrayBuffer[] = []): void =>
  port.postMessage(message, transfer);

function crossing(error: unknown): CrossingError {
  if (isFrameloomError(error)) {
    const { code, message, hint, path } = error;
    return { code, message, hint, path };
  }
  return { message: messageOf(error), stack: error instanceof Error ? error.stack : undefined };
}

const unheard = (): void => undefined;

/** Warnings are for the owner's log; nothing below says anything else that anyone needs. */
const log: Logger = {
  debug: unheard,
  info: unheard,
  warn: (text) => tell({ kind: 'warning', text }),
  error: (text) => tell({ kind: 'warning', text }),
};

async function open({ file, layout, seed, ...options }: OpenMessage): Promise<void> {
  const { runtime, device } = await openOnDevice(file, { ...options, log });
  const { width, height, info } = options;
  model = { runtime, width, height, layout, seed, info };
  tell({ kind: 'ready', device });
}

async function serve(message: SynthesizerMessage): Promise<void> {
  if (message.kind === 'create') {
    const { style, seed } = message;
    synthesizers.set(message.synthesizer, createOnnxStepper({ ...model!, style }, seed));
    return;
  }
  const synthesizer = synthesizers.get(message.synthesizer);
  // Disposed of: a call that was still under way is answered, not begun.
  if (!synthesizer) return;
  if (message.kind === 'next') {
    const { condition, call, inDetail, actions } = message;
    const frame = await synthesizer.next(condition, inDetail, actions);
    const parts = [frame.rgb, frame.flow, frame.mask].filter((part) => part !== null);
    tell(
      { kind: 'frame', call, frame },
      parts.map(({ buffer }) => buffer as ArrayBuffer),
    );
  } else if (message.kind === 'start')
    synthesizer.start(message.frames, message.conditions, message.actions);
  else if (message.kind === 'reset') synthesizer.reset(message.seed);
  else if (message.kind === 'reseed') synthesizer.reseed(message.seed);
  else if (message.kind === 'restore') synthesizer.restore(message.state);
  else if (message.kind === 'snapshot') {
    const state = await synthesizer.snapshot();
    tell({ kind: 'state', call: message.call, state });
  } else {
    synthesizer.dispose();
    synthesizers.delete(message.synthesizer);
  }
}

async function handle(message: ToThread): Promise<void> {
  if (message.kind === 'close') {
    // All that came before is done or was dropped: nothing native is under way in this thread.
    process.exit();
  }
  try {
    await doUnlessStopped(work, () => (message.kind === 'open' ? open(message) : serve(message)));
  } catch (error) {
    const call = 'call' in message ? message.call : undefined;
    tell({ kind: 'failed', error: crossing(error), ...(call !== undefined && { call }) });
  }
}

let working: Promise<void> = Promise.resolve();
port.on('message', (message: ToThread) => {
  // While a frame is made the next conditions wait here.
  working = working.then(() => handle(message));
});
// Loaded while the owner still reads the file; what fails is told when it is opened.
working = doUnlessStopped(work, loadRuntime).then(
  () => undefined,
  () => undefined,
);
