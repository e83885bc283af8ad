import type { ModelMessage, ServerMessage } from '../../src/play/live/messages.js';

/** What tests have done in a page, by the engines alone: `page/driver.ts`, which is `globalThis.driver` there. */
export interface Driver {
  /** Has all files of an exported page kept, for when its host is gone. */
  keepOffline(): Promise<void>;
  /** Hands each condition over, in turn, and has a frame made of it. */
  play(order: PlayOrder): Promise<Played>;
}

export interface PlayOrder {
  readonly engine: 'server' | 'wasm' | 'webgpu';
  readonly threads: number;
  /** Whether it is recorded. */
  readonly record?: boolean;
  readonly width: number;
  readonly height: number;
  /** Base64. */
  readonly conditions: readonly string[];
}

export interface Played {
  readonly recorded: Extract<ServerMessage, { type: 'recorded' }> | null;
  readonly isolated: boolean;
  readonly model: ModelMessage;
  /** rgb24 as base64. */
  readonly frames: readonly string[];
  /** Milliseconds from opening to the first frame, and of each frame in the page's own measure. */
  readonly firstMs: number;
  readonly frameMs: readonly number[];
}
