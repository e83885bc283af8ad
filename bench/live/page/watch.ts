/** Put into a page before its own code: sees when strokes are made, and when frames are on the screen. */
import type { Watch } from '../watched.js';

const watch: Watch = { strokes: [], frames: 0, firstMs: null };
Object.assign(globalThis, { watch });

/** Of binary messages (src/play/live/packets.ts). */
const FRAME = 65;
const DRAWINGS = [1, 4];

let stroke: { readonly atMs: number; number: number | null; sentAtMs: number } | null = null;
let frame: { readonly newest: number; readonly ms: number; readonly cameAtMs: number } | null =
  null;
/** Whether this is a callback before a picture of the screen: what is drawn now is in that picture. */
let isPainting = false;

addEventListener(
  'pointerdown',
  ({ timeStamp }) => (stroke = { atMs: timeStamp, number: null, sentAtMs: timeStamp }),
  { capture: true },
);

function sent(message: unknown): void {
  if (stroke?.number !== null || !(message instanceof Uint8Array)) return;
  if (!DRAWINGS.includes(message[0]!)) return;
  stroke.number = new DataView(message.buffer, message.byteOffset).getUint32(8, true);
  stroke.sentAtMs = performance.now();
}

function came(data: unknown): void {
  const bytes = data instanceof ArrayBuffer ? new Uint8Array(data) : data;
  if (!(bytes instanceof Uint8Array) || bytes[0] !== FRAME) return;
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  watch.frames += 1;
  const cameAtMs = performance.now();
  frame = { newest: view.getUint32(12, true), ms: view.getFloat32(16, true), cameAtMs };
}

/** A frame was drawn: it is on the screen once the browser has painted. */
function drawn(): void {
  const shown = frame;
  frame = null;
  if (!shown) return;
  const number = stroke?.number ?? null;
  const made = number !== null && shown.newest >= number ? stroke : null;
  if (made) stroke = null;
  if (!made && watch.firstMs !== null) return;
  afterPainting(() => {
    const now = performance.now();
    watch.firstMs ??= now;
    if (!made) return;
    const allMs = now - made.atMs;
    watch.strokes.push({
      ...{ allMs, beyondMs: allMs - shown.ms, sentMs: made.sentAtMs - made.atMs },
      waitedMs: shown.cameAtMs - made.sentAtMs - shown.ms,
      shownMs: now - shown.cameAtMs,
    });
  });
}

/** Calls once the picture of the screen is painted that what is drawn now is in. */
function afterPainting(call: () => void): void {
  const next = (): void => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = call;
    port2.postMessage(null);
  };
  // A message is heard when the painting is over that this is a part of.
  if (isPainting) next();
  else requestAnimationFrame(next);
}

const request = globalThis.requestAnimationFrame.bind(globalThis);
globalThis.requestAnimationFrame = (callback) =>
  request((time) => {
    isPainting = true;
    try {
      callback(time);
    } finally {
      isPainting = false;
    }
  });

globalThis.WebSocket = class extends WebSocket {
  constructor(url: string | URL, protocols?: string | string[]) {
    super(url, protocols);
    this.addEventListener('message', ({ data }) => came(data));
  }
  override send(message: Parameters<WebSocket['send']>[0]): void {
    sent(message);
    super.send(message);
  }
};
globalThis.Worker = class extends Worker {
  constructor(url: string | URL, options?: WorkerOptions) {
    super(url, options);
    this.addEventListener('message', ({ data }) => came(data));
  }
};
const { prototype } = CanvasRenderingContext2D;
const put = Object.getOwnPropertyDescriptor(prototype, 'putImageData')!.value as (
  ...words: unknown[]
) => void;
prototype.putImageData = function (this: CanvasRenderingContext2D, ...words: unknown[]) {
  put.apply(this, words);
  drawn();
};
