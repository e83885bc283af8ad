/** What tells the time and wakes: another one in tests. */
export interface PlayClock {
  /** Milliseconds of a clock that only goes forward. */
  now(): number;
  /** Calls once after so many milliseconds, 0 for as soon as others had their turn. @returns what prevents it */
  after(ms: number, call: () => void): () => void;
}

/** Of what there is in Node and of what there is in pages, as much as is used here. */
interface Host {
  readonly setImmediate?: (call: () => void) => unknown;
  readonly clearImmediate?: (immediate: unknown) => void;
  readonly MessageChannel: new () => {
    readonly port1: { onmessage: (() => void) | null; close(): void };
    readonly port2: { postMessage(message: null): void };
  };
}
const host = globalThis as unknown as Host;

/**
 * As soon as messages, timers and painting had their turn. Pages make a chain of timers wait for four milliseconds
 * each; a message does not wait.
 */
function soon(call: () => void): () => void {
  if (host.setImmediate) {
    const immediate = host.setImmediate(call);
    return () => host.clearImmediate?.(immediate);
  }
  const { port1, port2 } = new host.MessageChannel();
  const close = (): void => {
    port1.onmessage = null;
    port1.close();
  };
  port1.onmessage = () => {
    close();
    call();
  };
  port2.postMessage(null);
  return close;
}

export const systemClock: PlayClock = {
  now: () => performance.now(),
  after(ms, call) {
    if (ms <= 0) return soon(call);
    const timer = setTimeout(call, ms);
    return () => clearTimeout(timer);
  },
};
