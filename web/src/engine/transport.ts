/**
 * A way to one live session, wherever it runs: behind a WebSocket, or in a worker of the page. The
 * page knows no other difference between the two. Nothing here is decoded: messages are those of
 * `src/play/live/protocol.ts`, texts as JSON and pictures as bytes.
 */
export interface Transport {
  readonly state: TransportState;
  /**
   * Hands a message over. Messages arrive in order. What is sent before it is open waits; what is sent
   * once it has closed is dropped, and `onState` has said why.
   * @param message JSON, or the bytes of a binary message, whose buffer is the transport's from here on
   */
  send(message: string | Uint8Array<ArrayBuffer>): void;
  /** Bytes that were handed over and have not left yet: a page sends no newer drawing before they have. */
  readonly waitingBytes: number;
  /** What the session says. One listener; what comes before there is one waits. */
  onMessage(listener: (message: string | Uint8Array<ArrayBuffer>) => void): void;
  /** Called at each change, and at once with the state that it is in. One listener. */
  onState(listener: (state: TransportState) => void): void;
  /** Ends the session. A second time does nothing. */
  close(): void;
}

/**
 * Where a transport is in its life. A connection that is lost goes back to `opening` while it is made again: the session
 * behind it is then a new one, which has been told all that the old one was asked, so that `model` and `state` come again.
 */
export type TransportState =
  | { readonly kind: 'opening'; readonly doing: string }
  | { readonly kind: 'open' }
  /** @property error what ended it, in words for people; null where it was closed here */
  | { readonly kind: 'closed'; readonly error: TransportError | null };

/** What is told to people of what went wrong: one line, and what to do about it. */
export interface TransportError {
  readonly message: string;
  readonly hint?: string | undefined;
}

/** An engine that the page may choose. */
export interface EngineChoice {
  /** In the page's address and in tests: `server`, `webgpu`, `wasm`. */
  readonly name: EngineName;
  /** Why it cannot be chosen here, in words; null where it can. */
  readonly unavailable: string | null;
  /** @throws nothing: what fails is told by the transport's state */
  open(): Transport;
}

export type EngineName = 'server' | 'webgpu' | 'wasm';
