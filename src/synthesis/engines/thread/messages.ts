/** What the thread that runs ONNX Runtime and its owner tell each other. */
import type { ErrorCode } from '../../../base/error.js';
import type { OnDeviceOptions } from '../onnx/device.js';
import type { OnnxRun } from '../onnx/synthesizer.js';
import type { Device } from '../../../export/runtime.js';
import type { DetailedFrame, SynthesizerState } from '../synthesizer.js';

/** The exported file, and all that is known of it. */
export interface OpenMessage extends Omit<OnDeviceOptions, 'log'> {
  readonly kind: 'open';
  readonly file: Uint8Array;
  readonly layout: OnnxRun['layout'];
  readonly seed: number;
}

/** To one synthesizer, by its number. */
export type SynthesizerMessage = { readonly synthesizer: number } & (
  | {
      readonly kind: 'create';
      readonly seed: number;
      readonly style: Float32Array | undefined;
    }
  | {
      readonly kind: 'next';
      readonly call: number;
      readonly condition: Uint8Array | null;
      /** Flow and mask are wanted too. */
      readonly inDetail: boolean;
      readonly actions: Float32Array | null;
    }
  | {
      readonly kind: 'start';
      readonly frames: readonly Uint8Array[];
      readonly conditions: readonly Uint8Array[] | null;
      readonly actions: readonly Float32Array[] | null;
    }
  | { readonly kind: 'reset'; readonly seed: number | undefined }
  | { readonly kind: 'reseed'; readonly seed: number }
  | { readonly kind: 'snapshot'; readonly call: number }
  | { readonly kind: 'restore'; readonly state: SynthesizerState }
  | { readonly kind: 'dispose' }
);

/** Nothing more will be asked: the thread ends when what it does is done. */
export interface CloseMessage {
  readonly kind: 'close';
}

export type ToThread = OpenMessage | SynthesizerMessage | CloseMessage;

/** An error as it crosses: of ours with its code, of others with its stack. */
export interface CrossingError {
  readonly message: string;
  readonly stack?: string | undefined;
  readonly code?: ErrorCode | undefined;
  readonly hint?: string | undefined;
  readonly path?: string | undefined;
}

export type FromThread =
  | { readonly kind: 'ready'; readonly device: Device }
  | { readonly kind: 'frame'; readonly call: number; readonly frame: DetailedFrame }
  | { readonly kind: 'state'; readonly call: number; readonly state: SynthesizerState }
  /** A call's, or without one everything's. */
  | { readonly kind: 'failed'; readonly call?: number; readonly error: CrossingError }
  | { readonly kind: 'warning'; readonly text: string };
