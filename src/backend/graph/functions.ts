import type * as tf from '@tensorflow/tfjs-core';
import { FrameloomError } from '../../base/error.js';
import { setupCommand } from '../../base/own-package.js';
import { nativeAddon, type NativeBackend } from '../native.js';
import { functionDefinitions } from './function-def.js';
import type { Recording } from './recording.js';

/** What set-up compiled from `scripts/setup/functions.cc`. */
interface FunctionAddon {
  /** Whether TensorFlow's context was found in TF.js's addon, which lies at that path. */
  open(binding: string): boolean;
  /** Takes a FunctionDef, serialized. @returns what is wrong, or nothing */
  add(definition: Uint8Array): string;
  /** @returns what is wrong, or nothing */
  remove(name: string): string;
}

let opened: FunctionAddon | undefined;
/** Names are the process's own, of all that it ever made. */
let made = 0;
let alive = 0;

/** Functions that TensorFlow's context holds, each with all that it calls counted once. */
export const functionsAlive = (): number => alive;

/** @throws FrameloomError `backend` where set-up left nothing that adds functions */
function functionAddon(): FunctionAddon {
  if (opened) return opened;
  const found = nativeAddon('functions.node');
  const addon = found?.addon as FunctionAddon | undefined;
  if (!addon?.open(found!.binding)) {
    throw new FrameloomError(
      'backend',
      'native TensorFlow takes no functions: its set-up is of another version of Frameloom',
      { hint: `run: ${setupCommand()}; or set training.compile to false` },
    );
  }
  return (opened = addon);
}

/** A recording that TensorFlow runs as one function of its eager context. */
export interface NativeFunction {
  /** @returns its outputs, in order: the caller's */
  run(inputs: readonly tf.Tensor[]): tf.Tensor[];
  /** Lets it go, with all that TensorFlow made of it. */
  dispose(): void;
}

/**
 * Gives a recording to TensorFlow, which optimizes it when it first runs.
 *
 * @throws FrameloomError `backend` where TensorFlow does not take it
 */
export function nativeFunction(backend: NativeBackend, recording: Recording): NativeFunction {
  const addon = functionAddon();
  const name = `frameloom_${made}`;
  made += 1;
  const added: string[] = [];
  const dispose = (): void => {
    // The whole before what it calls.
    for (const own of added.splice(0).reverse()) must(addon.remove(own), 'let go of');
  };
  try {
    for (const { name: own, bytes } of functionDefinitions(backend.binding, recording, name)) {
      must(addon.add(bytes), 'take');
      added.push(own);
    }
  } catch (error) {
    dispose();
    throw error;
  }
  alive += 1;
  const { length } = recording.outputs;
  return {
    run: (inputs) =>
      backend.binding
        .executeOp(name, [], backend.getInputTensorIds(inputs), length)
        .map((info) => backend.createOutputTensor(info)),
    dispose() {
      if (added.length === 0) return;
      dispose();
      alive -= 1;
    },
  };
}

function must(wrong: string, what: string): void {
  if (wrong !== '') {
    throw new FrameloomError('backend', `TensorFlow did not ${what} a recorded function: ${wrong}`);
  }
}
