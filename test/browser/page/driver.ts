import type { ServerMessage } from '../../../src/play/live/messages.js';
import type { Packet } from '../../../src/play/live/packets.js';
import { decodeFromSession, encodePacket } from '../../../src/play/live/packets.js';
import type * as engines from '../../../web/src/engine/index.js';
import type { Driver, PlayOrder, Played } from '../driver-types.js';

const load = async (): Promise<typeof engines> =>
  (await import(new URL('engine.js', document.baseURI).href)) as typeof engines;

const bytesOf = (text: string): Uint8Array =>
  Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
function textOf(bytes: Uint8Array): string {
  let text = '';
  for (const byte of bytes) text += String.fromCharCode(byte);
  return btoa(text);
}

async function play(order: PlayOrder): Promise<Played> {
  const { findSite, engineChoices } = await load();
  const { width, height, threads } = order;
  const choice = (await engineChoices(await findSite(), threads)).find(
    ({ name }) => name === order.engine,
  );
  if (!choice) throw new Error(`there is no engine ${order.engine}`);
  const beganMs = performance.now();
  const transport = choice.open();
  const frames: string[] = [];
  let model: Played['model'] | undefined;
  let tellRecorded!: (recorded: NonNullable<Played['recorded']>) => void;
  const whenRecorded = new Promise<NonNullable<Played['recorded']>>(
    (resolve) => (tellRecorded = resolve),
  );
  let tellOpen!: () => void;
  const whenOpen = new Promise<void>((resolve) => (tellOpen = resolve));
  let made: (frame: Packet<'frame'>) => void = () => undefined;
  let fail!: (error: Error) => void;
  const failed = new Promise<never>((_, reject) => (fail = reject));
  transport.onState((state) => {
    if (state.kind === 'closed' && state.error) fail(new Error(state.error.message));
  });
  const say = (message: object): void => transport.send(JSON.stringify(message));
  transport.onMessage((message) => {
    if (typeof message === 'string') {
      const told = JSON.parse(message) as ServerMessage;
      if (told.type === 'model') {
        model = told;
        tellOpen();
      }
      if (told.type === 'recorded') tellRecorded(told);
      if (told.type === 'error') fail(new Error(told.message));
      return;
    }
    const packet = decodeFromSession(message, model?.layout.bytesPerPixel ?? 0);
    if (packet.kind !== 'frame') return;
    say({ type: 'shown', frame: packet.number });
    // One may have been on its way before the world was told to wait.
    const frame = packet as Packet<'frame'>;
    if (frame.newest === frames.length + 1) made(frame);
  });
  say({ type: 'hello', protocol: 1 });
  say({ type: 'pause' });
  // A world may have made a frame before it heard that it waits, and what is said before it is open is only what lasts.
  await Promise.race([whenOpen, failed]);
  say({ type: 'reset' });
  if (order.record) say({ type: 'record', on: true });
  const frameMs: number[] = [];
  let firstMs = 0;
  for (const [i, condition] of order.conditions.entries()) {
    const pixels = bytesOf(condition);
    transport.send(encodePacket({ kind: 'condition', width, height, number: i + 1, pixels }));
    const frame = new Promise<Packet<'frame'>>((resolve) => (made = resolve));
    say({ type: 'step' });
    const { pixels: rgb, ms } = await Promise.race([frame, failed]);
    if (i === 0) firstMs = performance.now() - beganMs;
    frames.push(textOf(rgb));
    frameMs.push(ms);
  }
  if (order.record) say({ type: 'record', on: false });
  const recorded = order.record ? await Promise.race([whenRecorded, failed]) : null;
  transport.close();
  return { isolated: crossOriginIsolated, model: model!, recorded, frames, firstMs, frameMs };
}

const driver: Driver = {
  keepOffline: async () => (await load()).keepOffline(),
  play,
};
Object.assign(globalThis, { driver });
