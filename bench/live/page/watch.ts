/** Put into a page before its own code: sees when strokes are made, and when frames are on the screen. */
import type { Watch } from '../watched.js';

const watch: Watch = { strokes: [], frames: 0, firstMs: null };
Object.assign(globalThis, { watch });

/** Of binary messages (src/play/live/packets.ts). */
const FRAME = 65;
const DRAWINGS = [1, 4];

let stroke: { readonly atMs: number; number: number | null } | null = null;
let frame: { readonly newest: number; readonly ms: number } | null = null;

addEventListener('pointerdown', ({ timeStamp }) => (stroke = { atMs: timeStamp, number: null }), {
  capture: true,
});

function sent(message: unknown): void {
  if (stroke?.number !== null || !(message instanceof Uint8Array)) return;
  if (!DRAWINGS.includes(message[0]!)) return;
  stroke.number = new DataView(message.buffer, message.byteOffset).getUint32(8, true);
}

function came(data: unknown): void {
  const bytes = data instanceof ArrayBuffer ? new Uint8Array(data) : data;
  if (!(bytes instanceof Uint8Array) || bytes[0] !== FRAME) return;
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  watch.frames += 1;
  frame = { newest: view.getUint32(12, true), ms: view.getFloat32(16, true) };
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
  requestAnimationFrame(() => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      const now = performance.now();
      watch.firstMs ??= now;
      if (!made) return;
      const allMs = now - made.atMs;
      watch.strokes.push({ allMs, beyondMs: allMs - shown.ms });
    };
    port2.postMessage(null);
  });
}

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
